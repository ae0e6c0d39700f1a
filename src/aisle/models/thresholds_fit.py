"""Choosing review thresholds for a precision, and what is won by leaving the least sure answers to people."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from aisle.errors import ModelError
from aisle.models.family import Floats, Labels
from aisle.models.thresholds import ALWAYS, Thresholds

# Thresholds that are tried: after so many equal parts of the rows. Fewer trials are fewer chances to be lucky.
_TRIALS = 20

Hits = NDArray[np.bool_]


@dataclass(frozen=True)
class CoverageCurve:
    """How accurate answers are when only the surest are given.

    Args:
        coverage: Share of the rows that are answered, rising to 1, (rows,).
        accuracy: Share of those that are answered correctly, (rows,).
        confidence: The least confidence among them, (rows,).
    """

    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    confidence: NDArray[np.float64]

    def accuracy_at(self, coverage: float) -> float:
        """Return the accuracy of the least share of answers that is at least `coverage`."""
        return float(self.accuracy[min(int(np.searchsorted(self.coverage, coverage - 1e-12)), len(self.accuracy) - 1)])


def coverage_curve(confidence: Floats, hits: Hits) -> CoverageCurve:
    """Return accuracy against coverage, row by row from the surest on.

    Rows of the same confidence count as their mean, as if their order were left to chance.

    Args:
        confidence: Each answer's confidence, (rows,), of at least one row.
        hits: Whether it is correct, (rows,).
    """
    levels, of_row = np.unique(-confidence.astype(np.float64), return_inverse=True)
    means = np.bincount(of_row, weights=hits) / np.bincount(of_row)
    ranked = np.sort(of_row)
    places = np.arange(1, len(hits) + 1)
    return CoverageCurve(places / len(hits), means[ranked].cumsum() / places, -levels[ranked])


def fit_thresholds(
    probabilities: Floats, labels: Labels, *, precision: float, assurance: float = 0.9, min_rows: int = 100
) -> Thresholds:
    """Choose for each answered class the lowest confidence from which on answers are as precise as asked.

    A threshold is taken when the lower Clopper-Pearson bound of the precision above it reaches the target, so that a few
    lucky rows fool nobody. Twenty thresholds are tried for each class; classes answered too rarely share the threshold
    of all rows together.

    Args:
        probabilities: Calibrated, of rows that the model has not learnt from, (rows, classes).
        labels: Each row's class, (rows,).
        precision: Share of answers above the threshold that have to be correct, between 0 and 1.
        assurance: How sure each bound is, one-sided, between 0 and 1.
        min_rows: A class that is answered so often gets a threshold of its own.

    Raises:
        ModelError: The precision or the assurance is no share.
    """
    if not (0 < precision < 1 and 0 < assurance < 1):
        raise ModelError(
            f"Thresholds cannot be chosen for a precision of {precision} with an assurance of {assurance}.",
            hint="Give two numbers between 0 and 1.",
        )
    classes = probabilities.shape[1]
    answers, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1).astype(np.float64)
    hits = answers == labels
    least = np.full(classes, _least(confidence, hits, precision, assurance))
    own = np.bincount(answers, minlength=classes) >= max(min_rows, 1)
    for label in np.flatnonzero(own):
        rows = answers == label
        least[label] = _least(confidence[rows], hits[rows], precision, assurance)
    return Thresholds("precision", least, own)


def lower_bound(hits: NDArray[np.float64], rows: NDArray[np.float64], assurance: float) -> NDArray[np.float64]:
    """Return the one-sided Clopper-Pearson lower bound of shares; 0 without a hit.

    Args:
        hits: How many succeeded.
        rows: Of how many.
        assurance: How often the true share is to be above it.
    """
    bound: NDArray[np.float64] = betaincinv(np.maximum(hits, 1e-9), rows - hits + 1, 1 - assurance)
    return np.where(hits > 0, bound, 0.0)


def _least(confidence: NDArray[np.float64], hits: Hits, precision: float, assurance: float) -> float:
    """Return the lowest threshold tried above which the precision is assured."""
    if not len(hits):
        return ALWAYS
    order = np.argsort(-confidence, kind="stable")
    ranked, right = confidence[order], hits[order].cumsum()
    trials = np.unique(np.ceil(np.arange(1, _TRIALS + 1) / _TRIALS * len(hits)).astype(np.intp))
    # Rows of the same confidence are above a threshold together.
    ends = np.unique(np.searchsorted(-ranked, -ranked[trials - 1], side="right"))
    good = np.flatnonzero(lower_bound(right[ends - 1].astype(np.float64), ends.astype(np.float64), assurance) >= precision)
    if not good.size:
        return ALWAYS
    # All answers together are precise enough: one that is less sure than any of them needs no review either.
    end = ends[good[-1]]
    return float(ranked[end - 1]) if end < len(hits) else 0.0
