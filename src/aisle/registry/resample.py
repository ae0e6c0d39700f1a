"""F1 of two classifiers on the same rows, and on bootstrap draws of those rows, all draws at once.

Rows with the same correct code and the same two answers are alike, so a draw of rows is a draw of how often each
distinct triple comes: one multinomial sample, in distribution exactly as if rows were drawn one by one. The sums that
F1 needs (rows, answers and hits of each category) are then products of that sample with sparse indicator matrices.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]

_COUNTS_AT_ONCE = 2_000_000
"""Counts held in memory together: 16 MB."""


@dataclass(frozen=True)
class Paired:
    """Two classifiers' answers to the same rows, grouped into distinct triples.

    Args:
        codes: The categories seen, sorted; positions are into it.
        triples: (3, triples) positions of the correct code, the first answer and the second answer.
        counts: (triples,) rows of each triple.
    """

    codes: tuple[str, ...]
    triples: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def from_answers(cls, correct: Sequence[str], first: Sequence[str], second: Sequence[str]) -> "Paired":
        """Group the answers of two classifiers; all three sequences are of the same length, at least 1."""
        every = np.concatenate([np.asarray(part, dtype=str) for part in (correct, first, second)])
        codes, positions = np.unique(every, return_inverse=True)
        triples, counts = np.unique(positions.reshape(3, -1), axis=1, return_counts=True)
        return cls(tuple(codes.tolist()), triples.astype(np.int64), counts.astype(np.int64))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.counts.sum())

    def scores(self) -> "PairedF1":
        """Return both classifiers' F1 on the rows as they are: one draw, without chance."""
        return self._scores(self.counts[np.newaxis])

    def draws(self, draws: int, seed: int) -> "PairedF1":
        """Return both classifiers' F1 on rows drawn with replacement.

        Args:
            draws: How many times as many rows as there are get drawn.
            seed: Seed of the draws.
        """
        generator = np.random.default_rng(seed)
        shares = self.counts / self.rows
        block = max(1, _COUNTS_AT_ONCE // len(shares))
        blocks = [
            self._scores(generator.multinomial(self.rows, shares, size=min(block, draws - start)))
            for start in range(0, draws, block)
        ]
        return PairedF1(
            np.concatenate([b.support for b in blocks]),
            np.concatenate([b.first for b in blocks]),
            np.concatenate([b.second for b in blocks]),
        )

    def _scores(self, counts: NDArray[np.int64]) -> "PairedF1":
        weights = counts.astype(np.float64)
        correct, first, second = self.triples
        support = self._sums(weights, correct)
        return PairedF1(
            support,
            _f1(self._sums(weights, correct, first == correct), support, self._sums(weights, first)),
            _f1(self._sums(weights, correct, second == correct), support, self._sums(weights, second)),
        )

    def _sums(self, weights: Floats, positions: NDArray[np.int64], mask: NDArray[np.bool_] | None = None) -> Floats:
        """Return (draws, classes) weights added up by category, of the triples in the mask."""
        marks = np.ones(len(positions)) if mask is None else mask.astype(np.float64)
        indicator = csr_array((marks, (positions, np.arange(len(positions)))), shape=(len(self.codes), len(positions)))
        sums: Floats = (indicator @ weights.T).T
        return sums


@dataclass(frozen=True)
class PairedF1:
    """Two classifiers' F1 of each category on some draws of the same rows; each array is (draws, classes).

    Args:
        support: Rows whose correct code is the category.
        first: F1 of the first classifier; 0 where the category is neither correct nor answered, as in scikit-learn.
        second: F1 of the second.
    """

    support: Floats
    first: Floats
    second: Floats

    @property
    def weighted(self) -> tuple[Floats, Floats]:
        """(draws,) F1 averaged by the categories' rows, of the first and of the second classifier."""
        shares = self.support / self.support.sum(axis=1, keepdims=True)
        return (shares * self.first).sum(axis=1), (shares * self.second).sum(axis=1)

    @property
    def difference(self) -> Floats:
        """(draws,) weighted F1 of the first less that of the second."""
        first, second = self.weighted
        return first - second


def interval(values: Floats) -> tuple[float, float]:
    """Return the bounds between which the middle 95 % of some values lie."""
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def _f1(hits: Floats, support: Floats, answers: Floats) -> Floats:
    """Return 2 hits / (support + answers), the harmonic mean of precision and recall; 0 where both are 0."""
    both = support + answers
    return np.divide(2 * hits, both, out=np.zeros_like(both), where=both > 0)
