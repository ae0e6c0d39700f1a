"""Sparse rows as answers need them: the arrays of a CSR matrix, and no library of matrices behind them.

A server makes such rows, takes blocks and chosen columns of them, and walks their entries. That is little enough to be
spared SciPy, which is a seventh of a server's image; training, which multiplies matrices, gets SciPy's own by `as_matrix`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats: TypeAlias = NDArray[np.float32]

Entries: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int32], Floats, int]
"""Where each row's entries begin, their columns (none where all are there), their values, and how many columns there are."""

_FEW = 16
"""A table of all columns costs less than searching once there is an entry for so many of them."""


@dataclass(frozen=True, slots=True, eq=False)
class SparseRows:
    """Rows of which only some columns are stored.

    Args:
        shape: Rows and columns.
        indptr: Where each row's entries begin, and the end of the last, (rows + 1,).
        indices: The column of each entry; in a row no column comes twice.
        data: The value of each entry.
    """

    shape: tuple[int, int]
    indptr: NDArray[Any]
    indices: NDArray[Any]
    data: NDArray[Any]

    @classmethod
    def of(cls, matrix: "SparseRows | csr_matrix") -> "SparseRows":
        """Return a matrix of SciPy's as rows, without copying one that is CSR already; rows are returned as they are."""
        if isinstance(matrix, SparseRows):
            return matrix
        csr = matrix.tocsr()
        return cls((int(csr.shape[0]), int(csr.shape[1])), csr.indptr, csr.indices, csr.data)

    def as_matrix(self) -> "csr_matrix":
        """Return the rows as SciPy's matrix, for training; the values are shared."""
        # A server has no SciPy, and is never here.
        from scipy.sparse import csr_matrix

        return csr_matrix((self.data, self.indices, self.indptr), shape=self.shape, copy=False)

    def block(self, start: int, stop: int) -> "SparseRows":
        """Return rows from one on, up to another or the end, as views."""
        stop = min(stop, self.shape[0])
        first, last = int(self.indptr[start]), int(self.indptr[stop])
        ends = self.indptr[start : stop + 1] - self.indptr[start]
        return SparseRows((stop - start, self.shape[1]), ends, self.indices[first:last], self.data[first:last])

    def chosen(self, columns: NDArray[np.int32]) -> "SparseRows":
        """Return some columns of all rows, each row's entries in the order in which they were.

        Args:
            columns: Which, rising, (chosen,).
        """
        if self.indices.size * _FEW > self.shape[1]:
            table = np.full(self.shape[1], -1, np.int32)
            table[columns] = np.arange(columns.size, dtype=np.int32)
            places = table[self.indices]
            kept = np.flatnonzero(places >= 0)
        elif columns.size:
            places = np.searchsorted(columns, self.indices).astype(np.int32)
            kept = np.flatnonzero(columns[np.minimum(places, columns.size - 1)] == self.indices)
        else:
            places, kept = np.empty(0, np.int32), np.empty(0, np.intp)
        ends = np.searchsorted(kept, self.indptr)
        return SparseRows((self.shape[0], columns.size), ends, places[kept], self.data[kept])

    def filled(self) -> Floats:
        """Return the rows with all columns, zeros where nothing is stored, (rows, columns)."""
        whole = np.zeros(self.shape, np.float32)
        whole[np.repeat(np.arange(self.shape[0]), np.diff(self.indptr)), self.indices] = self.data
        return whole


def row_blocks(matrix: "SparseRows | csr_matrix | Floats", most: int) -> Iterator[SparseRows | Floats]:
    """Yield a matrix in blocks of some rows; one block where there is no row at all.

    Args:
        matrix: Features, (rows, columns).
        most: Rows of a block.
    """
    rows = matrix if isinstance(matrix, np.ndarray) else SparseRows.of(matrix)
    for start in range(0, max(rows.shape[0], 1), most):
        yield rows.block(start, start + most) if isinstance(rows, SparseRows) else rows[start : start + most]


def columns_of(block: SparseRows | Floats, columns: NDArray[np.int32]) -> SparseRows | Floats:
    """Return some columns, rising, of sparse rows or of a dense array."""
    return block.chosen(columns) if isinstance(block, SparseRows) else block[:, columns]


def entries(matrix: "SparseRows | csr_matrix | Floats") -> Entries:
    """Return a matrix as the kernels take it; a dense one is not copied.

    Args:
        matrix: Features, (rows, columns).
    """
    rows, columns = matrix.shape
    if isinstance(matrix, np.ndarray):
        return np.arange(rows + 1, dtype=np.int64) * columns, np.empty(0, np.int32), _floats(matrix).ravel(), columns
    sparse = SparseRows.of(matrix)
    return sparse.indptr.astype(np.int64), sparse.indices.astype(np.int32, copy=False), _floats(sparse.data), columns


def _floats(array: NDArray[Any]) -> Floats:
    return np.ascontiguousarray(array, np.float32)
