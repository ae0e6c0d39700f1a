"""Rejects on every database: stored as they are, ordered as in the file, and only those that still hold."""

from pathlib import Path
from typing import get_args

import orjson
import pytest

from aisle.catalog.ingest import Ingest
from aisle.catalog.rejects import REASONS, Reject, count_rejects, list_rejects, raw_row
from aisle.catalog.source import open_source
from aisle.catalog.store import reject_frame
from aisle.errors import ImageReason
from aisle.settings import Catalog
from aisle.storage.database import Database
from aisle.storage.objects import Objects
from tests.catalogues import write_challenge


@pytest.fixture
def ingest(database: Database, tmp_path: Path) -> Ingest:
    return Ingest(database, Objects(f"file://{tmp_path / 'store'}").bucket("images"), Catalog(batch_rows=100))


def _change(folder: Path, old: str, new: str) -> None:
    path = folder / "X_train_update.csv"
    content = path.read_bytes()
    assert old.encode() in content
    path.write_bytes(content.replace(old.encode(), new.encode("utf-8", "surrogateescape")))


def test_every_reason_that_an_image_may_have_is_explained():
    assert set(get_args(ImageReason)) <= set(REASONS)
    assert all(meaning and not meaning.endswith(".") for meaning in REASONS.values())


def test_rejects_come_in_the_order_of_the_file_and_an_image_before_its_row():
    frame = reject_frame(
        [
            Reject(7, "b", "row", "no_id", "", None),
            Reject(2, "a", "row", "bad_id", "", None),
            Reject(2, "a", "image", "missing", "", None),
        ]
    )
    assert list(zip(frame["row"], frame["kind"], strict=True)) == [(2, "image"), (2, "row"), (7, "row")]
    assert reject_frame([]).columns == frame.columns


def test_nul_is_written_as_its_escape_for_no_database_holds_it():
    frame = reject_frame([Reject(0, "a\0b", "row", "broken_encoding", "\0", "x\0")])
    assert frame.select("product_id", "detail", "raw").row(0) == ("a\\u0000b", "\\u0000", "x\\u0000")


def test_a_raw_row_is_json_of_what_is_there():
    assert orjson.loads(raw_row({"id": "é", "title": None, "row": 3})) == {"id": "é", "row": 3}


def test_rejects_keep_what_stood_in_the_file(tmp_path: Path, ingest: Ingest):
    folder = write_challenge(tmp_path / "shop", train=20, test=2, images=False)
    _change(folder, "\n3,", "\nthree,")
    _change(folder, "Livre n° 5,", "Livre \udcff 5,")
    _change(folder, "Livre n° 9,", "Livre \0 9,")
    ingest.run(open_source(folder), share=1.0)
    found = {row.row: row for row in list_rejects(ingest.database)}
    assert {number: row.reason for number, row in found.items()} == {
        3: "bad_id",
        5: "broken_encoding",
        9: "broken_encoding",
    }
    assert all(row.kind == "row" and row.split == "train" and row.source == "shop" for row in found.values())
    assert orjson.loads(found[3].raw)["title"] == "Livre n° 3, l'été"
    assert "\\xff" in found[5].raw


def test_a_row_that_was_mended_is_no_reject_any_more(tmp_path: Path, ingest: Ingest):
    folder = write_challenge(tmp_path / "shop", train=20, test=2, images=False)
    _change(folder, "\n3,", "\n2,")
    _change(folder, "\n8,", "\n,")
    ingest.run(open_source(folder), share=1.0)
    assert [row.reason for row in list_rejects(ingest.database)] == ["duplicate_id", "no_id"]
    lines = (folder / "X_train_update.csv").read_text().splitlines(keepends=True)
    lines[4] = "3" + lines[4][1:]
    (folder / "X_train_update.csv").write_text("".join(lines))
    ingest.run(open_source(folder), share=1.0)
    assert [row.reason for row in list_rejects(ingest.database)] == ["no_id"]
    assert [(row.kind, row.reason, row.count) for row in count_rejects(ingest.database)] == [("row", "no_id", 1)]


def test_rejects_of_several_batches_and_sources_are_counted_apart_and_limited(tmp_path: Path, ingest: Ingest):
    folder = write_challenge(tmp_path / "shop", train=250, test=2, images=False)
    for row in (10, 110, 210):
        _change(folder, f"\n{row},", "\n,")
    for name in ("one", "two"):
        for _ in range(3):
            ingest.run(open_source(folder, name=name), next_rows=100)
    assert [(row.source, row.count) for row in count_rejects(ingest.database)] == [("one", 3), ("two", 3)]
    assert [row.row for row in list_rejects(ingest.database, source="two")] == [10, 110, 210]
    assert [row.source for row in list_rejects(ingest.database, limit=4)] == ["one", "one", "one", "two"]
    assert list_rejects(ingest.database, limit=0) == []
    assert list_rejects(ingest.database, source="three") == count_rejects(ingest.database, source="three") == []
