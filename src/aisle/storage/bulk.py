"""Bulk writes: a polars frame into a table, by COPY on PostgreSQL and in one prepared statement on SQLite."""

from dataclasses import dataclass

import polars as pl
from sqlalchemy import Connection, Table, insert

from aisle.storage.bulk_rows import copying

_COPY_BYTES = 1 << 18
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A frame as COPY takes it: the names of its columns, and its rows in the text format."""

    columns: tuple[str, ...]
    payload: bytes


def encode_frame(table: Table, frame: pl.DataFrame) -> EncodedFrame:
    """Return a frame as COPY takes it, for callers with a thread to spare before the transaction."""
    # A column of nulls only is left out where null is what the table puts there anyway: it costs the server a field a row.
    told = [
        name for name in frame.columns if table.c[name].server_default is not None or frame[name].null_count() < frame.height
    ]
    rows = frame.select(_escaped(frame[name]) if frame.schema[name] == pl.String else pl.col(name) for name in told)
    payload = rows.write_csv(include_header=False, separator="\t", quote_style="never", null_value="\\N").encode()
    return EncodedFrame(tuple(told), payload)


def _escaped(column: pl.Series) -> pl.Series:
    """Escape what COPY's text format gives a meaning; that format costs the server less than CSV does."""
    if not column.str.contains_any(list(_ESCAPES)).any():
        return column
    return column.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))


def insert_frame(connection: Connection, table: Table, frame: pl.DataFrame, *, encoded: EncodedFrame | None = None) -> None:
    """Insert every row of a frame, inside the caller's transaction.

    Args:
        connection: A connection with a transaction open.
        table: The table; columns that the frame lacks take their default.
        frame: The rows; its columns are columns of the table. Text must not hold NUL, which PostgreSQL cannot store.
        encoded: The same frame from `encode_frame`, where it was made ahead; SQLite has no use for it.

    Raises:
        sqlalchemy.exc.DBAPIError: The database refused a row: `IntegrityError` for a key that is taken, as from any insert.
    """
    if not frame.height:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, encode_frame(table, frame) if encoded is None else encoded)
    else:
        connection.execute(insert(table), frame.to_dicts())


def _copy(connection: Connection, table: Table, rows: EncodedFrame) -> None:
    with copying(connection, table, rows.columns) as copy:
        for start in range(0, len(rows.payload), _COPY_BYTES):
            copy.write(rows.payload[start : start + _COPY_BYTES])
