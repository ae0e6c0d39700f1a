"""One thing to try, what trying it is estimated to cost, and what came of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import orjson

from aisle.digest import canonical_json, sha256

_ID_DIGITS = 16


class Bracket(NamedTuple):
    """A family of classifiers on one modality: those tried in it compete with each other first."""

    family: str
    modality: str

    def __str__(self) -> str:
        """Return it as people read it: `linear on text`."""
        return f"{self.family} on {self.modality}"


@dataclass(frozen=True)
class Trial:
    """One classifier to try.

    Args:
        family: The classifier's kind.
        modality: What it sees: `text`, `image` or `both`.
        options: What its fit is steered by: anything that JSON can say. Kept as JSON would give it back.

    Raises:
        TypeError: An option is nothing that JSON can say.

    >>> Trial("linear", "text", {"c": 1.0, "grams": (1, 2)}).options
    {'c': 1.0, 'grams': [1, 2]}
    """

    family: str
    modality: str
    options: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", orjson.loads(canonical_json(dict(self.options))))

    def __hash__(self) -> int:
        return hash(self.id)

    @cached_property
    def id(self) -> str:
        """Its name in journals and records: the same options in any order have the same."""
        return sha256(canonical_json(self.to_json()))[:_ID_DIGITS]

    @property
    def bracket(self) -> Bracket:
        """Whom it competes with first."""
        return Bracket(self.family, self.modality)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"family": self.family, "modality": self.modality, "options": dict(self.options)}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trial, and what it is estimated to cost.

    The estimate is part of the plan, and so of what a bundle depends on: it follows from the data's size, not from a clock.

    Args:
        trial: What to try.
        cost: Core-seconds that grow with the rows: so many at full data.
        fixed: Core-seconds that it takes whatever the rows, such as scoring the validation rows.

    Raises:
        ValueError: An estimate is negative or not finite.
    """

    trial: Trial
    cost: float
    fixed: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.cost < float("inf") and 0 <= self.fixed < float("inf")):
            raise ValueError(f"estimates are finite and not negative, and these are {self.cost} and {self.fixed}")

    def cost_at(self, share: float) -> float:
        """Return the core-seconds estimated on a share of the rows."""
        return self.fixed + self.cost * share


@dataclass(frozen=True, slots=True)
class TrialResult:
    """How a trial did on the validation rows.

    Args:
        score: What is selected by; more is better.
        standard_error: The score's standard error, where it is known.
        log_loss: The mean negative log-likelihood, where it is known.
        notes: Whatever else is worth keeping, as JSON.
    """

    score: float
    standard_error: float | None = None
    log_loss: float | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One trial on one rung, finished or lost.

    Args:
        trial: What was tried.
        rung: On which rung, from 0.
        result: How it did; None where it was lost.
        lost: Why it was lost, as a sentence; empty where it was not.
        seconds: How long it took by the clock.
        peak_bytes: The most memory that its process has held until its end, earlier trials included.
    """

    trial: Trial
    rung: int
    result: TrialResult | None
    lost: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0

    @property
    def score(self) -> float:
        """The score; that of a lost one is below every other."""
        return float("-inf") if self.result is None else self.result.score

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "trial": self.trial.to_json(),
            "rung": self.rung,
            "result": asdict(self.result) if self.result else None,
            "lost": self.lost,
            "seconds": self.seconds,
            "peak_bytes": self.peak_bytes,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Attempt":
        """Return the attempt that `to_json` told of.

        Raises:
            KeyError: Something is missing.
            TypeError: Something is of another kind.
        """
        result = content["result"]
        return cls(
            trial=Trial(**content["trial"]),
            rung=int(content["rung"]),
            result=TrialResult(**result) if result else None,
            lost=str(content["lost"]),
            seconds=float(content["seconds"]),
            peak_bytes=int(content["peak_bytes"]),
        )
