"""What a search has found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aisle.training.search.plan import SearchPlan
from aisle.training.search.trial import Attempt, Bracket, Trial


@dataclass(frozen=True, slots=True)
class Skipped:
    """A trial for which there was no time on a rung."""

    trial: Trial
    rung: int


@dataclass(frozen=True)
class SearchOutcome:
    """What was tried and who won; the same whatever order trials finished in.

    Args:
        plan: What was planned.
        attempts: Every attempt, by rung and then as the plan names them.
        winners: The best attempt of each bracket: on the last rung that it reached, the one of the highest score.
        cut_short: Trials that were not run because time was over, in the order of `attempts`; empty for a whole search.
        reused: How many attempts were on record from an earlier run.
    """

    plan: SearchPlan
    attempts: tuple[Attempt, ...]
    winners: Mapping[Bracket, Attempt]
    cut_short: tuple[Skipped, ...]
    reused: int

    @property
    def lost(self) -> tuple[Attempt, ...]:
        """The attempts that failed; each says why."""
        return tuple(attempt for attempt in self.attempts if attempt.result is None)

    @property
    def without_winner(self) -> tuple[Bracket, ...]:
        """Brackets that were asked for and have nothing to offer: every trial was lost, or none could begin."""
        return tuple(bracket for bracket in self.plan.brackets if bracket not in self.winners)

    @property
    def ranking(self) -> tuple[Attempt, ...]:
        """The winners, the best first."""
        return tuple(sorted(self.winners.values(), key=lambda attempt: merit(self.plan, attempt)))

    @property
    def best(self) -> Attempt:
        """The best of all."""
        return self.ranking[0]

    def to_json(self) -> dict[str, Any]:
        """Return what the search found as JSON, without anything that another run may measure otherwise."""
        return {
            "plan": self.plan.digest,
            "left_out": [candidate.trial.id for candidate in self.plan.left_out],
            "attempts": [_told(attempt) for attempt in self.attempts],
            "winners": [attempt.trial.id for attempt in self.ranking],
            "without_winner": [str(bracket) for bracket in self.without_winner],
            "cut_short": [{"id": skipped.trial.id, "rung": skipped.rung} for skipped in self.cut_short],
        }


def merit(plan: SearchPlan, attempt: Attempt) -> tuple[int, float, float, str]:
    """Return what attempts are ranked by, the best first: rung, score, then the estimated cost, then the id."""
    trial = attempt.trial
    return -attempt.rung, -attempt.score, plan.candidates[trial].cost_at(1.0), trial.id


def _told(attempt: Attempt) -> dict[str, Any]:
    """Return what an attempt was and found, without seconds and memory, which no two runs share."""
    content = attempt.to_json()
    kept = {name: value for name, value in content.items() if name not in ("seconds", "peak_bytes", "result")}
    result = content["result"] or {}
    return {"id": attempt.trial.id, **kept, **{name: result.get(name) for name in ("score", "standard_error", "log_loss")}}
