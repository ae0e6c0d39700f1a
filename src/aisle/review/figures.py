"""What the queue looks like: what waits, who decided how much, how far people agree, and how right the answers are."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, column, func, select, table

from aisle.review.agreement import Share, kappa, proportion
from aisle.review.items import REASONS, STATES, Decision, ReviewItem
from aisle.storage.database import Database
from aisle.storage.schema import review_decisions, review_items

_current_labels = table("current_labels", column("code"))
_BY_CHANCE = (review_items.c.drawn, review_items.c.state == "decided", review_items.c.predicted.is_not(None))
_TALLY = func.count(case((review_items.c.predicted == review_items.c.code, 1))), func.count()
"""Right answers, and answers."""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """What one person did: decisions, products passed on, and decisions taken back."""

    name: str
    labels: int
    skips: int
    undone: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class ReviewFigures:
    """What the queue looks like.

    Args:
        states: How many products are how far.
        waiting: How many wait by reason.
        reviewers: Who decided how much, the busiest first.
        agreement: Cohen's kappa of the first two who reviewed the same product.
        accuracy: Share of right answers among those that chance picked: of all that were answered.
        corrected: Share of reviewed answers that were wrong, whyever they were looked at; not that of all answers.
    """

    states: dict[str, int]
    waiting: dict[str, int]
    reviewers: tuple[Reviewer, ...]
    agreement: Share
    accuracy: Share
    corrected: Share


class ReviewBook:
    """Reads the queue and what was decided.

    Args:
        database: Where they live; it has been migrated.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self, *, limit: int = 50) -> list[ReviewItem]:
        """Return what waits, that which is worth most first."""
        query = select(review_items).where(review_items.c.state == "open")
        ordered = query.order_by(review_items.c.value.desc(), review_items.c.id).limit(limit)
        with self._database.reading() as connection:
            return [ReviewItem.from_row(row) for row in connection.execute(ordered)]

    def open_items(self) -> int:
        """Return how many products wait."""
        query = select(func.count()).select_from(review_items).where(review_items.c.state == "open")
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def categories(self) -> frozenset[str]:
        """Return the codes that labels have."""
        with self._database.reading() as connection:
            return frozenset(connection.execute(select(_current_labels.c.code).distinct()).scalars())

    def decisions(self, item_id: int) -> list[Decision]:
        """Return what was decided about a product, oldest first, with what was taken back."""
        query = select(review_decisions).where(review_decisions.c.item_id == item_id).order_by(review_decisions.c.id)
        with self._database.reading() as connection:
            return [Decision.from_row(row) for row in connection.execute(query)]

    def accuracy(self, version: int | None = None) -> Share:
        """Return the share of right answers among those that chance picked.

        Args:
            version: The answers of this version only; of all by default.
        """
        asked = () if version is None else (review_items.c.version == version,)
        with self._database.reading() as connection:
            return proportion(*connection.execute(select(*_TALLY).where(*_BY_CHANCE, *asked)).one())

    def accuracies(self) -> dict[int, Share]:
        """Return the share of right answers among those that chance picked, of each version that has any."""
        version = review_items.c.version
        query = select(version, *_TALLY).where(*_BY_CHANCE, version.is_not(None)).group_by(version)
        with self._database.reading() as connection:
            return {one: proportion(hits, cases) for one, hits, cases in connection.execute(query)}

    def figures(self) -> ReviewFigures:
        """Return what the queue looks like now."""
        items, decisions = review_items.c, review_decisions.c
        opened = items.state == "open"
        reviewed = select(items.predicted != items.code).where(items.state == "decided", items.predicted.is_not(None))
        with self._database.reading() as connection:
            by_state = select(items.state, func.count()).group_by(items.state)
            states: dict[str, int] = {row[0]: row[1] for row in connection.execute(by_state)}
            by_reason = select(items.reason, func.count()).where(opened).group_by(items.reason)
            waiting: dict[str, int] = {row[0]: row[1] for row in connection.execute(by_reason)}
            wrong = [bool(one) for one in connection.execute(reviewed).scalars()]
            said = [Decision.from_row(row) for row in connection.execute(select(review_decisions).order_by(decisions.id))]
        return ReviewFigures(
            states={state: states.get(state, 0) for state in STATES},
            waiting={reason: waiting.get(reason, 0) for reason in REASONS},
            reviewers=_reviewers(said),
            agreement=kappa(_pairs(said)),
            accuracy=self.accuracy(),
            corrected=proportion(sum(wrong), len(wrong)),
        )


def _reviewers(said: list[Decision]) -> tuple[Reviewer, ...]:
    names = sorted({one.reviewer for one in said})
    found = []
    for name in names:
        own = [one for one in said if one.reviewer == name]
        standing = [one.verdict for one in own if one.undone_at is None]
        undone = len(own) - len(standing)
        found.append(Reviewer(name, standing.count("label"), standing.count("skip"), undone, own[-1].decided_at))
    return tuple(sorted(found, key=lambda one: -one.labels))


def _pairs(said: list[Decision]) -> list[tuple[str, str]]:
    """Return what the first two who labelled the same product said, each pair in the order of their names."""
    by_item: dict[int, list[Decision]] = {}
    for one in said:
        if one.verdict == "label" and one.undone_at is None:
            by_item.setdefault(one.item_id, []).append(one)
    pairs = [sorted(votes[:2], key=lambda vote: vote.reviewer) for votes in by_item.values() if len(votes) > 1]
    return [(one.code or "", other.code or "") for one, other in pairs]
