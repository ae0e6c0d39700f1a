import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalog.mapping import ROW_NUMBER
from aisle.catalog.row_batch import RowBatch, regroup
from aisle.catalog.rows import column_names, inspect_file, read_rows
from aisle.digest import sha256
from aisle.errors import SourceError

WANTED = ("", "title", "note")


def _all(path, wanted=WANTED, batch_rows=1000):
    batches = list(read_rows(path, wanted, batch_rows=batch_rows))
    rows = [record for batch in batches for record in batch.frame.to_dicts()]
    return rows, [bad for batch in batches for bad in batch.bad], batches


def _csv(tmp_path, content: bytes):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    return path


def test_empty_text_and_no_text_are_told_apart(tmp_path):
    path = _csv(tmp_path, b',title,note\n0,"",\n')
    rows, bad, _ = _all(path)
    assert rows == [{ROW_NUMBER: 0, "": "0", "title": "", "note": None}]
    assert not bad


def test_quotes_commas_and_newlines_inside_fields_are_kept(tmp_path):
    path = _csv(tmp_path, b',title,note\n0,"a, ""b""\nc",d\n1,e,f\n')
    rows, _, _ = _all(path)
    assert rows[0]["title"] == 'a, "b"\nc'
    assert [row[ROW_NUMBER] for row in rows] == [0, 1]


def test_a_row_with_too_many_or_too_few_fields_is_bad_and_numbered(tmp_path):
    path = _csv(tmp_path, b",title,note\n0,a,b\n1,a\n2,a,b,c\n3,a,b\n")
    rows, bad, _ = _all(path)
    assert [row[ROW_NUMBER] for row in rows] == [0, 3]
    assert [(entry.row, entry.reason) for entry in bad] == [(1, "wrong_field_count"), (2, "wrong_field_count")]
    assert bad[1].raw == "2,a,b,c"
    assert inspect_file(path).rows == 4


def test_bad_rows_at_both_ends_keep_their_numbers(tmp_path):
    path = _csv(tmp_path, b",title,note\n0,a\n1,a,b\n2\n")
    rows, bad, batches = _all(path)
    assert [row[ROW_NUMBER] for row in rows] == [1]
    assert [entry.row for entry in bad] == [0, 2]
    assert batches[-1].stop == 3


def test_bytes_that_are_no_utf8_make_a_bad_row_that_keeps_them(tmp_path):
    path = _csv(tmp_path, b",title,note\n0,caf\xe9,x\n1,caf\xc3\xa9,y\n")
    rows, bad, _ = _all(path)
    assert [row["title"] for row in rows] == ["café"]
    assert bad[0].reason == "broken_encoding"
    assert bad[0].row == 0
    assert orjson.loads(bad[0].raw)["title"] == "caf\\xe9"


def test_blank_lines_are_no_rows(tmp_path):
    path = _csv(tmp_path, b",title,note\n0,a,b\n\n\n1,c,d\n")
    rows, _, _ = _all(path)
    assert [row[ROW_NUMBER] for row in rows] == [0, 1]
    assert inspect_file(path).rows == 2


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    path = _csv(tmp_path, b"\xef\xbb\xbfid,title\n1,a\n")
    rows, _, _ = _all(path, ("id", "title"))
    assert rows == [{ROW_NUMBER: 0, "id": "1", "title": "a"}]


def test_a_missing_column_is_named_with_its_nearest(tmp_path):
    path = _csv(tmp_path, b",titel,note\n0,a,b\n")
    with pytest.raises(SourceError, match="no column 'title'") as caught:
        _all(path)
    assert "'titel'" in caught.value.hint


def test_a_quote_that_is_never_closed_is_an_error_and_not_a_giant_row(tmp_path):
    path = _csv(tmp_path, b',title,note\n0,"a,b\n' + b"1,c,d\n" * 1_500_000)
    with pytest.raises(SourceError, match="cannot be read as CSV") as caught:
        _all(path)
    assert "quote" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00"])
def test_what_is_no_csv_is_refused(tmp_path, content):
    with pytest.raises(SourceError):
        _all(_csv(tmp_path, content))


def test_a_file_that_is_not_there_or_of_another_kind_is_refused(tmp_path):
    with pytest.raises(SourceError, match="is not there"):
        list(read_rows(tmp_path / "no.csv", WANTED, batch_rows=10))
    (tmp_path / "rows.xlsx").write_bytes(b"x")
    with pytest.raises(SourceError, match="neither CSV"):
        list(read_rows(tmp_path / "rows.xlsx", WANTED, batch_rows=10))


def test_parquet_gives_the_same_rows_as_csv(tmp_path):
    frame = pl.DataFrame({"": [0, 1], "title": ["a", None], "note": [1.5, 2.0]})
    frame.write_parquet(tmp_path / "rows.parquet")
    rows, bad, _ = _all(tmp_path / "rows.parquet")
    assert rows[0] == {ROW_NUMBER: 0, "": "0", "title": "a", "note": "1.5"}
    assert rows[1]["title"] is None
    assert not bad
    assert inspect_file(tmp_path / "rows.parquet").rows == 2
    assert column_names(tmp_path / "rows.parquet") == ["", "title", "note"]


def test_a_damaged_parquet_file_is_refused(tmp_path):
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(SourceError, match="no Parquet"):
        _all(tmp_path / "rows.parquet")


def test_json_lines_give_text_and_bad_lines_are_kept(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"id": 7, "title": "a"}\n{broken\n[1]\n{"id": "8", "title": null}\n')
    rows, bad, batches = _all(path, ("id", "title"))
    assert rows == [
        {ROW_NUMBER: 0, "id": "7", "title": "a"},
        {ROW_NUMBER: 3, "id": "8", "title": None},
    ]
    assert [(entry.row, entry.raw) for entry in bad] == [(1, "{broken"), (2, "[1]")]
    assert batches[-1].stop == 4
    assert column_names(path) == ["id", "title"]
    assert inspect_file(path).rows == 4


def test_json_lines_without_a_wanted_field_anywhere_are_refused(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"id": 7}\n')
    with pytest.raises(SourceError, match="no column 'title'"):
        _all(path, ("id", "title"))


def test_the_digest_is_that_of_the_bytes(tmp_path):
    path = _csv(tmp_path, b",title,note\n0,a,b\n")
    assert inspect_file(path).sha256 == sha256(path.read_bytes())


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.integers(1, 30))
def test_regrouping_keeps_every_row_and_bounds_every_batch(sizes, batch_rows):
    pieces, start = [], 0
    for size in sizes:
        frame = pl.DataFrame({ROW_NUMBER: range(start, start + size)}, schema={ROW_NUMBER: pl.Int64})
        pieces.append(RowBatch(start, start + size, frame, ()))
        start += size
    batches = list(regroup(iter(pieces), batch_rows))
    assert [row for batch in batches for row in batch.frame[ROW_NUMBER]] == list(range(start))
    assert all(batch.stop - batch.start == batch.frame.height <= batch_rows for batch in batches)
    assert [batch.start for batch in batches[1:]] == [batch.stop for batch in batches[:-1]]


def test_batches_are_bounded_by_bytes_too(tmp_path):
    path = _csv(tmp_path, b",title,note\n" + b"".join(b"%d,%s,x\n" % (n, b"a" * 400_000) for n in range(100)))
    rows, _, batches = _all(path, batch_rows=1000)
    assert len(rows) == 100
    assert max(batch.frame.estimated_size() for batch in batches) < 40 << 20
    assert len(batches) > 1
