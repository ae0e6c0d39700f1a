"""What a search tells of while it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from aisle.training.search.plan import SearchPlan
from aisle.training.search.trial import Attempt, Trial


@dataclass(frozen=True, slots=True)
class PlanMade:
    """The search begins by this plan."""

    plan: SearchPlan


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A trial was handed to a worker."""

    trial: Trial
    rung: int


@dataclass(frozen=True, slots=True)
class TrialFinished:
    """A trial has a score."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class TrialLost:
    """A trial failed, and is out."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class TrialReused:
    """A trial was on record from an earlier run of the same search."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class TrialSkipped:
    """Time was over before a trial could begin."""

    trial: Trial
    rung: int


@dataclass(frozen=True, slots=True)
class RungDone:
    """A rung is over; so many of its trials have a score."""

    rung: int
    finished: int


@dataclass(frozen=True, slots=True)
class BestSoFar:
    """An attempt beats every one before it: on a later rung, or with a better score on the same."""

    attempt: Attempt


Event: TypeAlias = PlanMade | TrialStarted | TrialFinished | TrialLost | TrialReused | TrialSkipped | RungDone | BestSoFar
OnEvent: TypeAlias = Callable[[Event], None]
"""Told of each event, always from the thread that called `run_search`."""
