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
    def __init__(self, path: Path, *, spreadsheet: bool) -> None:
        self._stream, self._spreadsheet, self._begun = path.open("wb"), spreadsheet, False

    def write(self, frame: pl.DataFrame) -> None:
        if self._spreadsheet:
            frame = frame.with_columns(_disarmed(name) for name, kind in frame.schema.items() if kind == pl.String)
        frame.write_csv(self._stream, include_header=not self._begun)
        self._begun = True

    def close(self) -> None:
        self._stream.close()


class _JsonLinesWriter:
    def __init__(self, path: Path) -> None:
        self._stream = path.open("wb")

    def write(self, frame: pl.DataFrame) -> None:
        frame.write_ndjson(self._stream)

    def close(self) -> None:
        self._stream.close()


class _ParquetWriter:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def write(self, frame: pl.DataFrame) -> None:
        arrow: Any = frame.to_arrow()
        self._writer = self._writer or pyarrow.parquet.ParquetWriter(self._path, arrow.schema)
        self._writer.write_table(arrow)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


@contextmanager
def table_writer(path: Path, *, spreadsheet: bool = True) -> Iterator[TableWriter]:
    """Write a table to a file that appears whole at the end of the block, or not at all.

    Args:
        path: A file ending in `.csv`, `.parquet`, `.jsonl` or `.ndjson`.
        spreadsheet: Whether a CSV file may be opened in a spreadsheet: text that would run there as a formula is disarmed
            by an apostrophe.

    Raises:
        InputError: The ending is none of these, or the folder is not there.
    """
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write {path.name} into.", hint="Make it, or name another.")
    part = path.with_name(f".{path.name}.part")
    writer: _CsvWriter | _JsonLinesWriter | _ParquetWriter
    match path.suffix.lower():
        case ".csv":
            writer = _CsvWriter(part, spreadsheet=spreadsheet)
        case ".jsonl" | ".ndjson":
            writer = _JsonLinesWriter(part)
        case ".parquet":
            writer = _ParquetWriter(part)
        case _:
            raise InputError(
                f"{path.name} is neither CSV, Parquet nor JSON Lines.", hint="Name it .csv, .parquet or .jsonl."
            )
    try:
        yield writer
        writer.close()
        part.replace(path)
    finally:
        writer.close()
        part.unlink(missing_ok=True)


def _disarmed(name: str) -> pl.Expr:
    """Put an apostrophe before text that a spreadsheet would take for a formula (OWASP: CSV injection)."""
    dangerous = pl.col(name).str.contains(r"^\s*[=+\-@\t\r]")
    return pl.when(dangerous).then(pl.concat_str(pl.lit("'"), pl.col(name))).otherwise(pl.col(name)).alias(name)
