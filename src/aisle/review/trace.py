"""One product's way round: answer, review, label, request, snapshot, bundle, promotion, and the answer after that."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
import polars as pl
from sqlalchemy import Connection, and_, or_, select

from aisle.catalog.product import Product
from aisle.catalog.snapshot import read
from aisle.errors import ReviewError, SnapshotError
from aisle.models.prediction import Prediction
from aisle.review.effect import Effect, effect
from aisle.storage.database import Database
from aisle.storage.objects import Bucket
from aisle.storage.schema import (
    feedback,
    labels,
    models,
    predictions,
    products,
    promotions,
    retrain_requests,
    review_decisions,
    review_items,
    snapshots,
)

Stage = Literal["answer", "feedback", "queue", "review", "label", "request", "snapshot", "bundle", "promotion", "now"]
_MOST = 50
_SNAPSHOTS = 20
_FROZEN = ("source", "split", "id", "label", "label_author")


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """One station of a product's way: when, which, and what happened there as a sentence."""

    at: datetime
    stage: Stage
    told: str


@dataclass(frozen=True, slots=True)
class Trace:
    """A product's way, oldest first, and its first and last answered category.

    Args:
        product: The id that was asked for.
        events: The stations.
        before: The category of its first answer, if it was ever answered.
        after: That of its last one.
        effects: What changed with the versions that learnt a label of it, in their order.
    """

    product: str
    events: tuple[TraceEvent, ...]
    before: str | None
    after: str | None
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    answers: Sequence[Any]
    items: Sequence[Any]
    places: frozenset[tuple[str, str, str]]


def trace(
    database: Database, artifacts: Bucket, product_id: str, *, ask: Callable[[Product], Prediction] | None = None
) -> Trace:
    """Follow a product from its answers to the change that its review made.

    Args:
        database: Where everything is on record.
        artifacts: The bucket of snapshots.
        product_id: Its id, in requests or in the catalogue.
        ask: What the champion says of it now; asked where its text is known.

    Raises:
        ReviewError: Nothing is known of it.
    """
    with database.reading() as connection:
        found = _find(connection, product_id)
        if not (found.answers or found.items or found.places):
            raise ReviewError(
                f"Nothing is on record of a product {product_id[:100]!r}.",
                hint="Name it as requests or the catalogue do; the log forgets after AISLE_SERVING_KEEP_DAYS.",
            )
        events = [*_answered(found.answers), *_said(connection, found), *_reviewed(connection, found)]
        given = _labels(connection, found)
        events += given
        frozen = _candidates(connection, given)
        texts = _texts(connection, found)
    taken = [(digest, at, row) for digest, at in frozen for row in _rows(artifacts, digest, found)]
    events += [_frozen(*one) for one in taken]
    with database.reading() as connection:
        learnt = _learnt(connection, {digest for digest, *_ in taken})
        events += _served(connection, learnt)
        events += _requested(connection, given, [model.version for model in learnt])
    codes = [row.code for row in found.answers]
    if ask is not None and texts is not None:
        answer = ask(Product(product_id, title=texts[0], description=texts[1], brand=texts[2]))
        codes.append(answer.code)
        told = f"the champion answers {answer.code} ({answer.name}) with {answer.confidence:.2f}, by text alone"
        events.append(TraceEvent(datetime.now().astimezone(), "now", told))
    ordered = sorted(events, key=lambda event: event.at)
    changed = tuple(effect(database, model.version) for model in learnt)
    return Trace(product_id, tuple(ordered), codes[0] if codes else None, codes[-1] if codes else None, changed)


def _find(connection: Connection, product_id: str) -> _Found:
    by_id = select(predictions).where(predictions.c.product_id == product_id).order_by(predictions.c.id.desc()).limit(_MOST)
    answers = list(reversed(connection.execute(by_id).all()))
    asked = sorted({row.request_id for row in answers})
    same = and_(review_items.c.request_id.in_(asked), review_items.c.source == "answers")
    queued = select(review_items).where(or_(review_items.c.product_id == product_id, same)).order_by(review_items.c.id)
    places = {(row.request_id, row.position) for row in answers}
    # Of the items of a request only those at this product's place in it.
    items = [
        row for row in connection.execute(queued) if row.product_id == product_id or (row.request_id, row.position) in places
    ]
    if not answers and items:
        of_items = or_(
            *(and_(predictions.c.request_id == row.request_id, predictions.c.position == row.position) for row in items)
        )
        answers = list(connection.execute(select(predictions).where(of_items).order_by(predictions.c.id)).all())
    own = connection.execute(select(products.c.source, products.c.split, products.c.id).where(products.c.id == product_id))
    known = {*(tuple(row) for row in own), *((row.source, row.split, row.product_id) for row in items)}
    return _Found(answers, items, frozenset(known))


def _answered(answers: Sequence[Any]) -> Iterator[TraceEvent]:
    for row in answers:
        doubt = f"; {row.review}" if row.review else ""
        told = f"version {row.version} answered {row.code} with {row.confidence:.2f}{doubt} (request {row.request_id})"
        yield TraceEvent(row.answered_at, "answer", told)


def _said(connection: Connection, found: _Found) -> Iterator[TraceEvent]:
    asked = sorted({row.request_id for row in found.answers})
    by_request = select(feedback).where(feedback.c.request_id.in_(asked))
    places = {(row.request_id, row.position) for row in found.answers}
    for row in connection.execute(by_request):
        if (row.request_id, row.position) in places:
            yield TraceEvent(row.created_at, "feedback", f"{row.author} said that {row.code} is right, not {row.predicted}")


def _reviewed(connection: Connection, found: _Found) -> Iterator[TraceEvent]:
    for item in found.items:
        chance = ", picked by chance" if item.drawn else ""
        yield TraceEvent(item.created_at, "queue", f"item {item.id} entered the review queue: {item.reason}{chance}")
        query = select(review_decisions).where(review_decisions.c.item_id == item.id).order_by(review_decisions.c.id)
        for row in connection.execute(query):
            said = f"{row.reviewer} chose {row.code}" if row.verdict == "label" else f"{row.reviewer} passed it on"
            yield TraceEvent(row.decided_at, "review", said + (f": {row.reason}" if row.reason else ""))
            if row.undone_at is not None:
                yield TraceEvent(row.undone_at, "review", f"{row.reviewer} took that back")


def _labels(connection: Connection, found: _Found) -> list[TraceEvent]:
    events = []
    for source, split, identity in sorted(found.places):
        place = labels.c.source == source, labels.c.split == split, labels.c.product_id == identity
        for row in connection.execute(select(labels).where(*place).order_by(labels.c.seq)):
            what = f"takes label {row.withdraws} back" if row.withdraws else f"is {row.code}"
            told = f"label {row.seq} of {source}/{split}/{identity} {what}, by {row.author}: {row.reason}".rstrip(": ")
            events.append(TraceEvent(row.created_at, "label", told))
    return events


def _candidates(connection: Connection, given: list[TraceEvent]) -> list[tuple[str, datetime]]:
    """Return the snapshots that may hold the labels: those frozen since the first of them."""
    if not given:
        return []
    since = snapshots.c.created_at >= min(event.at for event in given)
    query = (
        select(snapshots.c.digest, snapshots.c.created_at).where(since).order_by(snapshots.c.created_at).limit(_SNAPSHOTS)
    )
    return [(digest, at) for digest, at in connection.execute(query)]


def _rows(artifacts: Bucket, digest: str, found: _Found) -> list[dict[str, Any]]:
    try:
        frame = read(artifacts, digest)
    except SnapshotError:
        return []  # it is on record and its rows are gone: nothing of it can be told
    wanted = pl.DataFrame(sorted(found.places), schema=_FROZEN[:3], orient="row")
    return frame.select(_FROZEN).join(wanted, on=_FROZEN[:3], how="semi").filter(pl.col("label").is_not_null()).to_dicts()


def _frozen(digest: str, at: datetime, row: dict[str, Any]) -> TraceEvent:
    return TraceEvent(at, "snapshot", f"snapshot {digest[:12]} took it as {row['label']}, by {row['label_author']}")


def _learnt(connection: Connection, digests: set[str]) -> Sequence[Any]:
    query = select(models).where(models.c.snapshot.in_(sorted(digests))).order_by(models.c.version)
    return connection.execute(query).all()


def _served(connection: Connection, learnt: Sequence[Any]) -> Iterator[TraceEvent]:
    for model in learnt:
        told = f"version {model.version} (bundle {model.bundle[:12]}) learnt snapshot {model.snapshot[:12]}"
        yield TraceEvent(model.created_at, "bundle", told)
    versions = [model.version for model in learnt]
    for row in connection.execute(select(promotions).where(promotions.c.version.in_(versions))):
        told = f"{row.actor} made version {row.version} champion ({row.action}): {row.reason}"
        yield TraceEvent(row.created_at, "promotion", told)


def _requested(connection: Connection, given: list[TraceEvent], versions: list[int]) -> Iterator[TraceEvent]:
    """Yield the retrainings that learnt the labels, and the one that is open since."""
    if not given:
        return
    asked, first = retrain_requests.c, min(event.at for event in given)
    waits = and_(asked.state.in_(("requested", "taken")), asked.requested_at >= first)
    query = select(retrain_requests).where(or_(asked.new_version.in_(versions), waits)).order_by(asked.id)
    for row in connection.execute(query):
        reasons = " ".join(orjson.loads(row.reasons))
        yield TraceEvent(row.requested_at, "request", f"request {row.id} asked for a retraining: {reasons}")
        # That nobody took it yet says itself, and what was promoted the ledger tells.
        if row.state not in ("requested", "promoted"):
            ended = f"request {row.id} is {row.state.replace('_', ' ')}: {row.outcome}".rstrip(": ")
            yield TraceEvent(row.changed_at, "request", ended)


def _texts(connection: Connection, found: _Found) -> tuple[str | None, str | None, str | None] | None:
    for source, split, identity in sorted(found.places):
        place = products.c.source == source, products.c.split == split, products.c.id == identity
        row = connection.execute(select(products.c.title, products.c.description, products.c.brand).where(*place)).first()
        if row is not None:
            return row[0], row[1], row[2]
    known = next((item for item in found.items if item.title or item.description), None)
    return None if known is None else (known.title, known.description, known.brand)
