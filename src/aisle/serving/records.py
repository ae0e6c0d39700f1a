"""What a server keeps on record, as its routes see it: each is a table of the database, or a fake in a test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aisle.monitoring.feedback import CatalogueProduct, Feedback, LoggedAnswer, StoredFeedback
from aisle.registry.records import ModelVersion, Promotion
from aisle.serving.console_records import ConsoleRecords
from aisle.serving.journal import AnswerStore
from aisle.serving.keyring import KeySource


class LedgerDesk(Protocol):
    """What a server asks of the promotion ledger, and `aisle.registry.ledger.Ledger` does."""

    def models(self) -> Sequence[ModelVersion]:
        """Return every version, oldest first."""
        ...

    def history(self) -> Sequence[Promotion]:
        """Return every row, oldest first."""
        ...

    def champion(self) -> Promotion | None:
        """Return the row in force, or nothing before the first promotion."""
        ...

    def promote(
        self, version: int, *, actor: str, reason: str, evidence: Mapping[str, Any], expected: int | None
    ) -> Promotion:
        """Make a version champion, if the row in force is still the expected one.

        Raises:
            LedgerConflict: Another row is in force by now.
            VersionNotFound: There is no such version.
        """
        ...

    def rollback(self, *, actor: str, reason: str, expected: int | None = None) -> Promotion:
        """Make the champion before the current one champion again, if the row in force is still the expected one.

        Raises:
            LedgerConflict: Another row is in force by now.
            RegistryError: Nobody was champion before.
        """
        ...


class FeedbackStore(Protocol):
    """What a server asks of the feedback, and `aisle.monitoring.feedback.FeedbackBook` does."""

    def known(self, author: str, client_id: str) -> StoredFeedback | None:
        """Return what an author said under an id, if anything."""
        ...

    def answer(self, request_id: str, position: int | None = None, product_id: str | None = None) -> LoggedAnswer | None:
        """Return the newest answer to a request, if there is one; the last product's unless it is said which."""
        ...

    def products(self, product_id: str, source: str | None = None, split: str | None = None) -> Sequence[CatalogueProduct]:
        """Return products of the catalogue that a name fits, two at most."""
        ...

    def add(self, said: Feedback) -> tuple[StoredFeedback, bool]:
        """Add feedback, and return it as it is kept and whether it is new.

        Raises:
            FeedbackConflict: The author has said something else under that id.
        """
        ...


@dataclass(frozen=True, slots=True)
class Records:
    """What a server keeps on record, and reads from there.

    Args:
        keys: The API keys.
        ledger: The registered versions, and who is champion.
        answers: The prediction log.
        feedback: What people say is right.
        console: What the console reads and writes; without it there is none.
    """

    keys: KeySource
    ledger: LedgerDesk
    answers: AnswerStore
    feedback: FeedbackStore
    console: ConsoleRecords | None = None
