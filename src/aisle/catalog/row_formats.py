"""The formats: CSV, Parquet and JSON Lines as batches of text columns, each row with its number."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from aisle.catalog.mapping import ROW_NUMBER, require_columns
from aisle.catalog.quotes import unclosed_quote
from aisle.catalog.row_batch import BATCH_BYTES, BadRow, RowBatch, cut
from aisle.errors import SourceError

_BLOCK_BYTES = (1 << 19, 1 << 22)
"""Bytes that the CSV parser takes at once: few, for memory; more, where a row does not fit. The last is the longest row."""


def count_rows(path: Path) -> int:
    """Count a file's rows, unreadable ones included."""
    if path.suffix.lower() == ".parquet":
        return int(_open_parquet(path).metadata.num_rows)
    if path.suffix.lower() != ".csv":
        with path.open("rb") as lines:
            return sum(1 for _ in lines)
    if (line := unclosed_quote(path)) is not None:
        raise SourceError(
            f"{path} has a quote on line {line} that is never closed.",
            hint="Close it: all rows behind it are one field now.",
        )
    for block_bytes in _BLOCK_BYTES:
        skipped: list[int] = []
        with suppress(_RowTooLongError):
            read: int = sum(batch.num_rows for batch in _csv_blocks(path, None, block_bytes, _note_in(skipped)))
            return read + len(skipped)
    raise _too_long(path)


def names_in(path: Path) -> list[str]:
    """Return the names of a file's columns; of JSON Lines, those of any object, as they first appear."""
    if path.suffix.lower() == ".parquet":
        return list(_open_parquet(path).schema_arrow.names)
    if path.suffix.lower() == ".csv":
        return _header(path)
    # A field that is missing is left out of its object: no single line tells them all.
    names: dict[str, None] = {}
    with path.open("rb") as stream:
        for line in stream:
            with suppress(orjson.JSONDecodeError):
                if isinstance(record := orjson.loads(line), dict):
                    names.update(dict.fromkeys(record))
    if not names:
        raise SourceError(f"{path} holds no JSON object with fields.", hint="Write one object a line.")
    return list(names)


def read_csv(path: Path, wanted: tuple[str, ...]) -> Iterator[RowBatch]:
    """Read a CSV file block by block; a row with a wrong number of fields becomes a bad row."""
    start = 0
    for block_bytes in _BLOCK_BYTES:
        with suppress(_RowTooLongError):
            for batch in _numbered(path, wanted, block_bytes):
                # What was handed out before larger blocks were needed is not handed out again.
                if batch.stop > start:
                    yield cut(batch, max(batch.start, start), batch.stop)
                    start = batch.stop
            return
    raise _too_long(path)


class _RowTooLongError(Exception):
    """A row does not fit into a block."""


def _numbered(path: Path, wanted: tuple[str, ...], block_bytes: int) -> Iterator[RowBatch]:
    skipped: list[BadRow] = []

    def skip(row: Any) -> str:
        detail = f"{row.actual_columns} fields where the first line has {row.expected_columns}"
        # The reader counts lines from 1 and the header is the first; we count rows from 0.
        skipped.append(BadRow(row.number - 2, "wrong_field_count", detail, row.text))
        return "skip"

    start = 0
    for batch in _csv_blocks(path, wanted, block_bytes, skip):
        here: list[BadRow] = []
        stop = start + batch.num_rows
        while skipped and skipped[0].row <= stop:
            here.append(skipped.pop(0))
            stop += 1
        numbers = np.delete(np.arange(start, stop), [bad.row - start for bad in here])
        yield _decoded(start, stop, batch, numbers, here)
        start = stop
    if skipped:
        yield RowBatch(start, skipped[-1].row + 1, _empty(wanted), tuple(skipped))


def _csv_blocks(path: Path, wanted: tuple[str, ...] | None, block_bytes: int, skip: Callable[[Any], str]) -> Iterator[Any]:
    names = _header(path)
    if wanted is not None:
        require_columns(path, names, wanted)
    try:
        reader = pa.csv.open_csv(
            str(path),
            # One thread: only then does the reader number the rows that it skips.
            pa.csv.ReadOptions(block_size=block_bytes, use_threads=False),
            pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()),
                include_columns=list(wanted) if wanted is not None else names[:1],
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for block in reader:
            yield block
            # The allocator would keep what the block took until it is worth giving back.
            pa.default_memory_pool().release_unused()
    except pa.ArrowInvalid as error:
        if "straddling" in str(error):
            raise _RowTooLongError from None
        raise SourceError(f"{path} cannot be read as CSV: {_reason(error)}.", hint="Mend the row that it names.") from None


def _note_in(skipped: list[int]) -> Callable[[Any], str]:
    def skip(row: Any) -> str:
        skipped.append(row.number)
        return "skip"

    return skip


def _too_long(path: Path) -> SourceError:
    return SourceError(
        f"{path} cannot be read as CSV: a row is longer than {_BLOCK_BYTES[-1] >> 20} MB.",
        hint="Look for a quote that is never closed.",
    )


def _header(path: Path) -> list[str]:
    with path.open("rb") as stream:
        first = stream.readline(1 << 20)
    try:
        return list(pa.csv.read_csv(pa.BufferReader(first)).column_names)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} is no CSV file: {_reason(error)}.", hint="It must be UTF-8 with a first line of names."
        ) from None


def read_parquet(path: Path, wanted: tuple[str, ...]) -> Iterator[RowBatch]:
    """Read a Parquet file; columns of other types are written out as text."""
    file = _open_parquet(path)
    require_columns(path, file.schema_arrow.names, wanted)
    start = 0
    for batch in file.iter_batches(batch_size=1_000, columns=list(wanted)):
        texts = pa.RecordBatch.from_pydict(
            {
                name: column if pa.types.is_binary(column.type) else column.cast(pa.string())
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            }
        )
        yield _decoded(start, start + batch.num_rows, texts, np.arange(start, start + batch.num_rows), [])
        start += batch.num_rows


def _open_parquet(path: Path) -> Any:
    try:
        return pa.parquet.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise SourceError(f"{path} is no Parquet file: {_reason(error)}.") from None


def read_json_lines(path: Path, wanted: tuple[str, ...], batch_rows: int) -> Iterator[RowBatch]:
    """Read one JSON object a line; values that are no text are written out as JSON."""
    seen: set[str] = set()
    with path.open("rb") as stream:
        rows: list[dict[str, str | None]] = []
        numbers: list[int] = []
        bad: list[BadRow] = []
        start = size = 0
        for row, line in enumerate(stream):
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                record, detail = None, str(error)
            else:
                detail = "" if isinstance(record, dict) else "no object"
            if isinstance(record, dict):
                seen.update(record)
                rows.append({name: _as_text(record.get(name)) for name in wanted})
                numbers.append(row)
            else:
                bad.append(BadRow(row, "broken_json", detail, line.decode("utf-8", "backslashreplace").rstrip("\n")))
            size += len(line)
            if len(rows) + len(bad) >= batch_rows or size >= BATCH_BYTES:
                yield RowBatch(start, row + 1, _frame(rows, numbers, wanted), tuple(bad))
                rows, numbers, bad, start, size = [], [], [], row + 1, 0
        if rows or bad:
            yield RowBatch(start, start + len(rows) + len(bad), _frame(rows, numbers, wanted), tuple(bad))
    if seen:
        require_columns(path, sorted(seen), wanted)


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _decoded(start: int, stop: int, batch: Any, numbers: npt.NDArray[np.int64], bad: list[BadRow]) -> RowBatch:
    """Turn binary columns into text; rows whose bytes are no UTF-8 become bad rows."""
    broken: dict[int, str] = {}
    columns: dict[str, Any] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            columns[name] = column.cast(pa.string())
        except pa.ArrowInvalid:
            texts: list[str | None] = []
            for position, value in enumerate(column.to_pylist()):
                try:
                    texts.append(None if value is None else value.decode())
                except UnicodeDecodeError as error:
                    broken.setdefault(position, f"column {name!r} is no UTF-8: {error.reason} at byte {error.start}")
                    texts.append(value.decode("utf-8", "backslashreplace"))
            columns[name] = pa.array(texts, pa.string())
    frame = pl.DataFrame(pa.table(columns))
    frame.columns = list(columns)  # polars gives the unnamed column a name of its own
    frame.insert_column(0, pl.Series(ROW_NUMBER, numbers, dtype=pl.Int64))
    if broken:
        lost = frame[sorted(broken)]
        bad = bad + [
            BadRow(record[ROW_NUMBER], "broken_encoding", broken[position], orjson.dumps(record).decode())
            for position, record in zip(sorted(broken), lost.to_dicts(), strict=True)
        ]
        frame = frame.filter(~pl.col(ROW_NUMBER).is_in(numbers[sorted(broken)].tolist()))
    return RowBatch(start, stop, frame, tuple(bad))


def _frame(rows: list[dict[str, str | None]], numbers: list[int], wanted: tuple[str, ...]) -> pl.DataFrame:
    columns = {name: pl.Series([row[name] for row in rows], dtype=pl.String) for name in wanted}
    return pl.DataFrame({ROW_NUMBER: pl.Series(numbers, dtype=pl.Int64), **columns})


def _empty(wanted: tuple[str, ...]) -> pl.DataFrame:
    return _frame([], [], wanted)


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")
