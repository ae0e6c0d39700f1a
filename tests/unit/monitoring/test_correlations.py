"""How a column goes with the label."""

import numpy as np
import pytest

from aisle.monitoring.correlations import association


def test_a_column_that_names_the_label_is_found() -> None:
    found = association(np.diag([50, 30, 20]))
    assert found is not None
    assert (found.information, found.alone, found.gained) == pytest.approx((1, 1, 1))
    assert found.cramers_v == pytest.approx(1, abs=0.02)


def test_a_column_that_says_nothing_is_not() -> None:
    draw = np.random.default_rng(0)
    table = np.zeros((40, 27))
    np.add.at(table, (draw.integers(0, 40, 3_000), draw.integers(0, 27, 3_000)), 1)
    found = association(table)
    assert found is not None
    # Without its correction it would be 0.11 by chance alone.
    assert found.cramers_v < 0.05
    assert found.gained < 0.01


def test_a_name_of_each_row_says_nothing_of_a_row_left_out() -> None:
    table = np.zeros((60, 3))
    table[np.arange(60), np.arange(60) % 3] = 1
    found = association(table)
    assert found is not None
    assert found.alone == 0


@pytest.mark.parametrize("table", [np.zeros((0, 0)), np.ones((1, 5)), np.ones((5, 1)), np.zeros((3, 3))])
def test_a_single_value_goes_with_nothing(table: np.ndarray) -> None:
    assert association(table) is None
