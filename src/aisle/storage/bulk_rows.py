"""Bulk writes of plain rows into a table, by COPY on PostgreSQL and in one prepared statement on SQLite.

A server writes what it answered this way: it has no tables of polars, which `aisle.storage.bulk` writes.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg
from sqlalchemy import Connection, Table, insert
from sqlalchemy.exc import DBAPIError


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, inside the caller's transaction.

    Args:
        connection: A connection with a transaction open.
        table: The table; columns that the rows lack take their default.
        rows: The rows, all of the same keys, which are columns of the table. Text must not hold NUL, which PostgreSQL cannot
            store.

    Raises:
        sqlalchemy.exc.DBAPIError: The database refused a row: `IntegrityError` for a key that is taken, as from any insert.
    """
    if not rows:
        return
    if connection.dialect.name != "postgresql":
        connection.execute(insert(table), list(rows))
        return
    columns = tuple(rows[0])
    with copying(connection, table, columns) as copy:
        for row in rows:
            copy.write_row([row[name] for name in columns])


@contextlib.contextmanager
def copying(connection: Connection, table: Table, columns: Sequence[str]) -> Iterator[Any]:
    """Open a COPY into some columns of a table on PostgreSQL, inside the caller's transaction, and give the driver's copy.

    Raises:
        sqlalchemy.exc.DBAPIError: The database refused what was written.
    """
    driver: Any = connection.connection.driver_connection
    quote = connection.dialect.identifier_preparer.quote
    statement = f"COPY {quote(table.name)} ({', '.join(quote(name) for name in columns)}) FROM STDIN"
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            yield copy
    except psycopg.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg.Error, dialect=connection.dialect) from error
