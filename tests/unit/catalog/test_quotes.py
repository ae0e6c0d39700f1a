"""Quotes that are never closed are found where they begin; quotes that mean nothing are let be."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aisle.catalog.quotes import unclosed_quote
from aisle.catalog.rows import inspect_file
from aisle.errors import SourceError


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "rows.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'id,title\n1,"a\n2,b\n', 2),
        (b'id,title\n1,a\n"2,b\n3,c\n', 3),
        (b'id,title\n1,"x ""y"" z\n2,b\n', 2),
        (b'id,title\n1,"a\nb"\n2,"c', 4),
        (b'id,title\n1,"a""', 2),
    ],
)
def test_a_quote_that_is_never_closed_is_found_on_its_line(tmp_path: Path, content: bytes, line: int):
    assert unclosed_quote(_file(tmp_path, content)) == line


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"id,title\n1,a\n",
        b'id,title\n1,"a, ""b""\nc"\n',
        b'id,title\n1,5" pipe\n2,b\n',
        b'id,title\n1,"a"b"\n2,c\n',
        b'id,title\r\n1,"a"\r\n',
    ],
)
def test_quotes_that_are_closed_or_mean_nothing_are_let_be(tmp_path: Path, content: bytes):
    assert unclosed_quote(_file(tmp_path, content)) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(st.tuples(st.text(alphabet='a",\n'), st.text(alphabet='a",\n')), min_size=1, max_size=8))
def test_whatever_a_writer_wrote_is_closed(tmp_path: Path, rows: list[tuple[str, str]]):
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(rows)
    assert unclosed_quote(_file(tmp_path, stream.getvalue().encode())) is None


def test_a_small_file_with_an_open_quote_is_refused_and_loses_no_row_in_silence(tmp_path: Path):
    path = _file(tmp_path, b',title,note\n0,a,"b\n1,c,d\n2,e,f\n')
    with pytest.raises(SourceError, match="never closed") as caught:
        inspect_file(path)
    assert "line 2" in str(caught.value)
