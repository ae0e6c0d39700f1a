"""Bulk writes of plain rows: the same on SQLite, on PostgreSQL, and as a frame of polars is written."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from aisle.storage.bulk import insert_frame
from aisle.storage.bulk_rows import insert_rows
from aisle.storage.database import Database
from aisle.storage.schema import products, rejects, snapshots
from tests.contract.test_database import AWKWARD


def one(key: str, title: str | None = None, **more: Any) -> dict[str, Any]:
    return {"source": "shop", "split": "train", "id": key, "row": 0, "title": title, "load_id": 1, **more}


def test_every_text_comes_back_as_it_was(database: Database):
    with database.transaction() as connection:
        insert_rows(connection, products, [one(str(number), text) for number, text in enumerate(AWKWARD)])
    with database.reading() as connection:
        rows = connection.execute(select(products.c.id, products.c.title))
        assert {int(row.id): row.title for row in rows} == dict(enumerate(AWKWARD))


def test_rows_are_what_a_frame_of_them_is(database: Database):
    given = [one(str(number), text, image_width=number or None) for number, text in enumerate(AWKWARD)]
    with database.transaction() as connection:
        insert_rows(connection, products, [{**row, "source": "rows"} for row in given])
        insert_frame(
            connection, products, pl.DataFrame([{**row, "source": "frame"} for row in given], infer_schema_length=None)
        )
        found = {
            source: [
                {**row._mapping, "source": ""}
                for row in connection.execute(select(products).where(products.c.source == source).order_by(products.c.id))
            ]
            for source in ("rows", "frame")
        }
    assert found["rows"] == found["frame"]
    assert len(found["rows"]) == len(AWKWARD)


def test_columns_that_the_rows_lack_take_their_default(database: Database):
    row = {"load_id": 1, "source": "shop", "split": "train", "row": 7, "kind": "row", "reason": "no_id"}
    with database.transaction() as connection:
        insert_rows(connection, rejects, [row])
        insert_rows(connection, rejects, [dict(reversed(row.items()))])
        rows = connection.execute(select(rejects).order_by(rejects.c.seq)).all()
    assert [row.seq for row in rows] == [1, 2]
    assert [(row.detail, row.raw, row.row) for row in rows] == [("", None, 7)] * 2


def test_keys_go_by_name_in_every_row(database: Database):
    with database.transaction() as connection:
        insert_rows(connection, products, [one("1", "a"), dict(reversed(one("2", "b").items()))])
        assert connection.execute(select(products.c.id, products.c.title).order_by("id")).all() == [("1", "a"), ("2", "b")]


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30))])
def test_moments_keep_their_place_in_time(database: Database, zone: Any):
    given = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=zone)
    with database.transaction() as connection:
        insert_rows(connection, snapshots, [{"digest": "d", "rows": 1, "manifest": "{}", "created_at": given}])
        assert connection.scalar(select(snapshots.c.created_at)) == given


def test_no_rows_are_none(database: Database):
    with database.transaction() as connection:
        insert_rows(connection, products, [])
        assert connection.scalar(select(func.count()).select_from(products)) == 0


def test_rows_by_the_thousand(database: Database):
    rows = 5_000
    with database.transaction() as connection:
        insert_rows(connection, products, [one(str(number), "x" * 50, row=number) for number in range(rows)])
        assert connection.execute(select(func.count(), func.sum(products.c.row))).one() == (rows, sum(range(rows)))


def test_a_key_that_is_taken_refuses_the_whole_batch(database: Database):
    with pytest.raises(IntegrityError), database.transaction() as connection:
        insert_rows(connection, products, [one("1", "a"), one("1", "b")])
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(products)) == 0


def test_what_no_column_holds_is_an_error_of_the_database(database: Database):
    with pytest.raises(DBAPIError), database.transaction() as connection:
        insert_rows(connection, products, [{**one("1"), "source": None}])


@pytest.mark.servers
def test_nul_is_refused_as_an_error_of_the_database(postgres_url: str):
    database = Database(postgres_url)
    database.migrate()
    with pytest.raises(DBAPIError), database.transaction() as connection:
        insert_rows(connection, products, [one("1", "a\0b")])
    database.close()
