"""Storing a batch on every database: whole or not at all, and compared with what is there."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import func, select

from aisle.catalog import loads as ledger
from aisle.catalog.loads import SOURCE_AUTHOR, Load
from aisle.catalog.rejects import Reject
from aisle.catalog.source import TEXTS, Source, open_source
from aisle.catalog.store import store_batch
from aisle.storage.database import Database
from aisle.storage.schema import labels, products, rejects
from tests.catalogues import write_challenge

SCHEMA: dict[str, Any] = {
    "row": pl.Int64,
    "id": pl.String,
    "label": pl.String,
    **dict.fromkeys(TEXTS, pl.String),
    "image_sha256": pl.String,
    "image_width": pl.Int32,
    "image_height": pl.Int32,
}


def batch(*rows: dict[str, Any], start: int = 0) -> pl.DataFrame:
    """Return usable rows; what is not given is missing."""
    numbered = [{"row": start + place, "title": f"title {row['id']}", **row} for place, row in enumerate(rows)]
    return pl.DataFrame([{name: row.get(name) for name in SCHEMA} for row in numbered], schema=SCHEMA)


class Shop:
    """A source of twenty rows whose loads are stored by hand."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.load = self.open()

    def open(self) -> Load:
        source: Source = open_source(self.folder)
        ledger.register_source(self.database, source, "head")
        load = ledger.open_load(self.database, source, "train", sample="head", share=1.0, next_rows=None)
        assert load is not None
        return load

    def again(self) -> None:
        """End the load, change the files, and open the load of their next generation."""
        ledger.finish(self.database, self.load)
        path = self.folder / "X_train_update.csv"
        path.write_text(path.read_text() + "99,more,,1,2\n")
        self.load = self.open()

    def store(
        self, frame: pl.DataFrame, refused: list[Reject] | None = None, *, expected: int = 0, position: int = 5
    ) -> bool:
        with self.database.transaction() as connection:
            return store_batch(
                connection, self.load, expected=expected, position=position, frame=frame, refused=refused or []
            )

    def counts(self) -> tuple[int, int, int, int, int]:
        load = next(load for load in ledger.list_loads(self.database) if load.id == self.load.id)
        return (load.rows_loaded, load.rows_unchanged, load.rows_rejected, load.images_loaded, load.images_rejected)

    def rows(self, table: Any, *columns: str) -> list[tuple[Any, ...]]:
        with self.database.reading() as connection:
            picked = [table.c[name] for name in columns]
            return [tuple(row) for row in connection.execute(select(*picked).order_by(*picked))]

    def current(self) -> dict[str, str]:
        with self.database.reading() as connection:
            return dict(connection.exec_driver_sql("SELECT product_id, code FROM current_labels").all())  # type: ignore[arg-type]


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Shop:
    return Shop(database, write_challenge(tmp_path / "shop", train=20, test=2, images=False))


def test_a_batch_is_rows_labels_rejects_and_position_together(shop: Shop):
    image = {"image_name": "a.jpg", "image_sha256": "ab", "image_width": 3, "image_height": 4}
    refused = [Reject(2, None, "row", "no_id", "", "{}"), Reject(1, "b", "image", "missing", "", "b.jpg")]
    assert shop.store(batch({"id": "a", "label": "10", **image}, {"id": "b"}), refused)
    assert shop.counts() == (2, 0, 1, 1, 1)
    assert shop.rows(products, "id", "row", "label", "image_width", "load_id") == [
        ("a", 0, "10", 3, shop.load.id),
        ("b", 1, None, None, shop.load.id),
    ]
    assert shop.rows(rejects, "row", "kind", "reason") == [(1, "image", "missing"), (2, "row", "no_id")]
    assert shop.current() == {"a": "10"}
    assert ledger.current_position(shop.database, shop.load) == (5, "running")


def test_a_batch_of_a_position_that_has_moved_is_not_stored(shop: Shop):
    assert shop.store(batch({"id": "a"}))
    assert not shop.store(batch({"id": "b"}), [Reject(2, None, "row", "no_id", "", None)])
    assert shop.rows(products, "id") == [("a",)]
    assert shop.rows(rejects, "row") == []
    assert shop.counts() == (1, 0, 0, 0, 0)


def test_a_failure_takes_everything_back(shop: Shop):
    # A product without a row number is none: the statement fails after the position was moved.
    broken = batch({"id": "a"}).with_columns(row=pl.lit(None, pl.Int64))
    with pytest.raises(Exception, match=r"(?i)null"):
        shop.store(broken)
    assert ledger.current_position(shop.database, shop.load) == (0, "running")
    assert shop.rows(products, "id") == []


def test_a_batch_may_be_empty_or_all_rejects(shop: Shop):
    assert shop.store(batch(), [Reject(0, None, "row", "no_id", "", None)])
    assert shop.store(batch(), expected=5, position=20)
    assert shop.counts() == (0, 0, 1, 0, 0)


def test_an_id_that_an_earlier_batch_had_is_a_reject_and_the_others_are_stored(shop: Shop):
    image = {"image_name": "x.jpg", "image_sha256": "ab", "image_width": 3, "image_height": 4}
    shop.store(batch({"id": "a", "label": "10"}, {"id": "b"}))
    shop.store(batch({"id": "c"}, {"id": "a", "label": "40", **image}, start=5), expected=5, position=10)
    assert shop.rows(products, "id", "row") == [("a", 0), ("b", 1), ("c", 5)]
    assert shop.rows(rejects, "row", "product_id", "reason", "detail") == [(6, "a", "duplicate_id", "first seen in row 0")]
    # The duplicate's image is nobody's.
    assert shop.counts() == (3, 0, 1, 0, 0)
    assert shop.current() == {"a": "10"}


def test_a_new_generation_counts_what_stayed_and_replaces_what_changed(shop: Shop):
    shop.store(batch({"id": "a", "brand": "x"}, {"id": "b"}, {"id": "c"}))
    shop.again()
    shop.store(batch({"id": "c"}, {"id": "a", "brand": "y"}, {"id": "d"}))
    # The same content in another row is the same product.
    assert shop.counts() == (2, 1, 0, 0, 0)
    assert shop.rows(products, "id", "row", "brand") == [("a", 1, "y"), ("b", 1, None), ("c", 0, None), ("d", 2, None)]
    assert {row[0] for row in shop.rows(products, "load_id")} == {1, shop.load.id}


@pytest.mark.parametrize(
    "field", ["title", "description", "brand", "product_ref", "image_ref", "image_name", "image_sha256"]
)
def test_a_change_of_any_field_is_a_change_and_so_is_its_loss(shop: Shop, field: str):
    shop.store(batch({"id": "a", field: "one"}, {"id": "b", field: "one"}, {"id": "c", field: "one"}))
    shop.again()
    shop.store(batch({"id": "a", field: "two"}, {"id": "b", field: None}, {"id": "c", field: "one"}))
    assert shop.counts()[:2] == (2, 1)
    assert dict(shop.rows(products, "id", field)) == {"a": "two", "b": None, "c": "one"}


def test_labels_that_the_source_changes_are_appended_and_the_first_stays(shop: Shop):
    shop.store(batch({"id": "a", "label": "10"}, {"id": "b", "label": "10"}, {"id": "c"}, {"id": "d", "label": "10"}))
    shop.again()
    shop.store(batch({"id": "a", "label": "40"}, {"id": "b"}, {"id": "c", "label": "50"}, {"id": "d", "label": "10"}))
    assert dict(shop.rows(products, "id", "label")) == {"a": "10", "b": "10", "c": "50", "d": "10"}
    assert shop.rows(labels, "product_id", "seq", "code", "author") == [("a", 1, "40", SOURCE_AUTHOR)]
    assert shop.current() == {"a": "40", "b": "10", "c": "50", "d": "10"}
    shop.again()
    shop.store(batch({"id": "a", "label": "10"}))
    assert shop.rows(labels, "product_id", "seq", "code") == [("a", 1, "40"), ("a", 2, "10")]
    assert shop.current()["a"] == "10"


def test_a_correction_keeps_its_number_and_the_source_speaks_after_it(shop: Shop):
    shop.store(batch({"id": "a", "label": "10"}))
    with shop.database.transaction() as connection:
        connection.execute(
            labels.insert().values(source="shop", split="train", product_id="a", seq=1, code="60", author="ana")
        )
    shop.again()
    shop.store(batch({"id": "a", "label": "10"}))
    assert shop.current() == {"a": "60"}
    shop.again()
    shop.store(batch({"id": "a", "label": "40"}))
    assert shop.rows(labels, "seq", "code", "author") == [(1, "60", "ana"), (2, "40", SOURCE_AUTHOR)]
    assert shop.current() == {"a": "40"}


def test_ids_with_anything_in_them_are_told_apart(shop: Shop):
    ids = ["a", "A", "é", "e\u0301", "a'b", 'a"b', "a,b", "{}", "[1]", "%", "\\", "  x", "😀"]
    shop.store(batch(*({"id": identity} for identity in ids)), position=20)
    shop.again()
    shop.store(batch(*({"id": identity} for identity in reversed(ids))), position=20)
    assert shop.counts() == (0, len(ids), 0, 0, 0)
    with shop.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(products)).scalar_one() == len(ids)
