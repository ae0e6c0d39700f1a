"""Bulk writes: a polars frame into a table, by COPY on PostgreSQL and in one prepared statement on SQLite."""

from typing import Any

import polars as pl
from sqlalchemy import Connection, Table, insert

_COPY_BYTES = 1 << 18


def insert_frame(connection: Connection, table: Table, frame: pl.DataFrame) -> None:
    """Insert every row of a frame, inside the caller's transaction.

    Args:
        connection: A connection with a transaction open.
        table: The table; columns that the frame lacks take their default.
        frame: The rows; its columns are columns of the table. Text must not hold NUL, which PostgreSQL cannot store.
    """
    if not frame.height:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, frame)
    else:
        connection.execute(insert(table), frame.to_dicts())


def _copy(connection: Connection, table: Table, frame: pl.DataFrame) -> None:
    driver: Any = connection.connection.driver_connection
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in frame.columns)
    # Text is quoted and null is not: that is how CSV tells an empty string from none.
    payload = frame.write_csv(include_header=False, quote_style="non_numeric", null_value="").encode()
    with driver.cursor() as cursor, cursor.copy(f"COPY {quote(table.name)} ({columns}) FROM STDIN (FORMAT csv)") as copy:
        for start in range(0, len(payload), _COPY_BYTES):
            copy.write(payload[start : start + _COPY_BYTES])
