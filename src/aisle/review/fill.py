"""Filling the queue: from answers that are unsure, feedback that contests, labels that an audit suspects, and by chance."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, and_, column, func, select, table, update
from sqlalchemy.dialects import postgresql, sqlite

from aisle.digest import json_digest, sha256
from aisle.errors import ReviewError
from aisle.review.items import ANSWERS, REASONS, Reason
from aisle.review.order import FULL, discounted, drawn, kind_of, uncertainty
from aisle.storage.database import Database
from aisle.storage.schema import feedback, predictions, products, review_items

_TEXTS = ("title", "description", "brand")
_SUSPECTS = ("source", "split", "id", "label", "suggested", "self_confidence", "suggested_confidence")
_ANSWER = (
    *("id", "request_id", "position", "product_id", "version", "code", "confidence", "second_code", "second_confidence"),
    *("review", "text_sha256", "image_sha256", *_TEXTS),
)
_AT_ONCE, _NAMES = 5_000, 500
_SAID = (feedback.c.code.label("said"), feedback.c.reason.label("why"), feedback.c.created_at.label("said_at"))
_current_labels = table("current_labels", *(column(n) for n in ("source", "split", "product_id", "code")))


@dataclass(frozen=True, slots=True)
class Shares:
    """What is left to chance, and what a mistake costs.

    Args:
        drawn: Share of answered products that chance picks.
        double: Share of products that two people review.
        costs: What a wrong answer of a category costs; 1 for all others.
    """

    drawn: float = 0.01
    double: float = 0.1
    costs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Filled:
    """What entered the queue.

    Args:
        added: How many products by reason.
        unreadable: Answers that nobody can review: their text was not kept, and they are in no catalogue.
    """

    added: dict[Reason, int]
    unreadable: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    name: str
    reason: Reason
    worth: float
    kind: str
    place: tuple[str, str, str]
    values: dict[str, Any]
    drawn: bool = False
    said_at: datetime | None = None


def costs_of(text: str) -> dict[str, float]:
    """Return costs as people write them.

    Raises:
        ReviewError: It is no such list.

    >>> costs_of("10=2, 50=0.5"), costs_of("")
    ({'10': 2.0, '50': 0.5}, {})
    """
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        code, _, number = part.rpartition("=")
        try:
            cost = float(number)
        except ValueError:
            cost = -1.0
        if not code or not 0 <= cost < float("inf"):
            raise ReviewError(f"{part!r} is no cost of a category.", hint="Write AISLE_REVIEW_COSTS as 10=2,50=0.5.")
        found[code.strip()] = cost
    return found


def fill(
    database: Database, since: datetime, shares: Shares, *, suspects: pl.DataFrame | None = None, now: datetime | None = None
) -> Filled:
    """Put what somebody should look at into the queue; what is there already, or was decided, enters no second time.

    Args:
        database: Where answers, feedback, catalogue and queue live.
        since: Answers and feedback from this moment on are looked at.
        shares: What is left to chance, and what a mistake costs.
        suspects: What `aisle train audit --out` wrote.
        now: The moment; now by default.

    Raises:
        ReviewError: The suspects are no such table.
    """
    moment = now or datetime.now(UTC)
    with database.reading() as connection:
        answers, unreadable = _placed(connection, _answers(connection, since, shares))
        said, lost = _placed(connection, _contested(connection, since, shares))
        found = [*said, *_disputed_labels(connection, since), *_suspects(connection, suspects), *answers]
        known = _known(connection, {one.name for one in found})
        waiting = _waiting(connection)
    every = list(_merged(found).values())
    chosen = [one for one in every if one.name not in known or _is_news(one, known[one.name])]
    values = discounted([one.worth for one in chosen], [one.kind for one in chosen], waiting)
    added: Counter[Reason] = Counter()
    with database.transaction() as connection:
        for one in every:
            if one.said_at is not None and one.name in known:
                _contest(connection, one, moment)
        for one, value in zip(chosen, values.tolist(), strict=True):
            if _put(connection, one, max(value, FULL) if one.drawn else value, shares, moment):
                added[one.reason] += 1
    return Filled({reason: added[reason] for reason in REASONS}, unreadable + lost)


def _merged(found: Iterable[_Candidate]) -> dict[str, _Candidate]:
    """Return one candidate of each product: the weightiest reason counts, and all that is known stays with it."""
    first: dict[str, _Candidate] = {}
    for one in found:
        before = first.setdefault(one.name, one)
        told = {**one.values, **{key: value for key, value in before.values.items() if value is not None}}
        first[one.name] = replace(before, drawn=before.drawn or one.drawn, values=told)
    return first


def _is_news(one: _Candidate, since: datetime | None) -> bool:
    """Whether somebody contests what had been decided; `since` is nothing where the product waits already."""
    return one.said_at is not None and since is not None and one.said_at > since


def _contest(connection: Connection, one: _Candidate, now: datetime) -> None:
    """Say of a product that waits already that somebody contests its answer."""
    waits = review_items.c.name == one.name, review_items.c.state == "open", review_items.c.reason != "contested"
    told = {"reason": "contested", "value": FULL, "suggested": one.values["suggested"], "note": one.values["note"]}
    connection.execute(update(review_items).where(*waits).values(**told, changed_at=now))


def _answers(connection: Connection, since: datetime, shares: Shares) -> Iterator[_Candidate]:
    query = select(*(predictions.c[name] for name in _ANSWER)).where(predictions.c.answered_at >= since)
    rows = connection.execute(query.order_by(predictions.c.id.desc()).execution_options(yield_per=_AT_ONCE))
    seen = set[str]()
    for row in rows:
        name = _name(row.text_sha256, row.image_sha256)
        by_chance = drawn(name, shares.drawn, "estimate")
        if name in seen or not (row.review or by_chance):
            continue
        seen.add(name)
        doubt = uncertainty(row.confidence, row.second_confidence)
        yield _answered(row, "uncertain" if row.review else "drawn", shares.costs.get(row.code, 1.0) * doubt, by_chance)


def _contested(connection: Connection, since: datetime, shares: Shares) -> Iterator[_Candidate]:
    about = and_(predictions.c.request_id == feedback.c.request_id, predictions.c.position == feedback.c.position)
    columns = (*(predictions.c[name] for name in _ANSWER), *_SAID)
    query = (
        select(*columns)
        .select_from(feedback.join(predictions, about))
        .where(feedback.c.created_at >= since, feedback.c.predicted != feedback.c.code)
        .order_by(feedback.c.id.desc(), predictions.c.id.desc())
    )
    for row in connection.execute(query):
        one = _answered(row, "contested", FULL, drawn(_name(row.text_sha256, row.image_sha256), shares.drawn, "estimate"))
        yield replace(one, values={**one.values, "suggested": row.said, "note": row.why}, said_at=row.said_at)


def _answered(row: Any, reason: Reason, worth: float, by_chance: bool) -> _Candidate:
    name = _name(row.text_sha256, row.image_sha256)
    told = {key: getattr(row, key) for key in ("request_id", "position", "confidence", "second_code", "version", *_TEXTS)}
    values = {**told, "predicted": row.code, "text_sha256": row.text_sha256}
    kind, place = kind_of(row.code, row.second_code), (ANSWERS, "train", row.product_id)
    return _Candidate(name, reason, worth, kind, place, values, by_chance)


def _placed(connection: Connection, found: Iterable[_Candidate]) -> tuple[list[_Candidate], int]:
    """Return candidates at their place in the catalogue, where that has the same product under the same id."""
    every, lost, placed = list(found), 0, []
    ids = sorted({one.place[2] for one in every})
    known: dict[str, list[Any]] = {}
    columns = (products.c.source, products.c.split, products.c.id, *(products.c[name] for name in _TEXTS))
    for start in range(0, len(ids), _NAMES):
        for row in connection.execute(select(*columns).where(products.c.id.in_(ids[start : start + _NAMES]))):
            known.setdefault(row.id, []).append(row)
    for one in every:
        digest = one.values.pop("text_sha256")
        # The id alone would not do: without one a request's products are called 0, 1, 2 and so on.
        same = [row for row in known.get(one.place[2], []) if json_digest({n: getattr(row, n) for n in _TEXTS}) == digest]
        if same:
            place, texts = (same[0].source, same[0].split, same[0].id), dict.fromkeys(_TEXTS)
            placed.append(replace(one, place=place, values={**one.values, **texts}))
        elif any(one.values[name] for name in _TEXTS):
            placed.append(replace(one, place=(ANSWERS, "train", one.name[:32])))
        else:
            lost += 1
    return placed, lost


def _disputed_labels(connection: Connection, since: datetime) -> Iterator[_Candidate]:
    """Yield products of the catalogue of which somebody says that they belong elsewhere."""
    same = and_(
        *(products.c[a] == feedback.c[b] for a, b in (("source", "source"), ("split", "split"), ("id", "product_id")))
    )
    label = and_(*(_current_labels.c[name] == feedback.c[name] for name in ("source", "split", "product_id")))
    texts = (products.c.source, products.c.split, products.c.id, *(products.c[n] for n in _TEXTS), products.c.image_sha256)
    query = (
        select(*texts, *_SAID, _current_labels.c.code.label("label"))
        .select_from(feedback.join(products, same).outerjoin(_current_labels, label))
        .where(feedback.c.created_at >= since, feedback.c.predicted.is_(None))
        .order_by(feedback.c.id.desc())
    )
    for row in connection.execute(query):
        if row.label != row.said:
            values = {"suggested": row.said, "note": row.why}
            kind, place = kind_of(row.said, row.label), (row.source, row.split, row.id)
            yield _Candidate(_name_of(row), "contested", FULL, kind, place, values, said_at=row.said_at)


def _suspects(connection: Connection, suspects: pl.DataFrame | None) -> Iterator[_Candidate]:
    if suspects is None:
        return
    if missing := [name for name in _SUSPECTS if name not in suspects.columns]:
        raise ReviewError(f"The suspects have no column {missing[0]}.", hint="`aisle train audit --out FILE` writes them.")
    texts = (*(products.c[name] for name in _TEXTS), products.c.image_sha256)
    for row in suspects.select(
        pl.col("source", "split", "id", "label", "suggested").cast(pl.String), "self_confidence"
    ).rows():
        source, split, identity, label, suggested, own = row
        place = products.c.source == source, products.c.split == split, products.c.id == identity
        product = connection.execute(select(*texts).where(*place)).one_or_none()
        if product is not None:
            values = {"suggested": suggested, "note": f"The label audit gives {label} a probability of {own:.2f}."}
            worth = uncertainty(float(own), None)
            yield _Candidate(
                _name_of(product), "suspect", worth, kind_of(label, suggested), (source, split, identity), values
            )


def _name(text: str, image: str | None) -> str:
    return sha256(f"{text}:{image or ''}".encode())


def _name_of(product: Any) -> str:
    return _name(json_digest({name: getattr(product, name) for name in _TEXTS}), product.image_sha256)


def _known(connection: Connection, names: set[str]) -> dict[str, datetime | None]:
    """Return those of some names that are in the queue or were, and when they left it; nothing for those that wait."""
    found, every = dict[str, datetime | None](), sorted(names)
    columns = (review_items.c.name, review_items.c.state, review_items.c.changed_at)
    for start in range(0, len(every), _NAMES):
        query = select(*columns).where(review_items.c.name.in_(every[start : start + _NAMES])).order_by(review_items.c.id)
        for name, state, changed_at in connection.execute(query):
            found[name] = None if state == "open" else changed_at
    return found


def _waiting(connection: Connection) -> dict[str, int]:
    query = select(review_items.c.kind, func.count()).where(review_items.c.state == "open").group_by(review_items.c.kind)
    return {kind: int(rows) for kind, rows in connection.execute(query)}


def _put(connection: Connection, one: _Candidate, value: float, shares: Shares, now: datetime) -> bool:
    source, split, product_id = one.place
    row = {
        "name": one.name,
        "reason": one.reason,
        "drawn": one.drawn,
        "value": value,
        "kind": one.kind,
        "source": source,
        "split": split,
        "product_id": product_id,
        "state": "open",
        **one.values,
        "reviews_wanted": 2 if drawn(one.name, shares.double, "double") else 1,
        "created_at": now,
        "changed_at": now,
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    # Another process may be filling the queue at the same moment.
    added = dialect.insert(review_items).values(row).on_conflict_do_nothing().returning(review_items.c.id)
    return connection.execute(added).first() is not None
