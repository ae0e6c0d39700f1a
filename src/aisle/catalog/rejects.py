"""Rejects: what could not be taken in, with the reason, so that nothing is lost in silence."""

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Row, func, select

from aisle.storage.database import Database
from aisle.storage.schema import loads, rejects

REASONS: dict[str, str] = {
    "no_id": "the row has no id",
    "bad_id": "the id is no whole number, or longer than 200 characters",
    "duplicate_id": "an earlier row has the same id",
    "nothing_to_classify": "no title, no description and no usable image",
    "unknown_label": "the label is none of the catalogue's",
    "conflicting_label": "the labels' file gives this id several different labels",
    "broken_encoding": "the text is no UTF-8, or holds NUL",
    "broken_json": "the line is no JSON object",
    "wrong_field_count": "the row has more or fewer fields than the first line",
    "text_too_long": "the title or description is longer than the limit",
    "missing": "the image is not there",
    "not_an_image": "the file is no image",
    "truncated": "the image breaks off",
    "damaged": "the image's bytes do not match the archive's checksum",
    "too_large": "the image file is larger than the limit",
    "bomb": "the image has more pixels than the limit",
    "unsupported": "the image is of a format that is not read",
    "unsafe": "the image's name leads out of its folder",
}
"""Every reason for a reject, and what it means."""


@dataclass(frozen=True, slots=True)
class Reject:
    """One row or image that could not be taken in; `kind` is `row` or `image`."""

    row: int
    product_id: str | None
    kind: str
    reason: str
    detail: str
    raw: str | None


def raw_row(record: dict[str, Any]) -> str:
    """Return a row as the JSON text that a reject keeps."""
    return orjson.dumps({key: value for key, value in record.items() if value is not None}).decode()


def list_rejects(database: Database, *, source: str | None = None, limit: int = 50) -> list[Row[Any]]:
    """Return the rejects of each split's latest state, oldest first; superseded loads are left out."""
    query = select(rejects).where(rejects.c.load_id.in_(_current_loads(source))).order_by(rejects.c.seq).limit(limit)
    with database.reading() as connection:
        return list(connection.execute(query))


def count_rejects(database: Database, *, source: str | None = None) -> list[Row[Any]]:
    """Return source, kind, reason and count of the rejects of each split's latest state."""
    by = (rejects.c.source, rejects.c.kind, rejects.c.reason)
    query = select(*by, func.count().label("count")).where(rejects.c.load_id.in_(_current_loads(source))).group_by(*by)
    with database.reading() as connection:
        return list(connection.execute(query.order_by(*by)))


def _current_loads(source: str | None) -> Any:
    """Select the loads of each split's newest generation."""
    newest = (
        select(loads.c.source, loads.c.split, func.max(loads.c.generation).label("generation"))
        .group_by(loads.c.source, loads.c.split)
        .subquery()
    )
    same = (loads.c.source == newest.c.source) & (loads.c.split == newest.c.split)
    query = select(loads.c.id).join(newest, same & (loads.c.generation == newest.c.generation))
    return query if source is None else query.where(loads.c.source == source)
