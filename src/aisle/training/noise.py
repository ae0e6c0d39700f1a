"""Planting wrong labels on purpose, to measure what finds them."""

import numpy as np
from numpy.typing import NDArray

from aisle.errors import TrainingError

Labels = NDArray[np.intp]


def plant_noise(
    labels: Labels, classes: int, share: float, *, seed: int, likeness: NDArray[np.floating] | None = None
) -> Labels:
    """Return labels of which a share was replaced by wrong ones.

    Args:
        labels: Each row's class, (rows,).
        classes: How many classes there are, at least 2.
        share: Share of the rows that get a wrong label, between 0 and 1; which rows is left to chance.
        seed: Seed of that chance.
        likeness: How likely each class is taken for each other, (classes, classes), such as a confusion matrix; the
            diagonal is not looked at. By default a class is taken for any other alike.

    Raises:
        TrainingError: The share is none, or there is no other class to take.
    """
    if not 0 <= share <= 1 or classes < 2:
        raise TrainingError(
            f"A share of {share} of the labels of {classes} classes cannot be made wrong.",
            hint="Give a share between 0 and 1, and at least two classes.",
        )
    generator = np.random.default_rng(seed)
    chances = np.ones((classes, classes)) if likeness is None else np.array(likeness, dtype=np.float64)
    np.fill_diagonal(chances, 0)
    # A class that was never taken for another goes to any other alike.
    lonely = np.flatnonzero(chances.sum(axis=1) == 0)
    chances[lonely] = 1
    chances[lonely, lonely] = 0
    chances /= chances.sum(axis=1, keepdims=True)
    rows = np.sort(generator.permutation(len(labels))[: round(share * len(labels))])
    noisy = labels.copy()
    cumulated = chances[labels[rows]].cumsum(axis=1)
    # The last sum may miss 1 by rounding; a draw is under it all the same.
    draws = generator.random(len(rows)) * cumulated[:, -1]
    noisy[rows] = (cumulated <= draws[:, np.newaxis]).sum(axis=1)
    return noisy
