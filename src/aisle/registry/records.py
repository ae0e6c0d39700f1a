"""What is on record of models: a registered version, a promotion, and a trial of the search that led to one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from sqlalchemy import Row

Action = Literal["promote", "rollback"]

ROWS_BY_PEOPLE = "rows_by_people"
"""The figure of a version that says how many of the rows that it learnt have their label from a person."""


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


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One trial of a search, as JSON could carry it: `TrialRecord(**content)` is it again.

    Args:
        trial_id: What it is called; no two trials of one search share it.
        name: What people call it.
        parameters: What was tried.
        curve: Its figures on each rung that it reached, `{"rung": 0, "score": 0.7, …}`.
        lost: Why it failed, as a sentence; empty where it did not.
    """

    trial_id: str
    name: str
    parameters: Mapping[str, Any]
    curve: Sequence[Mapping[str, float]]
    lost: str = ""
