"""Maximum mean discrepancy: how far two populations' means lie apart where a kernel puts them, squared.

Gretton and others, "A kernel two-sample test", JMLR 13, 2012, equation 3. A domain classifier sees what it can learn; this
sees any change that the kernel does: cosine of marks for titles, a Gaussian on sketches as wide as they usually lie apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import gammainccinv, gammaincinv, ndtri

from aisle.features.marks import MARKS, read_marks, read_sketches

Floats = NDArray[np.float64]

ROWS = 300
"""Rows of either side that are looked at: a fixed share that is drawn by a fixed seed, since pairs are what costs."""

_SHUFFLES = 400
_SEED = 20_12
_NO_SKEW = 1e-4


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """How far two populations are apart.

    Args:
        mmd: The squared discrepancy, without bias: about 0, and a little below at times, where they are the same.
        null_low: What it stays above with the probability that was asked for when nothing has changed.
        null_high: What it stays under with that probability.
        n: Rows of the reference that were looked at.
        m: Rows of the window.
    """

    mmd: float
    null_low: float
    null_high: float
    n: int
    m: int


def title_mmd(window: Sequence[str], reference: Sequence[str], alpha: float) -> Discrepancy:
    """Return how far the window's titles are from the reference's.

    Args:
        window: Marks of titles, at least two.
        reference: Marks of titles, at least two.
        alpha: Probability of lying above `null_high` when nothing has changed.
    """
    new, old = _drawn(window, 0), _drawn(reference, 1)
    numbers, lengths = read_marks([*new, *old])
    ends = np.concatenate([[0], np.cumsum(lengths)])
    weights = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths)
    rows = csr_matrix((weights, numbers, ends), shape=(len(lengths), MARKS))
    return _apart((rows @ rows.T).toarray(), len(new), alpha)


def image_mmd(window: Sequence[str], reference: Sequence[str], alpha: float) -> Discrepancy:
    """Return how far the window's images are from the reference's.

    Args:
        window: Sketches of images, at least two.
        reference: Sketches of images, at least two.
        alpha: As for `title_mmd`.

    Raises:
        ValueError: One is no sketch.
    """
    new, old = _drawn(window, 0), _drawn(reference, 1)
    numbers = read_sketches([*new, *old])
    squares = np.square(numbers).sum(axis=1)
    apart = np.maximum(squares[:, np.newaxis] + squares - 2 * numbers @ numbers.T, 0)
    usual = float(np.median(apart[np.triu_indices(len(apart), 1)]))
    return _apart(np.exp(-apart / (usual or 1.0)), len(new), alpha)


def _drawn(rows: Sequence[str], side: int) -> list[str]:
    if len(rows) <= ROWS:
        return list(rows)
    places = np.random.default_rng([_SEED, side]).choice(len(rows), ROWS, replace=False)
    return [rows[place] for place in np.sort(places)]


def _apart(kernel: Floats, m: int, alpha: float) -> Discrepancy:
    """Return the discrepancy of the first `m` rows from the others, beside what shuffled rows give.

    The tail of what shuffles give is that of the Pearson curve with their mean, variance and skew: `alpha` may be far less
    than one in so many shuffles (Gretton and others, section 5, fit the same curves).
    """
    rows = len(kernel)
    n = rows - m
    np.fill_diagonal(kernel, 0)
    draw = np.random.default_rng(_SEED)
    first = np.zeros((rows, _SHUFFLES + 1))
    first[:m, 0] = 1
    for turn in range(1, _SHUFFLES + 1):
        first[draw.permutation(rows)[:m], turn] = 1
    of_first = kernel @ first
    within = (first * of_first).sum(axis=0)
    across = of_first.sum(axis=0) - within
    others = kernel.sum() - within - 2 * across
    found = within / (m * (m - 1)) + others / (n * (n - 1)) - 2 * across / (m * n)
    shuffled = found[1:]
    spread = float(shuffled.std())
    if spread <= 1e-15:
        # All rows are alike.
        return Discrepancy(float(found[0]), 0.0, 0.0, n, m)
    skew = float(np.mean(((shuffled - shuffled.mean()) / spread) ** 3))
    centre = float(shuffled.mean())
    low, high = centre - spread * pearson_tail(alpha, -skew), centre + spread * pearson_tail(alpha, skew)
    return Discrepancy(float(found[0]), low, high, n, m)


def pearson_tail(alpha: float, skew: float) -> float:
    """Return what a Pearson type III variable of mean 0 and variance 1 exceeds with a small probability.

    Args:
        alpha: The probability.
        skew: Its skew.
    """
    if abs(skew) < _NO_SKEW:
        return float(-ndtri(alpha))
    # It is a gamma variable, moved and scaled, and mirrored where the skew is negative.
    shape = 4 / skew**2
    found = gammainccinv(shape, alpha) if skew > 0 else gammaincinv(shape, alpha)
    return float((found - shape) * skew / 2)
