"""How far two distributions are apart, and how far they are apart when nothing has changed.

With p the window's shares and q the reference's, over B bins, each smoothed as (count + 1/2) / (rows + B/2):

    PSI     sum (p - q) ln(p / q)
    KL      sum p ln(p / q), the window's from the reference, nats
    JS      square root of the Jensen-Shannon divergence in base 2: from 0 to 1
    W1      Wasserstein distance: the area between two distribution functions, in the column's own unit

With n rows in the reference and m in the window PSI is then about (1/n + 1/m) times chi-square with B - 1 degrees of
freedom (Yurdakul, "Statistical properties of population stability index", 2018); KL is about half of that, and the
divergence under JS an eighth of it over ln 2. The Wasserstein distance is about sqrt(1/n + 1/m) times the integral of the
absolute value of a Brownian bridge (del Barrio, Giné and Matrán, 1999), whose quantiles are simulated.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import chdtri

Floats = NDArray[np.float64]

_BRIDGES = 2_000
_SEED = 20_25


@dataclass(frozen=True, slots=True)
class Distances:
    """Distances of a window's bins from the reference's."""

    psi: float
    kl: float
    js: float


def compiled(function: Any) -> Any:
    """Compile a function for later processes too, free of the interpreter's lock."""
    return njit(cache=True, nogil=True)(function)


def smoothed(counts: NDArray[Any]) -> Floats:
    """Return the shares of bins, none of which is 0.

    Args:
        counts: Rows of each bin, at least one bin.
    """
    given: Floats = np.asarray(counts, np.float64)
    shares: Floats = (given + 0.5) / (given.sum() + 0.5 * len(given))
    return shares


def psi(p: Floats, q: Floats) -> float:
    """Return the population stability index of two distributions without zeros."""
    return float(np.dot(p - q, np.log(p / q)))


def kl(p: Floats, q: Floats) -> float:
    """Return the Kullback-Leibler divergence of p from q in nats; where p is 0 there is nothing to add."""
    there = p > 0
    return float(np.dot(p[there], np.log(p[there] / q[there])))


def js(p: Floats, q: Floats) -> float:
    """Return the Jensen-Shannon distance of two distributions: base 2, so from 0 to 1."""
    middle = (p + q) / 2
    divergence = (kl(p, middle) + kl(q, middle)) / 2
    return float(np.sqrt(max(divergence, 0.0) / np.log(2)))


def distances(window: NDArray[Any], reference: NDArray[Any]) -> Distances:
    """Return the distances of a window from the reference.

    Args:
        window: The window's rows in each bin.
        reference: The reference's, as many bins.
    """
    p, q = smoothed(window), smoothed(reference)
    return Distances(psi(p, q), kl(p, q), js(p, q))


def null_bands(bins: int, n: int, m: int, alpha: float) -> Distances:
    """Return what PSI, KL and JS stay under with probability 1 - alpha when nothing has changed.

    Args:
        bins: How many bins there are.
        n: Rows of the reference, at least 1.
        m: Rows of the window, at least 1.
        alpha: Probability of lying above: that of all columns together divided by their number.
    """
    high = float(chdtri(max(bins - 1, 1), alpha)) * (1 / n + 1 / m)
    return Distances(high, high / 2, float(min(np.sqrt(high / (8 * np.log(2))), 1.0)))


def wasserstein(window: NDArray[Any], reference: NDArray[Any]) -> float:
    """Return the Wasserstein distance of two samples of finite numbers; neither is empty.

    Args:
        window: Numbers in any order.
        reference: Numbers in any order.
    """
    first, second = np.sort(np.asarray(window, np.float64)), np.sort(np.asarray(reference, np.float64))
    return float(_area(first, second))


def wasserstein_of_counts(points: Floats, window: NDArray[Any], reference: NDArray[Any]) -> float:
    """Return the Wasserstein distance of two distributions on the same points.

    Args:
        points: Ascending, (points,).
        window: Weight of each point in the window, their sum not 0.
        reference: Weight of each point in the reference, their sum not 0.
    """
    p, q = np.cumsum(window) / np.sum(window), np.cumsum(reference) / np.sum(reference)
    return float(np.dot(np.abs(p - q)[:-1], np.diff(points)))


def wasserstein_null(quantiles: Floats, n: int, m: int, alpha: float) -> float:
    """Return what the Wasserstein distance stays under with probability 1 - alpha when nothing has changed.

    Args:
        quantiles: Quantiles of the reference, evenly spread from its least to its greatest value.
        n: Rows of the reference, at least 1.
        m: Rows of the window, at least 1.
        alpha: Probability of lying above.
    """
    gaps = np.diff(quantiles)
    areas = _bridges(len(gaps)) @ gaps
    # So far out a simulation has few draws: the tail is that of a normal variable, whose spread the 95 % quantile tells.
    middle, high = np.quantile(areas, [0.5, 0.95])
    tail = float(np.sqrt(chdtri(1, 2 * alpha) / chdtri(1, 0.1)))
    return float((middle + (high - middle) * tail) * np.sqrt(1 / n + 1 / m))


@lru_cache(maxsize=4)
def _bridges(steps: int) -> Floats:
    """Return absolute values of simulated Brownian bridges in the middle of so many steps, (bridges, steps)."""
    walks = np.random.default_rng(_SEED).standard_normal((_BRIDGES, 2 * steps)) / np.sqrt(2 * steps)
    paths = np.cumsum(walks, axis=1)
    time = np.arange(1, 2 * steps + 1) / (2 * steps)
    return np.abs(paths - paths[:, -1:] * time)[:, ::2]


@compiled
def _area(first: Floats, second: Floats) -> float:
    """Return the area between the distribution functions of two sorted samples."""
    i = j = 0
    n, m = first.size, second.size
    at = min(first[0], second[0])
    area = 0.0
    while i < n or j < m:
        upto = first[i] if j >= m or (i < n and first[i] <= second[j]) else second[j]
        area += abs(i / n - j / m) * (upto - at)
        at = upto
        while i < n and first[i] == upto:
            i += 1
        while j < m and second[j] == upto:
            j += 1
    return area
