"""What the labels that people gave changed: how many a version learnt, and how its answers compare with those before it.

Three things are told apart. How many labels a version learnt is on record since its training. The gold figures are the
gate's: both versions answered the same gold rows when it was decided, and the ledger keeps that. The live estimate is of
the answers that chance picked for review, each version's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from aisle.registry.ledger import Ledger
from aisle.registry.records import ROWS_BY_PEOPLE, ModelVersion, Promotion
from aisle.review.agreement import Share, proportion
from aisle.review.figures import ReviewBook
from aisle.storage.database import Database

_NOTHING = proportion(0, 0)


@dataclass(frozen=True, slots=True)
class GoldChange:
    """Weighted F1 of a version and of the champion before it, on the same gold rows, as the gate saw them.

    Args:
        rows: The gold rows.
        before: The champion's.
        after: The version's.
        low: Lower end of the difference's 95 % interval.
        high: Upper end of it.
    """

    rows: int
    before: float
    after: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What changed with a version.

    Args:
        version: The version.
        promoted: Whether it became champion, ever.
        before: The champion before it; none where it was the first.
        learnt: Labels by people that it learnt; unknown of a version that was trained before this was recorded.
        learnt_before: Those that the champion before it had learnt.
        gold: Both on the gate's gold rows; nothing where the gate did not make it champion after another one.
        live_before: How right the champion before it was, by its answers that chance picked for review.
        live: How right the version is, by its own.
    """

    version: int
    promoted: bool
    before: int | None
    learnt: int | None
    learnt_before: int | None
    gold: GoldChange | None
    live_before: Share | None
    live: Share

    @property
    def more(self) -> int | None:
        """How many labels by people it learnt beyond those of the champion before it; unknown where either is."""
        if self.learnt is None or (self.before is not None and self.learnt_before is None):
            return None
        return self.learnt - (self.learnt_before or 0)


def effect(database: Database, version: int) -> Effect:
    """Tell what changed with a version.

    Args:
        database: Where models, the ledger and reviews live.
        version: Its number.

    Raises:
        VersionNotFound: There is no such version.
    """
    return _effect(Ledger(database).model(version), _Known.read(database))


def effects(database: Database, *, limit: int = 20) -> tuple[Effect, ...]:
    """Tell what changed with each version, the newest first.

    Args:
        database: Where models, the ledger and reviews live.
        limit: How many at most.
    """
    known = _Known.read(database)
    return tuple(_effect(known.models[version], known) for version in sorted(known.models, reverse=True)[:limit])


def sentences(found: Effect) -> tuple[str, ...]:
    """Return what changed with a version as sentences, what is known of it and no more."""
    told = []
    if found.learnt is not None:
        beyond = f", {found.more:+,} against version {found.before}" if found.before and found.more is not None else ""
        told.append(f"Version {found.version} learnt {found.learnt:,} labels by people{beyond}.")
    if found.gold is not None:
        gold = found.gold
        told.append(
            f"On the same {gold.rows:,} gold rows its weighted F1 was {gold.after:.4f}, that of version {found.before}"
            f" {gold.before:.4f} (95 % interval of the difference: {gold.low:+.4f} to {gold.high:+.4f})."
        )
    for version, live in ((found.before, found.live_before), (found.version, found.live)):
        if live is not None and live.value is not None:
            told.append(
                f"Of version {version}'s answers {live.value:.1%} were right"
                f" (95 %: {live.low:.1%} to {live.high:.1%}), by {live.cases:,} that chance picked."
            )
    return tuple(told)


@dataclass(frozen=True, slots=True)
class _Known:
    models: Mapping[int, ModelVersion]
    history: Sequence[Promotion]
    live: Mapping[int, Share]

    @classmethod
    def read(cls, database: Database) -> Self:
        """Return all that versions are compared by, read once."""
        ledger = Ledger(database)
        models = {one.version: one for one in ledger.models()}
        return cls(models, ledger.history(), ReviewBook(database).accuracies())


def _effect(model: ModelVersion, known: _Known) -> Effect:
    made = next((row for row in known.history if row.version == model.version and row.action == "promote"), None)
    # What was never promoted came up against whoever was champion when it was registered.
    earlier = [row.version for row in known.history if row.created_at <= model.created_at and row.version != model.version]
    before = made.previous if made is not None else next(reversed(earlier), None)
    return Effect(
        version=model.version,
        promoted=made is not None,
        before=before,
        learnt=_learnt(model),
        learnt_before=None if before is None else _learnt(known.models[before]),
        gold=None if made is None or before is None else _gold(made.evidence),
        live_before=None if before is None else known.live.get(before, _NOTHING),
        live=known.live.get(model.version, _NOTHING),
    )


def _learnt(model: ModelVersion) -> int | None:
    value = model.metrics.get(ROWS_BY_PEOPLE)
    return int(value) if isinstance(value, int | float) else None


def _gold(evidence: Mapping[str, Any]) -> GoldChange | None:
    """Return the gate's figures; nothing where a person decided without it, or it compared with no champion."""
    if evidence.get("against") != "champion":
        return None
    scores, difference = evidence["weighted_f1"], evidence["difference"]
    return GoldChange(
        int(evidence["rows"]), scores["reference"], scores["challenger"], difference["low"], difference["high"]
    )
