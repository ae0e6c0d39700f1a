"""Feedback: what people say the right category is, of a product that was answered or that lies in the catalogue.

Rows are only ever added. Each has its author and the author's own id for it, so that whoever sends the same again, because
an answer got lost, adds nothing. What had been answered is kept beside it: the prediction log forgets, feedback does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from sqlalchemy import Connection, Row, insert, select
from sqlalchemy.exc import IntegrityError

from aisle.errors import FeedbackConflict
from aisle.storage.database import Database
from aisle.storage.schema import feedback, predictions, products

Verdict = Literal["confirmed", "corrected", "catalogued"]


@dataclass(frozen=True, slots=True)
class LoggedAnswer:
    """One product's answer, as the prediction log has it."""

    position: int
    product_id: str
    code: str
    version: int


@dataclass(frozen=True, slots=True)
class CatalogueProduct:
    """One product of the catalogue, by its whole name."""

    source: str
    split: str
    id: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said.

    Args:
        author: Who said it: the name of the API key.
        client_id: The author's own name for it.
        digest: Digest of what was sent under that name.
        code: The right category.
        reason: Why; empty where nobody said.
        request_id: The request that was answered, if it is about an answer.
        position: The product's place in that request.
        source: The catalogue's name, if it is about a product of the catalogue.
        split: The product's split there.
        product_id: The product's id, in the request or in the catalogue.
        predicted: The category that had been answered, if it is about an answer.
        version: The model's version that had answered.
    """

    author: str
    client_id: str
    digest: str
    code: str
    reason: str = ""
    request_id: str | None = None
    position: int | None = None
    source: str | None = None
    split: str | None = None
    product_id: str | None = None
    predicted: str | None = None
    version: int | None = None

    @property
    def verdict(self) -> Verdict:
        """Whether the answer was right, or there was none."""
        if self.predicted is None:
            return "catalogued"
        return "confirmed" if self.predicted == self.code else "corrected"


@dataclass(frozen=True, slots=True)
class StoredFeedback:
    """Feedback as it is kept, and when it was first said."""

    feedback: Feedback
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return what a row of `feedback` tells of."""
        values = dict(row._mapping)
        created_at = values.pop("created_at")
        values.pop("id")
        return cls(Feedback(**values), created_at)


class FeedbackBook:
    """The feedback in a database, and what it may be about.

    Args:
        database: Where the rows live; it has been migrated.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, author: str, client_id: str) -> StoredFeedback | None:
        """Return what an author said under an id, if anything."""
        with self._database.reading() as connection:
            return _known(connection, author, client_id)

    def answer(self, request_id: str, position: int | None = None, product_id: str | None = None) -> LoggedAnswer | None:
        """Return the newest answer to a request, if the log has one; the last product's unless it is said which.

        Args:
            request_id: The request's id.
            position: The product's place in the request.
            product_id: The product's id in the request.
        """
        given = [predictions.c.request_id == request_id]
        if position is not None:
            given.append(predictions.c.position == position)
        if product_id is not None:
            given.append(predictions.c.product_id == product_id)
        columns = (predictions.c.position, predictions.c.product_id, predictions.c.code, predictions.c.version)
        newest = select(*columns).where(*given).order_by(predictions.c.id.desc()).limit(1)
        with self._database.reading() as connection:
            row = connection.execute(newest).one_or_none()
        return None if row is None else LoggedAnswer(*row)

    def products(self, product_id: str, source: str | None = None, split: str | None = None) -> Sequence[CatalogueProduct]:
        """Return products of the catalogue that a name fits, two at most: more than one is too many already.

        Args:
            product_id: The product's id.
            source: The catalogue's name, where it was said.
            split: The split, where it was said.
        """
        given = [products.c.id == product_id]
        if source is not None:
            given.append(products.c.source == source)
        if split is not None:
            given.append(products.c.split == split)
        found = select(products.c.source, products.c.split, products.c.id).where(*given).limit(2)
        with self._database.reading() as connection:
            return [CatalogueProduct(*row) for row in connection.execute(found)]

    def add(self, said: Feedback) -> tuple[StoredFeedback, bool]:
        """Add feedback, and return it as it is kept and whether it is new; the same again adds nothing.

        Raises:
            FeedbackConflict: The author has said something else under that id.
        """
        values = {name: getattr(said, name) for name in Feedback.__dataclass_fields__}
        try:
            with self._database.transaction() as connection:
                row = connection.execute(insert(feedback).values(values).returning(feedback)).one()
                return StoredFeedback.from_row(row), True
        except IntegrityError:
            before = self.known(said.author, said.client_id)
            if before is None:
                raise
        return same_as_before(before, said.digest), False


def same_as_before(before: StoredFeedback, digest: str) -> StoredFeedback:
    """Return what was said before under an id, if what comes now is the same.

    Raises:
        FeedbackConflict: It is something else.
    """
    if before.feedback.digest != digest:
        raise FeedbackConflict(
            f"The id {before.feedback.client_id!r} names other feedback of yours.",
            hint="Give each a new id, and the old one only to send the same again.",
        )
    return before


def _known(connection: Connection, author: str, client_id: str) -> StoredFeedback | None:
    named = feedback.c.author == author, feedback.c.client_id == client_id
    row = connection.execute(select(feedback).where(*named)).one_or_none()
    return None if row is None else StoredFeedback.from_row(row)
