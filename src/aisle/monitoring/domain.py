"""A domain classifier: can anybody tell the window's rows from the reference's? The area under its curve says how well.

Two small classifiers learn on one half of the rows each and judge the other half, so 0.5 is what nothing changed gives.
For titles it is naive Bayes on marks of words, for images a linear discriminant on their sketches' numbers and squares.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from aisle.features.marks import MARKS, read_marks, read_sketches

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

MOST = 2_000
"""Rows of either side that are looked at."""

_ROUNDS = 200
_SEED = 20_25
_PRIOR = 2.0
_RIDGE = 0.1
_SURPRISE = 2.5
"""Standard deviations from what chance gives, from which on a word counts: thousands of words are noise otherwise."""


@dataclass(frozen=True, slots=True)
class DomainAuc:
    """How well two populations can be told apart.

    Args:
        auc: Area under the curve, 0.5 where they cannot.
        low: Lower end of its 95 % bootstrap interval.
        high: Upper end.
        n: Rows of the reference that were looked at.
        m: Rows of the window.
    """

    auc: float
    low: float
    high: float
    n: int
    m: int


def auc_null(n: int, m: int, alpha: float) -> float:
    """Return what the area stays under with probability 1 - alpha when nothing has changed (Mann and Whitney, 1947).

    Args:
        n: Rows of the reference.
        m: Rows of the window.
        alpha: Probability of lying above.
    """
    # Each half is judged by a classifier of its own, and the two areas are averaged.
    return float(min(0.5 + ndtri(1 - alpha) * np.sqrt((n / 2 + m / 2 + 1) / (12 * (n / 2) * (m / 2)) / 2), 1.0))


def title_auc(window: Sequence[str], reference: Sequence[str]) -> DomainAuc:
    """Return how well the window's titles can be told from the reference's.

    Args:
        window: Marks of titles, at least two.
        reference: Marks of titles, at least two.
    """
    new, old = _spread(len(window)), _spread(len(reference))
    texts = [*(window[place] for place in new), *(reference[place] for place in old)]
    numbers, lengths = read_marks(texts)
    of = np.repeat(np.arange(len(texts)), lengths)

    def scores(learn: Places, judge: Places, fresh: NDArray[np.bool_]) -> Floats:
        there = np.zeros(len(texts), bool)
        there[learn] = True
        known, recent = there[of], fresh[of]
        now = np.bincount(numbers[known & recent], minlength=MARKS)
        then = np.bincount(numbers[known & ~recent], minlength=MARKS)
        return np.bincount(of, weights=_word_weights(now, then)[numbers], minlength=len(texts)).astype(np.float64)[judge]

    return _cross_fitted(len(new), len(old), scores)


def image_auc(window: Sequence[str], reference: Sequence[str]) -> DomainAuc:
    """Return how well the window's images can be told from the reference's.

    Args:
        window: Sketches of images, at least two.
        reference: Sketches of images, at least two.

    Raises:
        ValueError: One is no sketch.
    """
    new, old = _spread(len(window)), _spread(len(reference))
    numbers = read_sketches([*(window[place] for place in new), *(reference[place] for place in old)])
    numbers -= numbers.mean(axis=0)
    features = np.concatenate([numbers, numbers**2], axis=1)
    features = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)

    def scores(learn: Places, judge: Places, fresh: NDArray[np.bool_]) -> Floats:
        now, then = features[learn[fresh[learn]]], features[learn[~fresh[learn]]]
        spread = (len(now) * np.cov(now.T, bias=True) + len(then) * np.cov(then.T, bias=True)) / (len(now) + len(then))
        spread[np.diag_indices_from(spread)] += _RIDGE
        direction: Floats = np.linalg.solve(spread, now.mean(axis=0) - then.mean(axis=0))
        found: Floats = features[judge] @ direction
        return found

    return _cross_fitted(len(new), len(old), scores)


def _word_weights(now: NDArray[np.intp], then: NDArray[np.intp]) -> Floats:
    """Return what each word says for the window, in nats; nothing where chance alone might have counted it so."""
    share = now.sum() / max(now.sum() + then.sum(), 1)
    both = now + then
    surprise = (now - both * share) / np.sqrt(np.maximum(both * share * (1 - share), 1e-9))
    weights = np.log((now + _PRIOR * share) / (then + _PRIOR * (1 - share)) * (1 - share) / max(share, 1e-9))
    kept: Floats = np.where(np.abs(surprise) > _SURPRISE, weights, 0.0)
    return kept


def _spread(rows: int) -> Places:
    """Return places of at most `MOST` rows, evenly spread."""
    return np.linspace(0, rows - 1, min(rows, MOST)).round().astype(np.intp)


def _cross_fitted(m: int, n: int, scores: Callable[[Places, Places, NDArray[np.bool_]], Floats]) -> DomainAuc:
    fresh = np.arange(m + n) < m
    # A shuffle of its own for either side: rows stand in an order that may mean something.
    draw = np.random.default_rng(_SEED)
    half = np.concatenate([draw.permutation(m) % 2, draw.permutation(n) % 2])
    areas, rounds = [], []
    for part in (0, 1):
        learn, judge = np.flatnonzero(half != part), np.flatnonzero(half == part)
        found, those = scores(learn, judge, fresh), fresh[judge]
        area, resampled = _areas(found[those], found[~those], draw)
        areas.append(area)
        rounds.append(resampled)
    low, high = np.quantile(np.mean(rounds, axis=0), [0.025, 0.975])
    return DomainAuc(float(np.mean(areas)), float(low), float(high), n, m)


def _areas(positive: Floats, negative: Floats, draw: np.random.Generator) -> tuple[float, Floats]:
    """Return the area under the curve, and that of bootstrap samples."""
    values, places = np.unique(np.concatenate([positive, negative]), return_inverse=True)
    above, below = places[: len(positive)], places[len(positive) :]
    areas = np.empty(_ROUNDS + 1)
    for turn in range(_ROUNDS + 1):
        # The first is the sample as it is.
        one = above if not turn else above[draw.integers(0, len(above), len(above))]
        two = below if not turn else below[draw.integers(0, len(below), len(below))]
        high, low = np.bincount(one, minlength=len(values)), np.bincount(two, minlength=len(values))
        under = np.cumsum(low) - low / 2
        areas[turn] = float(high @ under) / (len(one) * len(two))
    return float(areas[0]), areas[1:]
