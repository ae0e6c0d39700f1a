"""What lies behind single figures: reliability by confidence, accuracy by coverage, and what chance alone would show."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.models.calibration import CALIBRATION_BINS, calibration_bins, calibration_error
from aisle.registry.resample import Paired, interval
from aisle.training.metrics import Scores

Numbers = NDArray[np.float64]

_Z = 1.959963984540054
"""The normal distribution holds 95 % of its mass within as many standard deviations."""
_DRAWS = 1_000
_NULL_DRAWS = 400


def wilson(hits: NDArray[Any], rows: NDArray[Any]) -> tuple[Numbers, Numbers]:
    """Return the 95 % interval of shares; sound for few rows, and for shares of 0 and 1.

    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.

    Args:
        hits: How often it was so, any shape.
        rows: Out of how many, the same shape; 0 gives the interval from 0 to 1.
    """
    total = np.maximum(np.asarray(rows, dtype=np.float64), 1)
    share, square = np.asarray(hits, dtype=np.float64) / total, _Z**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = _Z * np.sqrt(share * (1 - share) / total + square / (4 * total**2)) / (1 + square / total)
    known = np.asarray(rows) > 0
    low = np.where(known & (share > 0), np.maximum(middle - half, 0), 0.0)
    return low, np.where(known & (share < 1), np.minimum(middle + half, 1), 1.0)


def reliability(confidence: Numbers, hits: NDArray[np.bool_]) -> pl.DataFrame:
    """Return, for each bin of confidence with any row, how sure the model was and how often it was right.

    Args:
        confidence: Probability of each answer, (rows,).
        hits: Whether it was correct, (rows,).

    Returns:
        Columns low, high (the bin's edges), rows, confidence (its mean), accuracy, accuracy_low, accuracy_high.
    """
    bins = calibration_bins(confidence)
    rows = np.bincount(bins, minlength=CALIBRATION_BINS)
    there = np.flatnonzero(rows)
    right = np.bincount(bins, weights=hits, minlength=CALIBRATION_BINS)[there]
    sure = np.bincount(bins, weights=confidence, minlength=CALIBRATION_BINS)[there]
    low, high = wilson(right, rows[there])
    return pl.DataFrame(
        {
            "low": there / CALIBRATION_BINS,
            "high": (there + 1) / CALIBRATION_BINS,
            "rows": rows[there],
            "confidence": sure / rows[there],
            "accuracy": right / rows[there],
            "accuracy_low": low,
            "accuracy_high": high,
        }
    )


def calibration_by_chance(confidence: Numbers, *, seed: int) -> tuple[float, float]:
    """Return what calibration error a perfectly calibrated model of the same confidences would show on as many rows.

    The error is a sum of absolute values, so it is above 0 by chance alone. Outcomes are drawn with each row's own
    confidence as its chance to be right (Vaicenavicius et al., "Evaluating model calibration in classification", 2019).

    Args:
        confidence: Probability of each answer, (rows,).
        seed: Seed of the draws.

    Returns:
        The mean over the draws, and the value that 95 % of them stay below.
    """
    generator = np.random.default_rng(seed)
    drawn = [calibration_error(confidence, generator.random(len(confidence)) < confidence) for _ in range(_NULL_DRAWS)]
    return float(np.mean(drawn)), float(np.quantile(drawn, 0.95))


def accuracy_by_coverage(confidence: Numbers, hits: NDArray[np.bool_], *, steps: int = 20) -> pl.DataFrame:
    """Return how often the surest answers are right, for growing shares of the rows.

    Rows are told apart by their confidence alone: where several share the threshold all of them are answered, so the
    coverage may exceed what was wanted.

    Args:
        confidence: Probability of each answer, (rows,), at least one.
        hits: Whether it was correct, (rows,).
        steps: How many shares, evenly spaced up to 1.

    Returns:
        Columns wanted, coverage, rows, threshold (least confidence answered), accuracy, accuracy_low, accuracy_high.
    """
    order = np.argsort(-confidence, kind="stable")
    falling, right = confidence[order], np.cumsum(hits[order])
    wanted = np.arange(1, steps + 1) / steps
    last = np.maximum(np.ceil(wanted * len(order) - 1e-9).astype(np.intp), 1) - 1
    threshold = falling[last]
    rows = np.searchsorted(-falling, -threshold, side="right")
    low, high = wilson(right[rows - 1], rows)
    return pl.DataFrame(
        {
            "wanted": wanted,
            "coverage": rows / len(order),
            "rows": rows,
            "threshold": threshold,
            "accuracy": right[rows - 1] / rows,
            "accuracy_low": low,
            "accuracy_high": high,
        }
    )


def class_intervals(scores: Scores, *, seed: int) -> dict[str, tuple[float, float]]:
    """Return the bootstrap 95 % interval of each category's F1; few rows give a wide one.

    Args:
        scores: The answers, of at least one row.
        seed: Seed of the bootstrap.
    """
    paired = Paired.from_answers(scores.correct, scores.predicted, scores.predicted)
    drawn = paired.draws(_DRAWS, seed).first
    return {code: interval(drawn[:, place]) for place, code in enumerate(paired.codes)}


def weighted_f1(correct: tuple[str, ...], predicted: tuple[str, ...], *, seed: int) -> tuple[float, float, float]:
    """Return the weighted F1 of some answers and its bootstrap 95 % interval.

    Args:
        correct: Each row's correct code, at least one.
        predicted: Each row's answered code.
        seed: Seed of the bootstrap.
    """
    paired = Paired.from_answers(correct, predicted, predicted)
    return (float(paired.scores().weighted[0][0]), *interval(paired.draws(_DRAWS, seed).weighted[0]))
