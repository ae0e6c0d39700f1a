"""Tables in files: whole or not at all, the same in three formats, harmless in a spreadsheet."""

import csv
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import InputError
from aisle.pipeline.table_files import table_writer

FIRST = pl.DataFrame({"id": ["a", 'b,"1'], "score": [0.5, None]})
SECOND = pl.DataFrame({"id": ["l'été\nici"], "score": [1.0]})
BOTH = pl.concat([FIRST, SECOND])
READERS = {".csv": pl.read_csv, ".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson, ".ndjson": pl.read_ndjson}
DANGEROUS = "=+-@\t\r＝＋－＠"


@pytest.mark.parametrize("ending", [*READERS, ".CSV"])
def test_batches_make_one_table(tmp_path: Path, ending: str):
    path = tmp_path / f"out{ending}"
    with table_writer(path) as writer:
        writer.write(FIRST.clear())
        writer.write(FIRST)
        writer.write(SECOND)
    assert READERS[ending.lower()](path).equals(BOTH)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_table_without_rows_has_its_columns(tmp_path: Path, ending: str):
    path = tmp_path / f"out{ending}"
    with table_writer(path) as writer:
        writer.write(FIRST.clear())
    assert READERS[ending](path).columns == ["id", "score"]
    assert READERS[ending](path).height == 0


@pytest.mark.parametrize("ending", READERS)
def test_a_failure_leaves_the_old_file_and_no_part_of_a_new_one(tmp_path: Path, ending: str):
    path = tmp_path / f"out{ending}"
    path.write_bytes(b"precious")
    with pytest.raises(ZeroDivisionError), table_writer(path) as writer:
        writer.write(FIRST)
        raise ZeroDivisionError
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_refused_in_words(tmp_path: Path):
    (tmp_path / "folder.csv").mkdir()
    for path, words in (
        (tmp_path / "nowhere" / "out.csv", "no folder"),
        (tmp_path / "folder.csv", "is a folder"),
        (tmp_path / "out.txt", "out.txt is neither CSV, Parquet nor JSON Lines"),
        (tmp_path / "out", "neither CSV"),
        (tmp_path / f"{'x' * 250}.csv", "cannot be written"),
    ):
        with pytest.raises(InputError, match=words) as caught, table_writer(path):
            pass
        assert caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["folder.csv"]


@pytest.mark.parametrize("before", ["", " ", "\n ", "\u00a0"])
@pytest.mark.parametrize("sign", DANGEROUS)
def test_text_that_a_spreadsheet_would_run_is_disarmed(tmp_path: Path, before: str, sign: str):
    text = f"{before}{sign}HYPERLINK(1)"
    path = tmp_path / "out.csv"
    with table_writer(path) as writer:
        writer.write(pl.DataFrame({"id": [text, "a-b=c@d"], "score": [-1.0, 2.0]}))
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    # Numbers stay numbers, and signs inside of a text are no formula.
    assert rows == [["id", "score"], [f"'{text}", "-1.0"], ["a-b=c@d", "2.0"]]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_no_cell_begins_as_a_formula_whatever_the_text(texts: list[str]):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.csv"
        with table_writer(path) as writer:
            writer.write(pl.DataFrame({"id": texts}, schema={"id": pl.String}))
        with path.open(newline="", encoding="utf-8") as stream:
            cells = [row[0] if row else "" for row in csv.reader(stream)][1:]
    assert len(cells) == len(texts)
    for cell, text in zip(cells, texts, strict=True):
        assert cell.removeprefix("'") == text.removeprefix("'")
        assert not cell.lstrip().startswith(tuple("=+-@＝＋－＠"))


@pytest.mark.parametrize("ending", [".parquet", ".jsonl"])
def test_formats_that_no_spreadsheet_runs_keep_the_text_as_it_is(tmp_path: Path, ending: str):
    path = tmp_path / f"out{ending}"
    with table_writer(path) as writer:
        writer.write(pl.DataFrame({"id": ["=1+1"]}))
    assert READERS[ending](path)["id"].to_list() == ["=1+1"]


def test_a_bare_file_quotes_nothing_not_even_an_empty_name(tmp_path: Path):
    path = tmp_path / "out.csv"
    with table_writer(path, bare=True) as writer:
        writer.write(pl.DataFrame({"": [1], "prdtypecode": [10]}))
        writer.write(pl.DataFrame({"": [2], "prdtypecode": [2583]}))
    assert path.read_text() == ",prdtypecode\n1,10\n2,2583\n"
