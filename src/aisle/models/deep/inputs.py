"""How a net reads a matrix: which columns it takes as n-grams, and which as numbers that are there for every image."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aisle.features.sparse import SparseRows
from aisle.models.family import Asked, Floats

NOWHERE = -1
"""The place of the column that says whether there is an image, where there is none."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """How a net reads a matrix.

    Args:
        columns: Columns taken as n-grams, rising, (n-grams,).
        dense: Columns taken as numbers of the image, rising, (numbers,).
        presence: The column that says whether there is an image, or `NOWHERE`: then every row has one.
        mean: What is taken off each number, (numbers,).
        scale: What each is multiplied by then, (numbers,).
    """

    columns: NDArray[np.int32]
    dense: NDArray[np.int32]
    presence: int
    mean: Floats
    scale: Floats

    def split(self, matrix: Asked) -> tuple[SparseRows, Floats, Floats]:
        """Return a matrix's n-grams, its numbers, each standardised, and 1 where there is an image, 0 where there is none.

        Args:
            matrix: Features as in the fit, (rows, columns).
        """
        rows = matrix.shape[0]
        if isinstance(matrix, np.ndarray):
            numbers = np.asarray(matrix, np.float32)[:, self.dense]
            nothing = np.empty(0, np.int32), np.empty(0, np.float32)
            grams = SparseRows((rows, 0), np.zeros(rows + 1, np.int64), *nothing)
            return grams, self._standard(numbers), np.ones(rows, np.float32)
        sparse = SparseRows.of(matrix)
        grams = sparse.chosen(self.columns)
        grams = replace(grams, data=np.asarray(grams.data, np.float32))
        return grams, self._standard(sparse.chosen(self.dense).filled()), present(sparse, self.presence)

    def _standard(self, numbers: Floats) -> Floats:
        return np.ascontiguousarray((numbers - self.mean) * self.scale, np.float32)


def present(sparse: SparseRows, presence: int) -> Floats:
    """Return 1 for each row with an image and 0 for each without one, (rows,).

    Args:
        sparse: Features, (rows, columns).
        presence: The column that says so, or `NOWHERE`.
    """
    if presence == NOWHERE:
        return np.ones(sparse.shape[0], np.float32)
    there: Floats = (sparse.chosen(np.array([presence], np.int32)).filled().ravel() != 0).astype(np.float32)
    return there
