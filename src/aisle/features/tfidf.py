"""TF-IDF over hashed n-grams: which buckets count, and how much."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aisle.errors import BundleError, TrainingError
from aisle.features.ngrams import compiled
from aisle.features.sparse import SparseRows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, eq=False)
class TfidfColumns:
    """The buckets that a catalogue uses, as the columns of a compact matrix, with their inverse document frequencies.

    A value is (1 + ln count) * idf; the word n-grams of a text, the lower half of the buckets, are divided by their
    Euclidean norm, and so are its character n-grams: what a union of two scikit-learn `TfidfVectorizer` with
    `sublinear_tf` gives, as long as no two n-grams share a bucket.

    Args:
        columns: Bucket of each column, int32, rising, (columns,).
        idf: Inverse document frequency of each column, float32, (columns,).
        bits: There are 2**bits buckets.
    """

    columns: NDArray[np.int32]
    idf: NDArray[np.float32]
    bits: int

    @classmethod
    def fit(cls, counts: "csr_matrix", *, word_min_df: int = 1, char_min_df: int = 2) -> "TfidfColumns":
        """Choose the columns and weigh them: idf = ln((1 + texts) / (1 + texts with it)) + 1, as scikit-learn does.

        Args:
            counts: Occurrences, (texts, 2**bits).
            word_min_df: A bucket of word n-grams becomes a column when it occurs in so many texts.
            char_min_df: The same for character n-grams.

        Raises:
            TrainingError: No bucket occurs often enough.
        """
        texts, buckets = counts.shape
        occurs_in = np.bincount(counts.indices, minlength=buckets)
        least = np.where(np.arange(buckets) < buckets // 2, max(word_min_df, 1), max(char_min_df, 1))
        columns = np.flatnonzero(occurs_in >= least)
        if not columns.size:
            raise TrainingError(
                f"No n-gram occurs in enough of the {texts} texts to learn from.", hint="Train on products with titles."
            )
        idf = np.log((1 + texts) / (1 + occurs_in[columns])) + 1
        return cls(columns.astype(np.int32), idf.astype(np.float32), buckets.bit_length() - 1)

    @classmethod
    def from_arrays(cls, columns: NDArray[np.int32], idf: NDArray[np.float32], bits: int) -> "TfidfColumns":
        """Return what `fit` made, from its saved arrays.

        Raises:
            BundleError: The arrays are not such as `fit` makes.
        """
        sound = (
            columns.ndim == 1
            and columns.shape == idf.shape
            and columns.size > 0
            and columns.dtype == np.int32
            and idf.dtype == np.float32
            and columns[0] >= 0
            and columns[-1] < 1 << bits
            and bool(np.all(columns[1:] > columns[:-1]))
            and bool(np.all(np.isfinite(idf) & (idf > 0)))
        )
        if not sound:
            raise BundleError(
                f"The TF-IDF columns {columns.dtype}{columns.shape} with idf {idf.dtype}{idf.shape} are damaged.",
                hint="Fetch the bundle again, or train again.",
            )
        return cls(np.ascontiguousarray(columns), np.ascontiguousarray(idf), bits)

    @cached_property
    def table(self) -> NDArray[np.int32]:
        """The column of each bucket, int32, (2**bits,); -1 where it has none."""
        table = np.full(1 << self.bits, -1, np.int32)
        table[self.columns] = np.arange(self.columns.size, dtype=np.int32)
        return table

    @property
    def word_columns(self) -> int:
        """How many of the columns, the first ones, are word n-grams."""
        return int(np.searchsorted(self.columns, 1 << (self.bits - 1)))

    def transform(self, counts: "csr_matrix") -> "csr_matrix":
        """Return the TF-IDF of counted texts, to learn from them.

        Args:
            counts: Occurrences, (texts, 2**bits).

        Returns:
            float32, (texts, columns), each row's columns in the order of its buckets.
        """
        sorted_counts = counts if counts.has_sorted_indices else counts.sorted_indices()
        weighed = self.weigh(SparseRows.of(sorted_counts)).as_matrix()
        weighed.has_canonical_format = True
        return weighed

    def weigh(self, counts: SparseRows) -> SparseRows:
        """Return the TF-IDF of counted texts, to answer; the outcome is that of `transform`.

        Args:
            counts: Occurrences, (texts, 2**bits), each row's buckets rising.
        """
        indptr, columns, values = _weigh(
            counts.indptr.astype(np.int64), counts.indices, counts.data.astype(np.float32), self.table, self.idf
        )
        return SparseRows((counts.shape[0], self.columns.size), indptr, columns, values)


@compiled
def _weigh(
    indptr: NDArray[np.int64],
    buckets: NDArray[np.int32],
    times: NDArray[np.float32],
    table: NDArray[np.int32],
    idf: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    half = table.size // 2
    ends = np.zeros_like(indptr)
    columns, values = np.empty(buckets.size, np.int32), np.empty(buckets.size, np.float32)
    used = 0
    for row in range(indptr.size - 1):
        position = indptr[row]
        # Buckets rise, so words come first: each kind is divided by its norm when that is known.
        for limit in (half, table.size):
            first, squares = used, 0.0
            while position < indptr[row + 1] and buckets[position] < limit:
                column = table[buckets[position]]
                if column >= 0:
                    value = idf[column] * (np.float32(1 + np.log(times[position])) if times[position] > 1 else np.float32(1))
                    squares += value * value
                    columns[used], values[used] = column, value
                    used += 1
                position += 1
            if squares > 0:
                inverse = np.float32(1 / np.sqrt(squares))
                for place in range(first, used):
                    values[place] *= inverse
        ends[row + 1] = used
    return ends, columns[:used], values[:used]
