"""Two classifiers' answers to the same rows beside each other: F1 as a whole and by category, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aisle.registry.resample import Floats, Paired, interval


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two classifiers on the same rows.

    Args:
        first: The first one's.
        second: The second one's.
        difference: The second's less the first's.
        low: Lower end of the difference's 95 % interval, from a paired bootstrap.
        high: Upper end of it.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ClassDifference:
    """The F1 of one category: its code, its rows, and both classifiers' figures."""

    code: str
    rows: int
    f1: Difference


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two classifiers' answers differ.

    Args:
        weighted_f1: F1 averaged by the categories' rows.
        macro_f1: F1 averaged over the categories that are correct somewhere.
        classes: Every category with a row, the largest difference first; of a few rows the interval is wide.
    """

    weighted_f1: Difference
    macro_f1: Difference
    classes: tuple[ClassDifference, ...]


def compare_answers(
    correct: Sequence[str], first: Sequence[str], second: Sequence[str], *, draws: int = 2_000, seed: int
) -> Comparison:
    """Compare two classifiers by a paired bootstrap: both are scored on the same draws of the rows.

    Args:
        correct: Each row's correct code, at least one row.
        first: The first classifier's answers, in the rows' order.
        second: The second's.
        draws: Bootstrap draws.
        seed: Seed of the draws.
    """
    paired = Paired.from_answers(correct, first, second)
    rows, drawn = paired.scores(), paired.draws(draws, seed)
    classes = [
        ClassDifference(
            paired.codes[place],
            int(rows.support[0, place]),
            _difference((rows.first[:, place], rows.second[:, place]), (drawn.first[:, place], drawn.second[:, place])),
        )
        for place in np.flatnonzero(rows.support[0])
    ]
    return Comparison(
        weighted_f1=_difference(rows.weighted, drawn.weighted),
        macro_f1=_difference(rows.macro, drawn.macro),
        classes=tuple(sorted(classes, key=lambda known: (-abs(known.f1.difference), known.code))),
    )


def _difference(rows: tuple[Floats, Floats], drawn: tuple[Floats, Floats]) -> Difference:
    first, second = (float(values[0]) for values in rows)
    low, high = interval(drawn[1] - drawn[0])
    return Difference(first, second, second - first, low, high)
