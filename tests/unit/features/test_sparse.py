"""Sparse rows without SciPy are SciPy's, entry by entry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from aisle.features.sparse import SparseRows, columns_of, entries, row_blocks

ROWS, COLUMNS = 12, 40


@st.composite
def matrices(draw: st.DrawFn) -> csr_matrix:
    """Return a matrix, often with rows and columns that are empty, or with none at all; some stored values are zero."""
    rows, columns = draw(st.integers(0, ROWS)), draw(st.integers(0, COLUMNS))
    share = draw(st.sampled_from([0.0, 0.02, 0.3, 1.0]))
    generator = np.random.default_rng(draw(st.integers(0, 1_000)))
    there = generator.random((rows, columns)) < share
    made = csr_matrix(there * generator.normal(size=(rows, columns)), dtype=np.float32)
    made.data[::7] = 0
    return made


def same(rows: SparseRows, expected: csr_matrix) -> None:
    """Make sure that rows hold just what a matrix holds, zeros and order included."""
    assert rows.shape == expected.shape
    for name in ("indptr", "indices", "data"):
        assert np.array_equal(getattr(rows, name), getattr(expected, name)), name
    assert np.array_equal(rows.filled(), expected.toarray())


@settings(deadline=None)
@given(matrices())
def test_a_matrix_comes_back_as_it_was_and_shares_its_values(made: csr_matrix) -> None:
    rows = SparseRows.of(made)
    assert SparseRows.of(rows) is rows
    same(rows, made)
    again = rows.as_matrix()
    same(SparseRows.of(again), made)
    again.check_format(full_check=True)
    assert not made.data.size or np.shares_memory(again.data, made.data)


@settings(deadline=None)
@given(matrices(), st.integers(0, ROWS), st.integers(0, ROWS + 3))
def test_a_block_is_a_slice_of_the_rows(made: csr_matrix, start: int, length: int) -> None:
    start = min(start, made.shape[0])
    same(SparseRows.of(made).block(start, start + length), made[start : start + length])


@settings(deadline=None)
@given(matrices(), st.integers(1, ROWS + 2))
def test_blocks_are_all_rows_in_order_and_never_none(made: csr_matrix, most: int) -> None:
    blocks = list(row_blocks(made, most))
    assert blocks
    assert [block.shape[0] for block in blocks][:-1] == [most] * (len(blocks) - 1)
    for start, block in enumerate(blocks):
        assert isinstance(block, SparseRows)
        same(block, made[start * most : (start + 1) * most])
    dense = list(row_blocks(made.toarray(), most))
    assert np.array_equal(np.concatenate(dense), made.toarray())


@settings(deadline=None)
@given(matrices(), st.sets(st.integers(0, COLUMNS - 1)), st.booleans())
def test_chosen_columns_are_those_that_scipy_chooses(made: csr_matrix, chosen: set[int], wide: bool) -> None:
    if wide:  # few entries among many columns are searched for, many are looked up
        made = csr_matrix((made.data, made.indices, made.indptr), shape=(made.shape[0], 100_000))
    columns = np.array(sorted(column for column in chosen if column < made.shape[1]), np.int32)
    found = SparseRows.of(made).chosen(columns)
    same(found, made[:, columns])
    assert found.indices.dtype == np.int32
    assert np.array_equal(columns_of(made.toarray()[:, :COLUMNS], columns[:0]), np.empty((made.shape[0], 0)))


@settings(deadline=None)
@given(matrices())
def test_entries_are_what_kernels_take(made: csr_matrix) -> None:
    for indptr, indices, values, width in (entries(made), entries(SparseRows.of(made))):
        assert (indptr.dtype, indices.dtype, values.dtype) == (np.int64, np.int32, np.float32)
        assert np.array_equal(indptr, made.indptr)
        assert np.array_equal(indices, made.indices)
        assert np.array_equal(values, made.data)
        assert width == made.shape[1]


def test_entries_of_a_dense_array_are_the_array_itself() -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    indptr, indices, values, width = entries(array)
    assert indptr.tolist() == [0, 4, 8, 12]
    assert (indices.size, width) == (0, 4)
    assert np.shares_memory(values, array)


def test_other_layouts_are_taken_too() -> None:
    made = csr_matrix(np.eye(3, dtype=np.float32))
    same(SparseRows.of(made.tocsc()), made)


@pytest.mark.parametrize("columns", [0, 5])
def test_no_row_at_all_is_one_empty_block(columns: int) -> None:
    (block,) = row_blocks(np.empty((0, columns), np.float32), 4)
    assert block.shape == (0, columns)
