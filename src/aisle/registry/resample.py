"""F1 of two classifiers on the same rows, and on bootstrap draws of those rows, all draws at once.

Rows with the same correct code and the same two answers are alike, so a draw of rows is a draw of how often each
distinct triple comes: one multinomial sample, in distribution exactly as if rows were drawn one by one. Most triples are
rare: those of the same number of rows are drawn together first, and what falls to them is then dealt out evenly, which is
the same distribution at a quarter of the time. The sums that F1 needs (rows, answers and hits of each category) are one
product of that sample with a sparse indicator matrix.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float64]

_COUNTS_AT_ONCE = 2_000_000
"""Counts held in memory together: 16 MB."""
_RARE = 16
"""Rows up to which triples of as many rows are drawn together."""


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
        return self._scores(self.counts[:, np.newaxis].astype(np.float64))

    def draws(self, draws: int, seed: int) -> "PairedF1":
        """Return both classifiers' F1 on rows drawn with replacement.

        Args:
            draws: How many times as many rows as there are get drawn.
            seed: Seed of the draws.
        """
        # One stream for each kind of number, so that nothing depends on how many draws are held at once.
        streams = [np.random.default_rng([seed, stream]) for stream in range(_RARE + 1)]
        block = max(1, _COUNTS_AT_ONCE // len(self.counts))
        blocks = [self._scores(self._draw(streams, min(block, draws - start))) for start in range(0, draws, block)]
        return PairedF1(
            np.concatenate([b.support for b in blocks]),
            np.concatenate([b.first for b in blocks]),
            np.concatenate([b.second for b in blocks]),
        )

    def _draw(self, streams: Sequence[np.random.Generator], draws: int) -> Floats:
        """Return (triples, draws) how often each triple comes when as many rows as there are get drawn."""
        common = np.flatnonzero(self.counts > _RARE)
        alike = [np.flatnonzero(self.counts == rows) for rows in range(1, _RARE + 1)]
        together = np.array([*self.counts[common], *(self.counts[places].sum() for places in alike)])
        totals = streams[0].multinomial(self.rows, together / self.rows, size=draws).T
        drawn = np.empty((len(self.counts), draws))
        drawn[common] = totals[: len(common)]
        for stream, places, total in zip(streams[1:], alike, totals[len(common) :], strict=True):
            dealt = stream.integers(0, max(len(places), 1), size=total.sum())
            cells = dealt * draws + np.repeat(np.arange(draws), total)
            drawn[places] = np.bincount(cells, minlength=len(places) * draws).reshape(len(places), draws)
        return drawn

    def _scores(self, counts: Floats) -> "PairedF1":
        """Return both classifiers' F1 on draws of the triples, (triples, draws)."""
        correct, first, second = self.triples
        hits = np.ones(len(correct)), first == correct, second == correct
        # Five rows of sums for each category: its rows, each classifier's answers of it and each one's hits.
        marks = np.concatenate([hits[0], hits[0], hits[0], hits[1], hits[2]]).astype(np.float64)
        categories = np.concatenate([np.stack((correct, first, second)), np.stack((correct, correct))])
        row = categories + len(self.codes) * np.arange(5)[:, np.newaxis]
        indicator = csr_array(
            (marks, (row.ravel(), np.tile(np.arange(len(correct)), 5))), shape=(5 * len(self.codes), len(correct))
        )
        sums = (indicator @ counts).reshape(5, len(self.codes), -1).transpose(0, 2, 1)
        support, first_answers, second_answers, first_hits, second_hits = sums
        return PairedF1(support, _f1(first_hits, support, first_answers), _f1(second_hits, support, second_answers))


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
    def macro(self) -> tuple[Floats, Floats]:
        """(draws,) F1 averaged over the categories that are correct somewhere in the draw, of the first and the second."""
        there = self.support > 0
        kinds = there.sum(axis=1)
        return (self.first * there).sum(axis=1) / kinds, (self.second * there).sum(axis=1) / kinds

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
