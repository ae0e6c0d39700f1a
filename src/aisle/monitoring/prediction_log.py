"""The prediction log: what servers answered, in a table that forgets."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from aisle.storage.bulk_rows import insert_rows
from aisle.storage.database import Database
from aisle.storage.schema import predictions

_BATCH = 5_000


class PredictionLog:
    """The answers in a database.

    Args:
        database: Where the rows live; it has been migrated.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, all or none, as `aisle.monitoring.answers.answer_rows` makes them.

        Raises:
            DatabaseError: The database cannot be written.
        """
        # A crash of the server may lose the last moments of a log; an answer's log is not worth a wait for its disk.
        with self._database.transaction(relaxed=True) as connection:
            insert_rows(connection, predictions, rows)

    def prune(self, before: datetime, *, batch: int = _BATCH) -> int:
        """Delete what was answered before a moment, and return how many rows that were.

        Each batch is a transaction of its own, so that servers go on writing in between and a stop loses nothing.

        Args:
            before: Rows from this moment on are kept.
            batch: Rows deleted in one transaction.
        """
        oldest = select(predictions.c.id).where(predictions.c.answered_at < before).limit(batch)
        deleted = 0
        while True:
            with self._database.transaction() as connection:
                count = connection.execute(delete(predictions).where(predictions.c.id.in_(oldest))).rowcount
            deleted += count
            if count < batch:
                return deleted
