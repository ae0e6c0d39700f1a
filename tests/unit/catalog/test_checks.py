import polars as pl
import pytest

from aisle.catalog.checks import check_batch, reject_empty
from aisle.catalog.label_stream import CONFLICT
from aisle.catalog.mapping import Columns, Label, Mapping
from aisle.catalog.rejects import REASONS, Reject
from aisle.catalog.row_batch import BadRow
from aisle.catalog.source import ProductBatch
from aisle.catalog.store import reject_frame

PLAIN = {
    "row": 0,
    "label": "10",
    "id": "7",
    "title": "a",
    "description": None,
    "brand": None,
    "product_ref": "1",
    "image_ref": "2",
    "image_name": "x.jpg",
}
SCHEMA = {name: pl.Int64 if name == "row" else pl.String for name in PLAIN}


def _mapping(layout="challenge", known=("10", "40")):
    return Mapping(layout=layout, files={"train": "x.csv"}, columns=Columns(id="", title="t"), label=Label(known=known))


def _checked(*rows, mapping=None, bad=()):
    records = [{**PLAIN, "row": number, "id": str(number), **row} for number, row in enumerate(rows)]
    frame = pl.DataFrame(records, schema=SCHEMA)
    return check_batch(ProductBatch(0, len(rows), frame, bad), mapping or _mapping(), max_text_chars=100)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"id": None}, "no_id"),
        ({"id": " "}, "no_id"),
        ({"id": "7a"}, "bad_id"),
        ({"id": "9" * 19}, "bad_id"),
        ({"product_ref": "one"}, "bad_id"),
        ({"label": "11"}, "unknown_label"),
        ({"label": CONFLICT}, "conflicting_label"),
        ({"title": "a\0b"}, "broken_encoding"),
        ({"title": "a" * 101}, "text_too_long"),
        ({"description": "a" * 101}, "text_too_long"),
    ],
)
def test_a_row_that_cannot_be_used_has_its_reason(row, reason):
    checked = _checked({}, row)
    assert checked.frame["row"].to_list() == [0]
    assert [(reject.row, reject.reason) for reject in checked.rejects] == [(1, reason)]
    assert reason in REASONS


@pytest.mark.parametrize(
    "row", [{"label": None}, {"title": None}, {"image_ref": None}, {"title": "a" * 100}, {"title": "🪑"}]
)
def test_a_row_that_can_be_used_passes(row):
    assert _checked(row).frame.height == 1


def test_the_first_of_several_rows_with_one_id_is_kept():
    checked = _checked({"id": "5"}, {"id": "6"}, {"id": "5"}, {"id": "5"})
    assert checked.frame["row"].to_list() == [0, 1]
    assert [reject.reason for reject in checked.rejects] == ["duplicate_id", "duplicate_id"]


def test_a_row_that_was_refused_does_not_make_a_later_one_a_duplicate():
    checked = _checked({"id": "5", "label": "11"}, {"id": "5"})
    assert checked.frame["row"].to_list() == [1]


def test_other_catalogues_may_have_any_id_and_any_label():
    checked = _checked({"id": "sku-1/é", "label": "anything", "product_ref": "x"}, mapping=_mapping("mapped", ()))
    assert checked.frame.height == 1
    assert _checked({"id": "x" * 201}, mapping=_mapping("mapped", ())).rejects[0].reason == "bad_id"


def test_unreadable_rows_stay_rejects_with_their_raw_content():
    checked = _checked({}, bad=(BadRow(3, "broken_json", "why", "{"),))
    assert checked.rejects == [Reject(3, None, "row", "broken_json", "why", "{")]


def test_a_row_without_text_needs_an_image():
    frame = pl.DataFrame([{**PLAIN, "title": None, "row": row} for row in (0, 1)], schema=SCHEMA)
    kept, refused = reject_empty(frame, pl.Series([True, False]))
    assert kept["row"].to_list() == [0]
    assert [(reject.row, reject.reason) for reject in refused] == [(1, "nothing_to_classify")]


def test_rejects_are_stored_in_the_order_of_the_file_and_without_nul():
    rejects = [Reject(2, "b", "row", "no_id", "", "x\0y"), Reject(1, "a", "image", "missing", "", None)]
    frame = reject_frame(rejects)
    assert frame["row"].to_list() == [1, 2]
    assert frame["raw"].to_list() == [None, "x\\u0000y"]
    assert reject_frame([]).height == 0
