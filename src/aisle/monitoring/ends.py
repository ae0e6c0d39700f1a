"""What a window's answers are like at the ends of a column: the least, the greatest, or one of each rare value."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from aisle.monitoring.records import MonitorRun
from aisle.storage.database import Database
from aisle.storage.schema import predictions, products

_TEXTS = ("title_chars", "title_words", "description_chars")
_IMAGES = ("image_bytes", "image_aspect", "image_brightness", "image_white")
_NUMBERS = frozenset({*_TEXTS, *_IMAGES, "confidence"})
_NAMES = {name: name for name in ("language", "missing_description", "html_residue")} | {"predicted": "code"}
_MOST = 20_000
"""Answers of a window that are looked at, the newest: a page must not sort a log of millions."""

_Conditions = list[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Example:
    """One answer.

    Args:
        product_id: Whose.
        title: The product's title, where it was kept or the catalogue has it.
        value: What the answer has in the column.
    """

    product_id: str
    title: str | None
    value: Any


def ends(database: Database, run: MonitorRun, column: str, *, each: int = 4) -> list[Example]:
    """Return examples of a column's ends in the window of a run.

    Args:
        database: Where the prediction log lives.
        run: The run; its window may have been pruned since. Of a large one the newest answers are looked at.
        column: A column of numbers: the answers with the least values and those with the greatest, rising. One of names:
            the newest answer of each of the rarest. Of any other column there are none.
        each: How many at each end.
    """
    if run.window_start is None or (column not in _NUMBERS and column not in _NAMES):
        return []
    within: _Conditions = [predictions.c.answered_at.between(run.window_start, run.window_end)]
    if run.version is not None:
        within.append(predictions.c.version == run.version)
    newest = select(predictions.c.id).where(*within).order_by(predictions.c.id.desc()).limit(_MOST)
    within = [predictions.c.id.in_(select(newest.subquery().c.id))]
    with database.reading() as connection:
        find = _of_numbers if column in _NUMBERS else _of_names
        rows = find(connection, column, within, each)
        untitled = [row.product_id for row in rows if row.title is None]
        known = select(products.c.id, func.max(products.c.title)).where(products.c.id.in_(untitled)).group_by(products.c.id)
        titles = {row[0]: row[1] for row in connection.execute(known)}
    return [Example(row.product_id, row.title or titles.get(row.product_id), row.value) for row in rows]


def _of_numbers(connection: Connection, column: str, within: _Conditions, each: int) -> list[Row[Any]]:
    value = predictions.c[column]
    given = _shown(value).where(value.is_not(None), *within).limit(each)
    least = connection.execute(given.order_by(value, predictions.c.id)).all()
    greatest = connection.execute(given.order_by(value.desc(), predictions.c.id.desc())).all()
    seen = {row.id for row in least}
    return [*least, *(row for row in reversed(greatest) if row.id not in seen)]


def _of_names(connection: Connection, column: str, within: _Conditions, each: int) -> list[Row[Any]]:
    value = predictions.c[_NAMES[column]]
    newest = func.max(predictions.c.id)
    rarest = (
        select(newest.label("id"), func.count().label("times"))
        .where(*within)
        .group_by(value)
        .order_by(func.count(), newest)
        .limit(2 * each)
        .subquery()
    )
    query = _shown(value).join(rarest, rarest.c.id == predictions.c.id).order_by(rarest.c.times, predictions.c.id)
    return list(connection.execute(query).all())


def _shown(value: ColumnElement[Any]) -> Select[Any]:
    return select(predictions.c.id, predictions.c.product_id, predictions.c.title, value.label("value"))
