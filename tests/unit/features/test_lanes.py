import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from aisle.features.lanes import LANES, add_lanes


@njit
def _added(sums: np.ndarray, first: int, lines: np.ndarray, at: int, step: np.float32) -> None:
    add_lanes(sums, first, lines, at, step)


@given(st.integers(0, 40), st.integers(0, 90), st.floats(-1e3, 1e3, width=32), st.integers(0, 2**31))
def test_it_adds_what_a_loop_adds_to_the_bit_and_nothing_beside(first: int, at: int, step: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    sums = generator.normal(size=80).astype(np.float32)
    lines = generator.integers(-128, 128, 128).astype(np.int8)
    expected = sums.copy()
    for lane in range(LANES):
        expected[first + lane] += np.float32(step) * np.float32(lines[at + lane])
    _added(sums, first, lines, at, np.float32(step))
    np.testing.assert_array_equal(sums, expected)
