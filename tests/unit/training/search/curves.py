"""Synthetic trials: learning curves with noise, whose best is known. At the top of a module, as worker processes need it."""

import math
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from aisle.errors import TrainingError
from aisle.training.search import Candidate, Trial, TrialResult

BRACKETS = tuple((family, modality) for family in ("forest", "linear", "svm", "xgboost") for modality in ("text", "image"))


def candidates(per_bracket: int, brackets: Sequence[tuple[str, str]] = BRACKETS, cost: float = 9.0) -> list[Candidate]:
    """Return candidates, each bracket's own number apart, that cost from `cost` to nearly twice as much."""
    return [
        Candidate(Trial(family, modality, {"n": n}), cost * (1 + n / per_bracket))
        for family, modality in brackets
        for n in range(per_bracket)
    ]


def uniform(*key: object) -> float:
    """Return a number of [0, 1) that depends on the key alone."""
    digest = blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def normal(*key: object) -> float:
    """Return a draw of the normal distribution that depends on the key alone (Box and Muller, 1958)."""
    radius = math.sqrt(-2 * math.log(1 - uniform("radius", *key)))
    return radius * math.cos(2 * math.pi * uniform("angle", *key))


@dataclass(frozen=True)
class Curves:
    """Evaluates a trial by a power law of its rows: asymptote - drop * share ** -rate, and noise.

    Args:
        noise: Standard deviation of a score.
        world: Another number is other curves.
        lost: Trials that fail, by id: from which share on.
        log: Where a line is added for each evaluation, if anywhere.
        die_after: Evaluations in the log after which the process kills itself, if ever.
    """

    noise: float = 0.0
    world: int = 0
    lost: Mapping[str, float] = field(default_factory=dict)
    log: Path | None = None
    die_after: int | None = None

    def truth(self, trial: Trial, share: float = 1.0) -> float:
        """Return the score without noise."""
        level = {"text": 0.8, "image": 0.4}.get(trial.modality, 0.8)
        asymptote = level - 0.1 * uniform("level", self.world, trial.id)
        return asymptote - 0.05 * (1 + uniform("drop", self.world, trial.id)) * share ** -(
            0.3 + 0.2 * uniform("rate", self.world, trial.id)
        )

    def __call__(self, trial: Trial, share: float, seed: int) -> TrialResult:
        """Return the score with its noise."""
        if self.log is not None:
            if self.die_after is not None and len(self.log.read_text().splitlines()) >= self.die_after:
                os.kill(os.getpid(), signal.SIGKILL)
            with self.log.open("a") as stream:
                stream.write(f"{trial.id} {share}\n")
        if share >= self.lost.get(trial.id, 2.0):
            raise TrainingError(f"{trial.bracket} cannot be fitted.", hint="Try another.")
        score = self.truth(trial, share) + self.noise * normal(seed, trial.id, share)
        return TrialResult(score, self.noise or None, 1 - score, {"share": share})
