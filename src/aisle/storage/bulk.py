"""Bulk writes: a polars frame into a table, by COPY on PostgreSQL and in one prepared statement on SQLite."""

from typing import Any

import polars as pl
import psycopg
from sqlalchemy import Connection, Table, insert
from sqlalchemy.exc import DBAPIError

_COPY_BYTES = 1 << 18


def encode_frame(frame: pl.DataFrame) -> bytes:
    """Return a frame as COPY takes it, for callers with a thread to spare before the transaction."""
    # An empty string is quoted and null is not: that is how CSV tells them apart.
    return frame.write_csv(include_header=False, quote_style="necessary", null_value="").encode()


def insert_frame(connection: Connection, table: Table, frame: pl.DataFrame, *, encoded: bytes | None = None) -> None:
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
        _copy(connection, table, frame.columns, encode_frame(frame) if encoded is None else encoded)
    else:
        connection.execute(insert(table), frame.to_dicts())


def _copy(connection: Connection, table: Table, names: list[str], payload: bytes) -> None:
    driver: Any = connection.connection.driver_connection
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in names)
    statement = f"COPY {quote(table.name)} ({columns}) FROM STDIN (FORMAT csv)"
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for start in range(0, len(payload), _COPY_BYTES):
                copy.write(payload[start : start + _COPY_BYTES])
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg.Error, dialect=connection.dialect) from error
