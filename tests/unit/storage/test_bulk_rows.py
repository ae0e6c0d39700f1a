"""Bulk writes of plain rows on SQLite; tests/contract/test_bulk_rows.py has both databases."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, create_engine, event, select
from sqlalchemy.exc import IntegrityError

from aisle.storage.bulk_rows import insert_rows

TABLE = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("name", String, server_default="none"))


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    TABLE.metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_rows_are_one_statement(connection: Connection) -> None:
    statements: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *told: statements.append(told[2]))
    insert_rows(connection, TABLE, [{"id": number, "name": str(number)} for number in range(500)])
    assert len(statements) == 1
    assert connection.execute(select(TABLE)).all() == [(number, str(number)) for number in range(500)]


def test_no_rows_are_no_statement(connection: Connection) -> None:
    event.listen(connection, "before_cursor_execute", lambda *_: pytest.fail("something was asked"))
    insert_rows(connection, TABLE, [])


def test_a_column_that_is_left_out_takes_its_default(connection: Connection) -> None:
    insert_rows(connection, TABLE, [{"id": 1}])
    assert connection.execute(select(TABLE.c.name)).scalar_one() == "none"


def test_a_key_that_is_taken_is_refused(connection: Connection) -> None:
    with pytest.raises(IntegrityError):
        insert_rows(connection, TABLE, [{"id": 1}, {"id": 1}])
