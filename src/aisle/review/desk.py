"""The desk where people review: the next product, a decision, passing on, and taking back.

A product that somebody has is nobody else's until the lease runs out. A decision becomes a row of `labels` with its author,
time and reason once as many people as are wanted agree; rows are only ever added, and a row that takes another back says
which. No answer of a model becomes a label here unless a person gave it.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, case, column, exists, func, insert, or_, select, table, update

from aisle.catalog.image_load import image_key
from aisle.catalog.loads import SOURCE_AUTHOR
from aisle.errors import InputError, ReviewConflict, ReviewError
from aisle.review.items import ANSWERS, Decision, ReviewedProduct, ReviewItem
from aisle.storage.database import Database
from aisle.storage.schema import labels, products, review_decisions, review_items, sources

_DECIDED, _MOST_VOTES, _MOST_SKIPS = 2, 3, 3
_MAX_REASON, _MAX_NAME = 1_000, 200
_current_labels = table("current_labels", *(column(n) for n in ("source", "split", "product_id", "code")))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a decision: the product as it is now, and the number of the label's row, if one was written."""

    item: ReviewItem
    label_seq: int | None = None


class ReviewDesk:
    """Gives products out and takes decisions.

    Args:
        database: Where the queue and the labels live; it has been migrated.
        lease: How long a reviewer has a product alone.
    """

    def __init__(self, database: Database, lease: timedelta = timedelta(minutes=15)) -> None:
        self._database = database
        self._lease = lease

    def next(self, reviewer: str, *, now: datetime | None = None) -> ReviewItem | None:
        """Lease a reviewer the product that is worth most, or the one that they have already; nothing if none is left.

        Args:
            reviewer: Who asks.
            now: The moment; now by default.

        Raises:
            InputError: Nobody can be called that.
        """
        _require_name(reviewer)
        moment = now or datetime.now(UTC)
        item = review_items.c
        mine = exists().where(
            review_decisions.c.item_id == item.id,
            review_decisions.c.reviewer == reviewer,
            review_decisions.c.undone_at.is_(None),
        )
        free = or_(item.leased_until.is_(None), item.leased_until <= moment, item.leased_by == reviewer)
        held = and_(item.leased_by == reviewer, item.leased_until > moment)
        first = (
            select(item.id)
            .where(item.state == "open", free, ~mine)
            .order_by(case((held, 0), else_=1), item.value.desc(), item.id)
            .limit(1)
            # On PostgreSQL whoever asks at the same moment takes the next one instead of waiting; SQLite has one writer.
            .with_for_update(skip_locked=True)
        )
        lease = {"leased_by": reviewer, "leased_until": moment + self._lease}
        with self._database.transaction() as connection:
            chosen = connection.execute(first).scalar_one_or_none()
            if chosen is None:
                return None
            return _changed(connection, chosen, lease)

    def item(self, item_id: int) -> ReviewItem:
        """Return a product of the queue by its number.

        Raises:
            ReviewError: There is none.
        """
        with self._database.reading() as connection:
            return _item(connection, item_id)

    def product(self, item: ReviewItem) -> ReviewedProduct | None:
        """Return what a reviewer sees of a product; nothing where the catalogue has it no more."""
        with self._database.reading() as connection:
            return _product(connection, item)

    def decide(
        self,
        item_id: int,
        reviewer: str,
        code: str,
        reason: str = "",
        *,
        categories: Collection[str],
        now: datetime | None = None,
    ) -> Outcome:
        """Take somebody's word that a product belongs to a category.

        Args:
            item_id: The product's number in the queue.
            reviewer: Who says so.
            code: The category.
            reason: Why; may be empty.
            categories: The codes that there are.
            now: The moment; now by default.

        Raises:
            InputError: There is no such category, the reason is too long, or nobody can be called that.
            ReviewConflict: It is somebody else's by now, or is decided.
            ReviewError: It is no product of the queue, or the catalogue has it no more.
        """
        _require_name(reviewer)
        if code not in categories:
            raise InputError(f"There is no category {code[:100]!r}.", hint="Choose one of those that the model knows.")
        moment = now or datetime.now(UTC)
        with self._database.transaction() as connection:
            item = _held(connection, item_id, reviewer, moment)
            gone = _product(connection, item) is None
            if gone:
                _changed(connection, item_id, {"state": "gone", "changed_at": moment, **_FREE})
            else:
                return _decided(connection, item, reviewer, code, _words(reason), moment)
        raise ReviewError(
            f"Product {item.product_id[:100]!r} is no longer in the catalogue.", hint="Go on with the next one."
        )

    def skip(self, item_id: int, reviewer: str, reason: str = "", *, now: datetime | None = None) -> ReviewItem:
        """Pass a product on to others; what three people passed on is set aside.

        Raises:
            ReviewConflict: It is somebody else's by now, or is decided.
            ReviewError: It is no product of the queue.
        """
        moment = now or datetime.now(UTC)
        with self._database.transaction() as connection:
            _held(connection, item_id, reviewer, moment)
            _note(connection, item_id, reviewer, "skip", None, _words(reason), moment, None)
            passed = [one for one in _standing(connection, item_id) if one.verdict == "skip"]
            state = "set_aside" if len(passed) >= _MOST_SKIPS else "open"
            return _changed(connection, item_id, {"state": state, "changed_at": moment, **_FREE})

    def undo(self, reviewer: str, *, now: datetime | None = None) -> ReviewItem:
        """Take a reviewer's last decision back, and lease the product to them again.

        The label that came of it is taken back by a row of its own; the one before it holds again.

        Raises:
            ReviewError: There is nothing to take back.
            ReviewConflict: Somebody else has decided since, has the product, or gave it another label.
        """
        moment = now or datetime.now(UTC)
        last = (
            select(review_decisions)
            .where(review_decisions.c.reviewer == reviewer, review_decisions.c.undone_at.is_(None))
            .order_by(review_decisions.c.id.desc())
            .limit(1)
        )
        with self._database.transaction() as connection:
            row = connection.execute(last).one_or_none()
            if row is None:
                raise ReviewError("There is no decision of yours to take back.")
            decision = Decision.from_row(row)
            item = _item(connection, decision.item_id, lock=True)
            later = [one for one in _standing(connection, item.id) if one.id > decision.id]
            held = item.leased_by not in (None, reviewer) and item.leased_until is not None and item.leased_until > moment
            if later or held:
                raise ReviewConflict("Somebody else has the product by now.", hint="Ask them to change it.")
            others = review_items.c.name == item.name, review_items.c.state == "open", review_items.c.id != item.id
            if connection.execute(select(review_items.c.id).where(*others)).first() is not None:
                raise ReviewConflict("The product is in the queue anew.", hint="Decide it there.")
            if decision.label_seq is not None:
                _withdraw(connection, item, decision.label_seq, reviewer, moment)
            done = update(review_decisions).where(review_decisions.c.id == decision.id)
            connection.execute(done.values(undone_at=moment, label_seq=decision.label_seq))
            lease = {"leased_by": reviewer, "leased_until": moment + self._lease}
            return _changed(connection, item.id, {"state": "open", "code": None, "changed_at": moment, **lease})


_FREE: dict[str, None] = {"leased_by": None, "leased_until": None}


def _item(connection: Connection, item_id: int, *, lock: bool = False) -> ReviewItem:
    query = select(review_items).where(review_items.c.id == item_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise ReviewError(f"There is no product {item_id} in the queue.", hint="`aisle review list` shows those there are.")
    return ReviewItem.from_row(row)


def _changed(connection: Connection, item_id: int, values: dict[str, Any]) -> ReviewItem:
    change = update(review_items).where(review_items.c.id == item_id).values(values).returning(review_items)
    return ReviewItem.from_row(connection.execute(change).one())


def _held(connection: Connection, item_id: int, reviewer: str, now: datetime) -> ReviewItem:
    """Return an item that is this reviewer's; a lease that ran out still counts where nobody else has come since."""
    item = _item(connection, item_id, lock=True)
    if item.state != "open":
        raise ReviewConflict(f"Product {item_id} is not open any more.", hint="Go on with the next one.")
    if item.leased_by != reviewer:
        whose = "somebody else's" if item.leased_by and item.leased_until and item.leased_until > now else "not yours"
        raise ReviewConflict(
            f"The time for product {item_id} ran out, and it is {whose} now.", hint="Nothing was kept; take the next one."
        )
    return item


def _standing(connection: Connection, item_id: int) -> list[Decision]:
    query = select(review_decisions).where(review_decisions.c.item_id == item_id, review_decisions.c.undone_at.is_(None))
    return [Decision.from_row(row) for row in connection.execute(query.order_by(review_decisions.c.id))]


def _decided(connection: Connection, item: ReviewItem, reviewer: str, code: str, reason: str, now: datetime) -> Outcome:
    votes = [one for one in _standing(connection, item.id) if one.verdict == "label"]
    said = Counter([code, *(one.code for one in votes)])
    total, (best, agreeing) = len(votes) + 1, said.most_common(1)[0]
    change: dict[str, Any] = {"changed_at": now, **_FREE}
    seq = None
    if total >= item.reviews_wanted and (agreeing >= _DECIDED or item.reviews_wanted == 1):
        assert best is not None
        told = f"Review {item.id} ({item.reason}): {reason}".rstrip(": ")
        author = reviewer if best == code else next(one.reviewer for one in reversed(votes) if one.code == best)
        seq = _label(connection, item, best, author, told, now)
        change |= {"state": "decided", "code": best}
    elif total >= _MOST_VOTES:
        change["state"] = "disputed"
    elif total >= item.reviews_wanted:
        change["reviews_wanted"] = _MOST_VOTES
    _note(connection, item.id, reviewer, "label", code, reason, now, seq)
    return Outcome(_changed(connection, item.id, change), seq)


def _note(
    connection: Connection,
    item_id: int,
    reviewer: str,
    verdict: str,
    code: str | None,
    reason: str,
    now: datetime,
    label_seq: int | None,
) -> None:
    values = {"item_id": item_id, "reviewer": reviewer, "verdict": verdict, "code": code, "reason": reason}
    connection.execute(insert(review_decisions).values(**values, decided_at=now, label_seq=label_seq))


def _product(connection: Connection, item: ReviewItem) -> ReviewedProduct | None:
    columns = (products.c.title, products.c.description, products.c.brand, products.c.image_name, sources.c.image_prefix)
    query = select(*columns).join(sources, sources.c.name == products.c.source).where(*_of(products, item, products.c.id))
    row = connection.execute(query).one_or_none()
    if row is None:
        own = ReviewedProduct(item.title, item.description, item.brand)
        return own if item.source == ANSWERS else None
    label = select(_current_labels.c.code).where(*_of(_current_labels, item, _current_labels.c.product_id))
    key = image_key(row.image_prefix, item.split, row.image_name) if row.image_name else None
    return ReviewedProduct(*row[:3], connection.execute(label).scalar_one_or_none(), key)


def _of(relation: Any, item: ReviewItem, product_id: Any) -> tuple[Any, ...]:
    return relation.c.source == item.source, relation.c.split == item.split, product_id == item.product_id


def _label(connection: Connection, item: ReviewItem, code: str, author: str, reason: str, now: datetime) -> int:
    if item.source == ANSWERS:
        _adopt(connection, item)
    seq = _next_seq(connection, item)
    row = {"source": item.source, "split": item.split, "product_id": item.product_id, "seq": seq, "code": code}
    connection.execute(insert(labels).values(**row, author=author, reason=reason, created_at=now))
    return seq


def _next_seq(connection: Connection, item: ReviewItem) -> int:
    # Whoever writes labels of this product at the same time waits here.
    connection.execute(select(products.c.id).where(*_of(products, item, products.c.id)).with_for_update())
    last = select(func.max(labels.c.seq)).where(*_of(labels, item, labels.c.product_id))
    return int(connection.execute(last).scalar_one() or 0) + 1


def _withdraw(connection: Connection, item: ReviewItem, seq: int, reviewer: str, now: datetime) -> None:
    number = _next_seq(connection, item)
    if number != seq + 1:
        raise ReviewConflict("The product has got another label since.", hint="Review it anew.")
    code = select(labels.c.code).where(*_of(labels, item, labels.c.product_id), labels.c.seq == seq)
    row = {"source": item.source, "split": item.split, "product_id": item.product_id, "seq": number, "withdraws": seq}
    reason = f"Review {item.id}: taken back"
    connection.execute(
        insert(labels).values(
            **row, code=connection.execute(code).scalar_one(), author=reviewer, reason=reason, created_at=now
        )
    )


def _adopt(connection: Connection, item: ReviewItem) -> None:
    """Take a product that was answered and is in no catalogue into the catalogue of such."""
    if connection.execute(select(sources.c.name).where(sources.c.name == ANSWERS)).first() is None:
        about = {"layout": ANSWERS, "mapping": "{}", "sample": "", "image_prefix": f"{ANSWERS}/"}
        connection.execute(insert(sources).values(name=ANSWERS, **about))
    if connection.execute(select(products.c.id).where(*_of(products, item, products.c.id))).first() is None:
        text = {"title": item.title, "description": item.description, "brand": item.brand}
        place = {"id": item.product_id, "source": item.source, "split": item.split, "row": item.id, "load_id": 0}
        connection.execute(insert(products).values(**place, **text))


def _require_name(reviewer: str) -> None:
    # A catalogue's next load would take back what is labelled in the source's name, and nobody would count it.
    if reviewer == SOURCE_AUTHOR:
        raise InputError(
            f"Nobody reviews as {SOURCE_AUTHOR!r}: it stands for a catalogue's files.", hint="Use your own name."
        )
    if not reviewer.strip() or not reviewer.isprintable() or len(reviewer) > _MAX_NAME:
        raise InputError(f"{reviewer[:100]!r} is nobody's name.", hint=f"Use up to {_MAX_NAME} letters.")


def _words(reason: str) -> str:
    if len(reason) > _MAX_REASON:
        raise InputError(f"The reason has {len(reason):,} characters.", hint=f"Say it in {_MAX_REASON:,}.")
    return reason.replace("\0", "\ufffd").strip()
