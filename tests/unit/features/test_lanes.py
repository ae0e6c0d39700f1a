import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from aisle.features.lanes import LANES, add_lines, fetch

ROWS, WIDTH = 5, 70


@njit
def _added(
    sums: np.ndarray, into: int, lines: np.ndarray, at: int, rows: np.ndarray, steps: np.ndarray, first: int, last: int
) -> None:
    for row in rows:
        fetch(lines, row * WIDTH)
    add_lines(sums, into, lines, at, WIDTH, rows, steps, first, last)


@given(
    st.integers(0, 40),
    st.integers(0, WIDTH - LANES),
    st.lists(st.tuples(st.integers(0, ROWS - 1), st.floats(-1e3, 1e3, width=32)), max_size=9),
    st.integers(0, 3),
    st.integers(0, 2**31),
)
def test_it_adds_what_a_loop_adds_to_the_bit_and_nothing_beside(
    into: int, at: int, chosen: list[tuple[int, float]], first: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    sums = generator.normal(size=80).astype(np.float32)
    lines = generator.integers(-128, 128, (ROWS, WIDTH)).astype(np.int8)
    rows = np.array([row for row, _ in chosen], np.int32)
    steps = np.array([step for _, step in chosen], np.float32)
    expected = sums.copy()
    for row, step in zip(rows[first:], steps[first:], strict=True):
        for lane in range(LANES):
            expected[into + lane] += step * np.float32(lines[row, at + lane])
    _added(sums, into, lines.reshape(-1), at, rows, steps, first, max(first, len(rows)))
    np.testing.assert_array_equal(sums, expected)
