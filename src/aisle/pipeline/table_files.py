"""Tables in files: products in, answers out, as CSV, Parquet or JSON Lines, batch by batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import pyarrow.parquet

from aisle.errors import InputError


class TableWriter(Protocol):
    """Takes a table batch by batch; every batch has the same columns."""

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        ...


class _CsvWriter:
    def __init__(self, path: Path, *, bare: bool) -> None:
        self._stream, self._bare, self._begun = path.open("wb"), bare, False

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        if not self._bare:
            frame = disarmed(frame)
        frame.write_csv(self._stream, include_header=not self._begun, quote_style="never" if self._bare else "necessary")
        self._begun = True

    def close(self) -> None:
        """End the file; a second time does nothing."""
        self._stream.close()


class _JsonLinesWriter:
    def __init__(self, path: Path) -> None:
        self._stream = path.open("wb")

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        frame.write_ndjson(self._stream)

    def close(self) -> None:
        """End the file; a second time does nothing."""
        self._stream.close()


class _ParquetWriter:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        arrow: Any = frame.to_arrow()
        self._writer = self._writer or pyarrow.parquet.ParquetWriter(self._path, arrow.schema)
        self._writer.write_table(arrow)

    def close(self) -> None:
        """End the file; a second time does nothing."""
        if self._writer is not None:
            self._writer.close()


@contextmanager
def table_writer(path: Path, *, bare: bool = False) -> Iterator[TableWriter]:
    """Write a table to a file that appears whole at the end of the block, or not at all.

    Args:
        path: A file ending in `.csv`, `.parquet`, `.jsonl` or `.ndjson`.
        bare: Whether a CSV file holds numbers alone, of which nothing is quoted. In any other, text that a spreadsheet
            would run as a formula is disarmed by an apostrophe.

    Raises:
        InputError: The ending is none of these, the folder is not there, or a file cannot be made in it.
    """
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write {path.name} into.", hint="Make it, or name another.")
    if path.is_dir():
        raise InputError(f"{path} is a folder.", hint="Name a file to write.")
    part = path.with_name(f".{path.name}.part")
    try:
        writer = _writer(path, part, bare=bare)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}.", hint="Name a file in a folder of your own."
        ) from error
    try:
        yield writer
        writer.close()
        part.replace(path)
    finally:
        writer.close()
        part.unlink(missing_ok=True)


def disarmed(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table for a CSV file: text that a spreadsheet would run as a formula stands behind an apostrophe."""
    return frame.with_columns(_disarmed(name) for name, kind in frame.schema.items() if kind == pl.String)


def _writer(path: Path, part: Path, *, bare: bool) -> _CsvWriter | _JsonLinesWriter | _ParquetWriter:
    match path.suffix.lower():
        case ".csv":
            return _CsvWriter(part, bare=bare)
        case ".jsonl" | ".ndjson":
            return _JsonLinesWriter(part)
        case ".parquet":
            return _ParquetWriter(part)
    raise InputError(f"{path.name} is neither CSV, Parquet nor JSON Lines.", hint="Name it .csv, .parquet or .jsonl.")


def _disarmed(name: str) -> pl.Expr:
    """Put an apostrophe before text that a spreadsheet would take for a formula (OWASP: CSV injection)."""
    dangerous = pl.col(name).str.contains(r"^\s*[=+\-@\t\r＝＋－＠]")
    return pl.when(dangerous).then(pl.concat_str(pl.lit("'"), pl.col(name))).otherwise(pl.col(name)).alias(name)
