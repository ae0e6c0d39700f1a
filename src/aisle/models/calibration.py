"""From scores to probabilities that mean what they say: softmax, one temperature fitted on rows held back, and the error."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

CALIBRATION_BINS = 15
"""Bins of confidence in which calibration is looked at."""

_HOTTEST = 20.0
_STEPS = 80
_GOLDEN_SECTION = (5**0.5 - 1) / 2


def softmax(scores: Floats, temperature: float = 1.0) -> Floats:
    """Return probabilities from scores: exp(score / temperature), divided by its row's sum.

    Args:
        scores: Scores, (rows, classes).
        temperature: Above 1 flattens, below 1 sharpens; positive.

    Returns:
        Probabilities, (rows, classes), float32; each row adds up to 1.
    """
    # In float64 and back: the sum of a row with hundreds of classes stays exact to float32.
    scaled = scores.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled.astype(np.float32)


def fit_temperature(scores: Floats, labels: NDArray[np.intp]) -> float:
    """Return the temperature under which the correct classes are most probable.

    The negative log-likelihood is convex in the inverse temperature (Guo et al., "On Calibration of Modern Neural
    Networks", 2017), so a golden-section search between 1/20 and 20 finds its least value.

    Args:
        scores: Scores of rows that the model has not learnt from, (rows, classes).
        labels: Each row's correct class, (rows,).

    Returns:
        The temperature; 1 where there are no rows.
    """
    if not len(labels):
        return 1.0
    scaled = scores.astype(np.float64)
    scaled -= scaled.max(axis=1, keepdims=True)
    correct = scaled[np.arange(len(labels)), labels]

    def loss(inverse: float) -> float:
        return float((np.log(np.exp(scaled * inverse).sum(axis=1)) - correct * inverse).mean())

    low, high = 1 / _HOTTEST, _HOTTEST
    for _ in range(_STEPS):
        left, right = high - _GOLDEN_SECTION * (high - low), low + _GOLDEN_SECTION * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    # Four digits are more than the rows can tell, and hide in which order a processor added them up.
    return round(2 / (low + high), 4)


def calibration_bins(confidence: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Return in which of `CALIBRATION_BINS` equal bins of confidence each answer lies; a bin begins at its lower edge.

    Args:
        confidence: Probability of each answer, (rows,).
    """
    return np.minimum((confidence * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)


def calibration_error(confidence: NDArray[np.float64], hits: NDArray[np.bool_]) -> float:
    """Return the expected calibration error: |accuracy - mean confidence| in 15 equal bins, weighted by their rows.

    Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", 2015.

    Args:
        confidence: Probability of each answer, (rows,).
        hits: Whether it was correct, (rows,).
    """
    gaps = np.bincount(calibration_bins(confidence), weights=hits - confidence, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(hits))
