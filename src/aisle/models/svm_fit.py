"""Fitting the linear support vector machine on any features: each class against all others, classes on several threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from aisle.models.dual import LANES, importance, mean_square, solve_hinge
from aisle.models.family import Floats, Labels, Matrix
from aisle.models.options import SvmOptions
from aisle.models.weights import LinearScorer


def fit(matrix: Matrix, labels: Labels, classes: int, options: SvmOptions, *, seed: int, jobs: int) -> LinearScorer:
    """Fit a linear support vector machine with squared hinge loss, one versus rest.

    Args:
        matrix: Features, (rows, columns).
        labels: Each row's class, (rows,), from 0.
        classes: How many classes there are.
        options: What the fit is steered by.
        seed: Decides the order of the rows.
        jobs: How many threads share the classes; the outcome does not depend on it.
    """
    counts = importance(labels, classes, options.balance)
    cost = options.cost / mean_square(matrix)

    def solve(first: int) -> tuple[Floats, Floats]:
        lanes = slice(first, min(first + LANES, classes))
        return solve_hinge(matrix, labels, lanes, counts=counts, cost=cost, passes=options.passes, seed=seed)

    with ThreadPoolExecutor(jobs) as pool:
        parts = list(pool.map(solve, range(0, classes, LANES)))
    return LinearScorer.of(
        np.concatenate([weights for weights, _ in parts], axis=1), np.concatenate([bias for _, bias in parts])
    )
