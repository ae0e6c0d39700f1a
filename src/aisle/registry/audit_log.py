"""Who did what in the console: rows are only ever added."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import Row, insert, select

from aisle.storage.database import Database
from aisle.storage.schema import audit_events

_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One thing that somebody did.

    Args:
        id: Its number.
        at: When.
        actor: Who: the API key's name.
        action: What, as a word: `sign-in`, `review`, `promote`.
        subject: Of what.
        detail: More about it.
    """

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return what a row of `audit_events` tells of."""
        return cls(**row._mapping)


class AuditLog:
    """The audit log in a database.

    Args:
        database: Where the rows live; it has been migrated.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, actor: str, action: str, subject: str, detail: str = "") -> None:
        """Add what somebody did.

        Args:
            actor: Who.
            action: What, as a word.
            subject: Of what; no secret.
            detail: More about it.
        """
        texts = {"subject": subject, "detail": detail}
        # PostgreSQL's text holds no NUL.
        stored = {name: value[:_LONGEST].replace("\0", "\ufffd") for name, value in texts.items()}
        with self._database.transaction() as connection:
            connection.execute(insert(audit_events).values(at=datetime.now(UTC), actor=actor, action=action, **stored))

    def newest(self, limit: int = 50) -> list[AuditEvent]:
        """Return what was done, newest first."""
        query = select(audit_events).order_by(audit_events.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [AuditEvent.from_row(row) for row in connection.execute(query)]
