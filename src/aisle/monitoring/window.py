"""The window: which answers of the prediction log are looked at, and how they become the columns that are watched."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, func, select

from aisle.errors import MonitoringError
from aisle.storage.database import Database
from aisle.storage.schema import predictions

_ROWS = 20_000
_SKEW = timedelta(minutes=5)
_SPAN = re.compile(r"(\d{1,6})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

SAMPLE = 2_000
"""Answers whose titles and images are looked at by a classifier, evenly spread over the window."""

_SCHEMA: dict[str, Any] = {
    "id": pl.Int64,
    "answered_at": pl.Datetime("us", "UTC"),
    "version": pl.Int64,
    "product_id": pl.String,
    "code": pl.String,
    "confidence": pl.Float64,
    "review": pl.String,
    "title_chars": pl.Int64,
    "description_chars": pl.Int64,
    "title_words": pl.Int64,
    "missing_description": pl.Boolean,
    "html_residue": pl.Boolean,
    "language": pl.String,
    "image_bytes": pl.Int64,
    "image_aspect": pl.Float64,
    "image_brightness": pl.Float64,
    "image_white": pl.Float64,
    "title_marks": pl.String,
    "image_sketch": pl.String,
    "title": pl.String,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which answers are to be looked at: those of the last span of time, or the last so many.

    Args:
        span: How far back; nothing where rows are counted.
        rows: How many; nothing where time is.
    """

    span: timedelta | None = None
    rows: int | None = None

    @classmethod
    def parse(cls, window: str | None, rows: int | None = None) -> "Asked":
        """Read what was asked for.

        Args:
            window: A span of time, as 24h; a day where neither is given.
            rows: A number of answers.

        Raises:
            MonitoringError: It is no span or number, or both are given.
        """
        if rows is not None:
            if window is not None or rows < 1:
                raise MonitoringError(
                    "A window is a span of time or a number of rows, at least 1.", hint="Give one of both."
                )
            return cls(rows=rows)
        found = _SPAN.fullmatch(window or "24h")
        if found is None or not int(found[1]):
            raise MonitoringError(f"{window!r} is no window.", hint="Write a span of time as 30m, 24h or 7d.")
        return cls(span=timedelta(**{_UNITS[found[2]]: int(found[1])}))

    def __str__(self) -> str:
        """Return it as it is asked for."""
        if self.span is None:
            return f"rows:{self.rows}"
        minutes = int(self.span.total_seconds()) // 60
        return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


@dataclass(frozen=True, slots=True)
class Window:
    """The answers that are looked at.

    Args:
        asked: Which they are.
        version: Answers of this version alone; of all where none is named.
        first: The least id among them; 0 where there are none.
        last: The greatest.
        start: When the oldest was given.
        end: When the newest was.
        rows: How many they are.
        other_versions: Answers in the same span that another version gave.
        ahead: Answers that claim to come from the future: left out, for a clock somewhere is wrong.
    """

    asked: Asked
    version: int | None
    first: int
    last: int
    start: datetime | None
    end: datetime | None
    rows: int
    other_versions: int
    ahead: int


class Answers:
    """The prediction log as monitoring reads it.

    Args:
        database: Where the rows live; it has been migrated.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest_version(self, now: datetime) -> tuple[int, str] | None:
        """Return the version that gave the newest answer up to a moment, and its bundle's digest.

        Args:
            now: The moment.
        """
        columns = predictions.c.version, predictions.c.bundle
        newest = (
            select(*columns)
            .where(predictions.c.answered_at <= now + _SKEW)
            .order_by(predictions.c.answered_at.desc(), predictions.c.id.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(newest).one_or_none()
        return None if row is None else (row.version, row.bundle)

    def window(self, asked: Asked, now: datetime, version: int | None) -> Window:
        """Find the answers that were asked for.

        Args:
            asked: Which they are.
            now: The moment up to which they count.
            version: Answers of this version alone; of all where none is named.
        """
        upto = predictions.c.answered_at <= now + _SKEW
        mine = [] if version is None else [predictions.c.version == version]
        with self._database.reading() as connection:
            ahead = connection.execute(select(func.count()).select_from(predictions).where(~upto)).scalar_one()
            if asked.span is not None:
                within = [upto, predictions.c.answered_at > now - asked.span]
            else:
                newest = (
                    select(predictions.c.id)
                    .where(upto, *mine)
                    .order_by(predictions.c.id.desc())
                    .limit(asked.rows)
                    .subquery()
                )
                least = connection.execute(select(func.min(newest.c.id))).scalar_one()
                within = [upto, predictions.c.id >= (least or 0)]
            every = connection.execute(select(func.count()).select_from(predictions).where(*within)).scalar_one()
            found = connection.execute(
                select(
                    func.count().label("rows"),
                    func.min(predictions.c.id).label("first"),
                    func.max(predictions.c.id).label("last"),
                    func.min(predictions.c.answered_at).label("start"),
                    func.max(predictions.c.answered_at).label("end"),
                ).where(*within, *mine)
            ).one()
        return Window(
            asked, version, found.first or 0, found.last or 0, found.start, found.end, found.rows, every - found.rows, ahead
        )

    def of_others(self, window: Window, version: int) -> int:
        """Return how many of a window's answers were given by other versions than one.

        Args:
            window: What `window` returned.
            version: The one.
        """
        between = predictions.c.id.between(window.first, window.last)
        query = select(func.count()).select_from(predictions).where(between, predictions.c.version != version)
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def batches(self, window: Window, now: datetime) -> Iterator[pl.DataFrame]:
        """Yield the window's answers, twenty thousand at once, oldest first.

        Args:
            window: What `window` returned.
            now: The moment that it was asked with.
        """
        within: list[ColumnElement[bool]] = [
            predictions.c.id.between(window.first, window.last),
            predictions.c.answered_at <= now + _SKEW,
        ]
        if window.asked.span is not None:
            within.append(predictions.c.answered_at > now - window.asked.span)
        if window.version is not None:
            within.append(predictions.c.version == window.version)
        query = (
            select(*(predictions.c[name] for name in _SCHEMA))
            .where(*within)
            .order_by(predictions.c.id)
            .execution_options(stream_results=True, max_row_buffer=_ROWS)
        )
        with self._database.reading() as connection:
            for part in connection.execute(query).partitions(_ROWS):
                yield pl.DataFrame([tuple(row) for row in part], schema=_SCHEMA, orient="row")


def watched(answers: pl.DataFrame) -> pl.DataFrame:
    """Return answers as the columns that a bundle's reference has.

    Args:
        answers: Rows of the prediction log.
    """
    return answers.select(
        "title_chars",
        "title_words",
        pl.when(~pl.col("missing_description")).then("description_chars").alias("description_chars"),
        "missing_description",
        "html_residue",
        "language",
        pl.col("image_bytes").is_not_null().alias("with_image"),
        "image_bytes",
        "image_aspect",
        "image_brightness",
        "image_white",
        pl.col("code").alias("predicted"),
        "confidence",
    )
