"""Which sparse columns a family of trees looks at: those that tell most of the classes."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse

from aisle.errors import TrainingError
from aisle.models.family import Labels, Matrix

MOSTLY_THERE = 0.5
"""A column of a sparse matrix with more of its values there is taken as dense, and always chosen."""


def dense_columns(matrix: csr_matrix) -> NDArray[np.int32]:
    """Return the columns of a sparse matrix that are mostly there, or hold negative values, rising.

    Args:
        matrix: Features, (rows, columns).
    """
    there = np.bincount(matrix.indices, minlength=matrix.shape[1])
    negative = np.bincount(matrix.indices[matrix.data < 0], minlength=matrix.shape[1])
    return np.flatnonzero((there > MOSTLY_THERE * matrix.shape[0]) | (negative > 0)).astype(np.int32)


def chosen_columns(matrix: Matrix, labels: Labels, classes: int, most: int) -> NDArray[np.int32]:
    """Return the columns to look at, rising: all dense ones, and of the others those of the largest chi-squared statistic.

    The statistic is that of a column's sums over the classes, against the share of rows that each class has.

    Args:
        matrix: Features, (rows, columns); every column of a dense one is dense.
        labels: Each row's class, (rows,).
        classes: How many classes there are.
        most: How many sparse columns are chosen at most.

    Raises:
        TrainingError: No column holds anything.
    """
    if not issparse(matrix):
        return np.arange(matrix.shape[1], dtype=np.int32)
    sparse = csr_matrix(matrix)
    dense = dense_columns(sparse)
    members = csr_matrix((np.ones(len(labels)), (labels, np.arange(len(labels)))), shape=(classes, len(labels)))
    # The sum of (observed - expected)^2 / expected, where both add up to the column's total, needs no zero of the table:
    # of 405 classes and 100,000 columns most values are, and the whole of it would be a third of a gigabyte.
    observed = (members @ sparse.astype(np.float64)).tocsr()
    totals = np.bincount(observed.indices, observed.data, observed.shape[1])
    shares = np.repeat(np.bincount(labels, minlength=classes) / len(labels), np.diff(observed.indptr))
    squares = np.bincount(observed.indices, np.square(observed.data) / shares, observed.shape[1])
    statistic = np.maximum(squares / np.where(totals > 0, totals, 1) - totals, 0)
    statistic[(totals <= 0) | np.isin(np.arange(totals.size), dense)] = -1
    best = np.argsort(-statistic, kind="stable")[:most]
    chosen = np.union1d(best[statistic[best] >= 0], dense).astype(np.int32)
    if not chosen.size:
        raise TrainingError("No feature of any row is other than zero.", hint="Train on products with texts or images.")
    return chosen
