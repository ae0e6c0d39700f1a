"""The schema's own types and rules."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table, create_engine, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from aisle.storage.column_types import NAME, Moment
from aisle.storage.schema import METADATA, snapshots

TABLES = METADATA.sorted_tables
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1970, 1, 3), datetime(2100, 1, 1), timezones=ZONES)


@pytest.fixture(scope="module")
def engine():
    engine = create_engine("sqlite:///:memory:")
    METADATA.create_all(engine)
    yield engine
    engine.dispose()


class TestMoment:
    @given(moment=MOMENTS)
    def test_comes_back_as_the_same_point_in_time_in_utc(self, moment: datetime, engine):
        with engine.connect() as connection:
            connection.execute(insert(snapshots), {"digest": "d", "rows": 1, "manifest": "{}", "created_at": moment})
            read = connection.scalar(select(snapshots.c.created_at))
            connection.rollback()
        assert read == moment
        assert read.tzinfo is UTC

    @given(one=MOMENTS, two=MOMENTS)
    def test_is_stored_so_that_it_sorts(self, one: datetime, two: datetime):
        dialect = sqlite.dialect()
        stored = [Moment().process_bind_param(moment, dialect).isoformat() for moment in (one, two)]
        assert (stored[0][:19] <= stored[1][:19]) or one > two

    def test_may_be_missing(self):
        assert Moment().process_bind_param(None, sqlite.dialect()) is None
        assert Moment().process_result_value(None, sqlite.dialect()) is None


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
class TestEveryTable:
    def test_has_a_primary_key(self, table: Table):
        assert table.primary_key.columns

    def test_can_be_made_on_both_databases(self, table: Table):
        for dialect in (postgresql.dialect(), sqlite.dialect()):
            assert f"CREATE TABLE {table.name}" in str(CreateTable(table).compile(dialect=dialect))

    def test_names_its_constraints(self, table: Table):
        assert all(constraint.name for constraint in table.constraints)
        assert all(index.name for index in table.indexes)

    def test_compares_the_text_of_its_keys_by_bytes(self, table: Table):
        texts = [column for column in table.primary_key.columns if column.type.python_type is str]
        assert all(column.type is NAME for column in texts)
