"""The rows of a rung: each class in its share, and every rung's rows among the next one's."""

import numpy as np
from numpy.typing import NDArray


def rung_rows(labels: NDArray[np.intp], share: float, seed: int) -> NDArray[np.intp]:
    """Return the places of the rows that a rung learns from, ascending.

    Each class gives its share of rows, rounded up, so none is ever missing. The rows of a smaller share are among those
    of a larger one with the same seed, and a share of 1 is all rows.

    Args:
        labels: Each row's class, (rows,), from 0.
        share: Share of the rows, above 0 and at most 1.
        seed: Another seed draws other rows.

    Raises:
        ValueError: The share is out of its bounds.
    """
    if not 0 < share <= 1:
        raise ValueError(f"the share is {share}, not above 0 and at most 1")
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    sizes = np.bincount(labels)
    starts = np.cumsum(sizes) - sizes
    rank = np.arange(len(labels)) - np.repeat(starts, sizes)
    # A share such as 1/3 is a little off in binary: a thousandth of a row is no row.
    most = np.ceil(sizes * share - 1e-3).clip(1)
    return np.sort(by_class[rank < np.repeat(most, sizes)])
