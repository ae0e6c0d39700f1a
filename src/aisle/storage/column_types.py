"""Kinds of columns that are the same on PostgreSQL and SQLite."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, TypeDecorator

NAME = String().with_variant(String(collation="C"), "postgresql")
"""A name or id: compared and sorted by its bytes on every database, whatever its locale."""

SERIAL = BigInteger().with_variant(Integer, "sqlite")
"""A number given by the database."""


class Moment(TypeDecorator[datetime]):
    """A point in time: aware and in UTC on both sides, also where the database keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Bring a moment to UTC before it is stored; `ValueError` if it does not know its zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} does not say in which zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Mark a moment read from a database without zones as UTC."""
        if value is None:
            return None
        moment: datetime = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return moment
