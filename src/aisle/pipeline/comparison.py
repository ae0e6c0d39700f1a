"""Two registered versions beside each other, on the same gold rows and now, for people and programs to look at."""

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from aisle.errors import InputError
from aisle.pipeline.context import Context
from aisle.pipeline.gold import Judged, find_gold, judge_both
from aisle.registry.compare import Comparison, compare_answers
from aisle.registry.gate import Decision, decide
from aisle.training.curves import accuracy_by_coverage
from aisle.training.metrics import summarise

COVERAGE = 0.9
"""Share of the rows, the surest ones, on which accuracy is told besides."""


@dataclass(frozen=True, slots=True)
class Side:
    """One version on the gold rows.

    Args:
        version: Its number.
        bundle: Its bundle's digest.
        log_loss: Mean of -log of the correct category's probability.
        calibration_error: How far confidence is from accuracy, 0 to 1.
        accuracy: Share of right answers.
        accuracy_covered: Share of right answers among the surest 90 % of the rows.
        size_bytes: Size of its bundle.
        seconds_per_product: Median over the rounds in which both were timed.
    """

    version: int
    bundle: str
    log_loss: float
    calibration_error: float
    accuracy: float
    accuracy_covered: float
    size_bytes: int
    seconds_per_product: float


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Two versions beside each other.

    Args:
        snapshot: The snapshot whose gold rows were asked.
        rows: How many there are.
        first: The first version.
        second: The second.
        f1: Their F1, and by category; differences are the second's less the first's.
        gate: What the gate says of the second as challenger, were the first champion.
        missing_images: Images that the snapshot names and that could not be had.
    """

    snapshot: str
    rows: int
    first: Side
    second: Side
    f1: Comparison
    gate: Decision
    missing_images: int

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return asdict(self)


def compare_versions(context: Context, first: int, second: int, *, snapshot: str | None = None) -> ModelComparison:
    """Let two versions answer the same gold rows now, and put them beside each other.

    Args:
        context: What steps work with.
        first: The version to compare with.
        second: The version that is compared, as if it were the challenger.
        snapshot: The snapshot whose gold rows are asked; that of the newer version by default.

    Raises:
        InputError: Both are the same version, or they answer different levels of the labels.
        RegistryError: There is no such version.
        SnapshotError: There is no such snapshot.
        TrainingError: There is no gold row to judge by.
    """
    if first == second:
        raise InputError(
            f"Version {first} is the same as itself.", hint="Name two versions; `aisle models list` shows them."
        )
    known = [context.ledger.model(version) for version in (first, second)]
    digest = snapshot or max(known, key=lambda model: model.version).snapshot
    bundles = [context.bundle(model.bundle) for model in known]
    if bundles[0].level != bundles[1].level:
        raise InputError(
            f"Versions {first} and {second} answer different levels of the labels.",
            hint="Compare versions that were trained with the same --level.",
        )
    rows, images = find_gold(context, digest)
    # The second is the challenger, so it comes first here.
    challenger, champion = judge_both(bundles[1], bundles[0], rows, images)
    options = context.settings.training
    return ModelComparison(
        snapshot=digest,
        rows=len(champion.answers.ids),
        first=_side(first, known[0].bundle, champion, options.seed),
        second=_side(second, known[1].bundle, challenger, options.seed),
        f1=compare_answers(
            champion.answers.correct, champion.answers.predicted, challenger.answers.predicted, seed=options.seed
        ),
        gate=decide(challenger.for_gate(), champion.for_gate(), margin=options.margin),
        missing_images=images.missing,
    )


def _side(version: int, bundle: str, judged: Judged, seed: int) -> Side:
    answers = judged.answers
    figures = summarise(answers, seed=seed)
    confidence = answers.probabilities.max(axis=1).astype(np.float64)
    hits = np.asarray(answers.correct) == np.asarray(answers.predicted)
    covered = accuracy_by_coverage(confidence, hits, steps=10)
    return Side(
        version=version,
        bundle=bundle,
        log_loss=figures["log_loss"],
        calibration_error=figures["calibration_error"],
        accuracy=figures["accuracy"]["value"],
        accuracy_covered=float(covered["accuracy"][round(COVERAGE * 10) - 1]),
        size_bytes=judged.size_bytes,
        seconds_per_product=median(judged.seconds_per_product),
    )
