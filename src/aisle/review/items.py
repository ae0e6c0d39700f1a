"""What is on record of reviews: a product that somebody should look at, and what somebody decided about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self, get_args

from sqlalchemy import Row

Reason = Literal["uncertain", "contested", "suspect", "drawn"]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""Why a product is looked at: the answer is below its threshold, somebody says that it is wrong, the label audit says that
the label likely is, or chance picked it."""

State = Literal["open", "decided", "disputed", "set_aside", "gone"]
STATES: tuple[State, ...] = get_args(State)
"""How far it is: somebody is to look; there is a label of it; three people said three things; three people passed; there is
no such product any more."""

Verdict = Literal["label", "skip"]

ANSWERS = "answers"
"""The source under which a product enters the catalogue that was answered and was not there."""


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A product that somebody should look at.

    Args:
        id: Its number in the queue.
        name: Digest of its content: the same product is there once, however often it was answered.
        reason: Why.
        drawn: Whether chance picked it, whatever the reason; by these alone the share of right answers is told.
        value: What a review of it is worth; the greatest goes first.
        kind: The categories between which the answer hesitates.
        reviews_wanted: How many people are to look.
        source: The catalogue; `answers` for what was answered and is in none.
        split: Its split there.
        product_id: Its id there.
        request_id: The request that was answered, if there was one.
        position: The product's place in it.
        predicted: The answered category.
        confidence: Its probability.
        second_code: The next category.
        version: The model version that answered.
        suggested: The category that whoever contests, or the audit, suggests.
        note: What whoever contests said.
        title: The title as it was answered, for what is in no catalogue.
        description: The description, likewise.
        brand: The brand, likewise.
        state: How far it is.
        code: The category that was decided.
        leased_by: Who has it.
        leased_until: Until when.
        created_at: When it entered the queue.
        changed_at: When it last changed.
    """

    id: int
    name: str
    reason: Reason
    drawn: bool
    value: float
    kind: str
    reviews_wanted: int
    source: str
    split: str
    product_id: str
    request_id: str | None
    position: int | None
    predicted: str | None
    confidence: float | None
    second_code: str | None
    version: int | None
    suggested: str | None
    note: str
    title: str | None
    description: str | None
    brand: str | None
    state: State
    code: str | None
    leased_by: str | None
    leased_until: datetime | None
    created_at: datetime
    changed_at: datetime

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return the item that a row of `review_items` tells of."""
        return cls(**row._mapping)

    @property
    def blind(self) -> bool:
        """Whether a reviewer is not to be told what was answered: what is to be measured must not be led."""
        return self.drawn or self.reviews_wanted > 1


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided about a product.

    Args:
        id: The decision's number.
        item_id: The product's number in the queue.
        reviewer: Who decided.
        verdict: Whether it is a category or was passed on.
        code: The category.
        reason: Why; empty where nobody said.
        decided_at: When.
        label_seq: Number of the label's row that came of it, if one did.
        undone_at: When it was taken back, if it was.
    """

    id: int
    item_id: int
    reviewer: str
    verdict: Verdict
    code: str | None
    reason: str
    decided_at: datetime
    label_seq: int | None
    undone_at: datetime | None

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return the decision that a row of `review_decisions` tells of."""
        return cls(**row._mapping)


@dataclass(frozen=True, slots=True)
class ReviewedProduct:
    """A product as a reviewer sees it.

    Args:
        title: Its title.
        description: Its description.
        brand: Its brand.
        label: The category that holds now, if one does.
        image_key: Where its image lies in the bucket of images, if it has one.
    """

    title: str | None
    description: str | None
    brand: str | None
    label: str | None = None
    image_key: str | None = None
