"""Tables as files and back: one JSON object a line, in the order of the primary key, the same on every database.

The digest of a table is taken over these lines, so a table that was dumped and loaded again, even into another kind of
database, has the digest that it had.
"""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from sqlalchemy import Column, Connection, Table, func, insert, select, text

from aisle.errors import BackupError
from aisle.storage.column_types import Moment
from aisle.storage.schema import METADATA

_BATCH = 5_000
_JSON = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


@dataclass(frozen=True, slots=True)
class LinesFile:
    """What a file of lines holds: how many, and the sha256 of them before they were packed."""

    lines: int
    sha256: str


@contextmanager
def packed(path: Path) -> Iterator[BinaryIO]:
    """Write a gzip file without a time in it: the same content is the same bytes."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as stream:
        yield stream  # type: ignore[misc]


def read_packed(path: Path) -> Iterator[bytes]:
    """Read a gzip file line by line.

    Raises:
        BackupError: It is missing or damaged.
    """
    try:
        with gzip.open(path) as stream:
            yield from stream
    except (OSError, EOFError, zlib.error) as error:
        raise BackupError(f"{path} cannot be read: {error}.", hint="Take another backup: this one is damaged.") from error


def lines_of(path: Path) -> LinesFile:
    """Return what a packed file holds."""
    state, lines = hashlib.sha256(), 0
    for line in read_packed(path):
        state.update(line)
        lines += 1
    return LinesFile(lines, state.hexdigest())


def dump_table(connection: Connection, table: Table, path: Path) -> LinesFile:
    """Write every row of a table into a packed file.

    Args:
        connection: A transaction that sees one state throughout.
        table: The table.
        path: The file.
    """
    state, lines = hashlib.sha256(), 0
    with packed(path) as stream:
        for line in _lines(connection, table):
            stream.write(line)
            state.update(line)
            lines += 1
    return LinesFile(lines, state.hexdigest())


def table_digests(connection: Connection) -> dict[str, LinesFile]:
    """Return what every table would be dumped as, by its name."""
    found: dict[str, LinesFile] = {}
    for table in METADATA.sorted_tables:
        state, lines = hashlib.sha256(), 0
        for line in _lines(connection, table):
            state.update(line)
            lines += 1
        found[str(table.name)] = LinesFile(lines, state.hexdigest())
    return found


def load_table(connection: Connection, table: Table, path: Path) -> None:
    """Insert every row of a packed file into an empty table, and let numbers that the database gives go on behind them."""
    moments = [str(column.name) for column in table.columns if isinstance(column.type, Moment)]
    rows: list[dict[str, Any]] = []
    for line in read_packed(path):
        row = orjson.loads(line)
        rows.append(row | {name: datetime.fromisoformat(row[name]) for name in moments if row[name] is not None})
        if len(rows) == _BATCH:
            connection.execute(insert(table), rows)
            rows = []
    if rows:
        connection.execute(insert(table), rows)
    if connection.dialect.name == "postgresql":
        for column in table.primary_key.columns:
            _move_sequence(connection, table, column)


def filled_tables(connection: Connection) -> list[str]:
    """Return the names of the tables that hold a row."""
    return [
        str(table.name)
        for table in METADATA.sorted_tables
        if connection.execute(select(1).select_from(table).limit(1)).first()
    ]


def _lines(connection: Connection, table: Table) -> Iterator[bytes]:
    ordered = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_BATCH)
    names = [str(column.name) for column in table.columns]
    for row in connection.execute(ordered):
        yield orjson.dumps(dict(zip(names, row, strict=True)), option=_JSON)


def _move_sequence(connection: Connection, table: Table, column: Column[Any]) -> None:
    sequence = connection.execute(
        text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
    ).scalar_one()
    if sequence is None:
        return
    highest = connection.execute(select(func.max(column))).scalar_one()
    if highest is not None:
        connection.execute(text("SELECT setval(:sequence, :highest)"), {"sequence": sequence, "highest": highest})
