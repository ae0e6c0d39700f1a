"""What the ledger's rows say: a registered version, and a promotion."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from sqlalchemy import Row

Action = Literal["promote", "rollback"]


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered version: its number, the digests of its bundle and snapshot, its run and its figures."""

    version: int
    bundle: str
    snapshot: str
    run_id: str
    metrics: Mapping[str, Any]
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return the version that a row of `models` tells of."""
        return cls(**{**row._mapping, "metrics": json.loads(row.metrics)})


@dataclass(frozen=True, slots=True)
class Promotion:
    """One row of the ledger.

    Args:
        seq: The row's number; the last row is in force.
        version: The version that became champion.
        previous: The version that was champion until then, if any.
        action: `promote` or `rollback`.
        actor: Who decided: a person's name, or a program's.
        reason: Why, as one sentence.
        evidence: The figures that it rests on.
        created_at: When the row was written, by the database's clock.
    """

    seq: int
    version: int
    previous: int | None
    action: Action
    actor: str
    reason: str
    evidence: Mapping[str, Any]
    created_at: datetime

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return the promotion that a row of `promotions` tells of."""
        return cls(**{**row._mapping, "evidence": json.loads(row.evidence)})
