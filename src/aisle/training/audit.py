"""Which labels are likely wrong: confident learning on probabilities of models that have not seen the row.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021. Each class's threshold
is the mean probability of the class among the rows that bear its label; a row counts as of the most probable class whose
threshold it reaches. Counting rows by label and that class, scaled to the labels' sizes, estimates how often each class
is labelled as each other. The model's own mistakes look like wrong labels to it: where classes are hard to tell, the
estimate is too high.

The ranking weighs the label's probability against the likeliest other class. On 11,050 products with planted wrong
labels (5 and 10 % of them, drawn alike or among classes taken for each other), half of the other class's logarithm found
more of those taken for each other than the label's probability alone, as many of the others, and both more than the
normalised margin or thresholds subtracted: `benchmarks/bench_audit.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.errors import TrainingError
from aisle.models.family import Floats, Labels

_SCHEMA = {
    "row": pl.Int64,
    "label": pl.String,
    "suggested": pl.String,
    "self_confidence": pl.Float64,
    "suggested_confidence": pl.Float64,
    "margin": pl.Float64,
    "suspicion": pl.Float64,
    "confident": pl.Boolean,
}
# How much the logarithm of the likeliest other class's probability counts.
_OTHER = 0.5
_LEAST = 1e-9
_PAIRS = {"label": pl.String, "likely": pl.String, "rows": pl.Int64, "rate": pl.Float64}


@dataclass(frozen=True)
class Audit:
    """What the labels look like from outside.

    Args:
        codes: The classes, in the order of the probabilities.
        thresholds: The probability from which on a row counts as of a class, (classes,).
        joint: Estimated share of rows by label and likely class, (classes, classes); adds up to 1.
        ranking: Every row, the likeliest wrong label first: `row`, `label`, `suggested` (the likeliest other class),
            `self_confidence` and `suggested_confidence` (their probabilities), `margin` (the first less the second),
            `suspicion` (what is ranked by: -ln of the first and half the ln of the second) and `confident` (whether the
            row counts as of another class than its label).
    """

    codes: tuple[str, ...]
    thresholds: NDArray[np.float64]
    joint: NDArray[np.float64]
    ranking: pl.DataFrame

    @property
    def noise_rate(self) -> float:
        """Estimated share of wrong labels."""
        return float(1 - np.trace(self.joint))

    @property
    def likely_wrong(self) -> pl.DataFrame:
        """The rows of the ranking that count as of another class than their label."""
        return self.ranking.filter(pl.col("confident"))

    @property
    def pairs(self) -> pl.DataFrame:
        """Each label and likely other class, the commonest first: the rows estimated, and their `rate` among the label's."""
        rows = self.joint * self.ranking.height
        sizes = np.maximum(rows.sum(axis=1), np.finfo(np.float64).tiny)
        entries = [
            (
                self.codes[label],
                self.codes[likely],
                round(float(rows[label, likely])),
                float(rows[label, likely] / sizes[label]),
            )
            for label, likely in zip(*np.nonzero(rows.round()), strict=True)
            if label != likely
        ]
        entries.sort(key=lambda entry: (-entry[2], -entry[3], entry[0], entry[1]))
        return pl.DataFrame(entries, schema=_PAIRS, orient="row")


def audit_labels(probabilities: Floats, labels: Labels, codes: Sequence[str]) -> Audit:
    """Estimate which labels are wrong, and how often each class is labelled as each other.

    Args:
        probabilities: Out-of-fold and calibrated, (rows, classes).
        labels: Each row's class as labelled, (rows,).
        codes: The classes.

    Raises:
        TrainingError: There are no rows, or the arrays do not fit together.
    """
    if not len(labels) or probabilities.shape != (len(labels), len(codes)):
        raise TrainingError(
            f"Probabilities of shape {probabilities.shape} do not belong to {len(labels)} labels of {len(codes)} classes.",
            hint="Give the probability of each class for each labelled row, at least one.",
        )
    exact = probabilities.astype(np.float64)
    rows = np.arange(len(labels))
    thresholds = _thresholds(exact, labels)
    likely = np.where(exact >= thresholds, exact, -1.0)
    counted = likely.max(axis=1) >= 0
    confident = likely.argmax(axis=1)
    joint = _joint(labels[counted], confident[counted], np.bincount(labels, minlength=len(codes)))

    own = exact[rows, labels]
    others = exact.copy()
    others[rows, labels] = -1
    suggested = others.argmax(axis=1) if len(codes) > 1 else labels
    rival = exact[rows, suggested]
    names = np.asarray(codes, dtype=object)
    ranking = pl.DataFrame(
        {
            "row": rows,
            "label": names[labels].tolist(),
            "suggested": names[suggested].tolist(),
            "self_confidence": own,
            "suggested_confidence": rival,
            "margin": own - rival,
            "suspicion": _OTHER * np.log(np.maximum(rival, _LEAST)) - np.log(np.maximum(own, _LEAST)),
            "confident": counted & (confident != labels),
        },
        schema=_SCHEMA,
    )
    return Audit(tuple(codes), thresholds, joint, ranking.sort("suspicion", "row", descending=[True, False]))


def _thresholds(probabilities: NDArray[np.float64], labels: Labels) -> NDArray[np.float64]:
    """Return the mean probability of each class among the rows with its label; 1 for a class without any."""
    classes = probabilities.shape[1]
    own = np.bincount(labels, weights=probabilities[np.arange(len(labels)), labels], minlength=classes)
    sizes = np.bincount(labels, minlength=classes)
    return np.where(sizes > 0, own / np.maximum(sizes, 1), 1.0)


def _joint(labels: Labels, confident: Labels, sizes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the confident joint, each label's row scaled to its share of all rows."""
    classes = len(sizes)
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, confident), 1)
    # A label none of whose rows is sure of anything is taken at its word.
    silent = np.flatnonzero(counts.sum(axis=1) == 0)
    counts[silent, silent] = 1
    joint: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True) * (sizes / sizes.sum())[:, np.newaxis]
    return joint
