"""What a challenger costs: sizes are what they are, times only as sure as their rounds agree."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.registry.costs import size_cost, time_cost

seconds = st.floats(1e-6, 1e3)


def test_a_size_has_no_noise() -> None:
    cost = size_cost(30, 40)
    assert (cost.ratio, cost.low, cost.high) == (0.75, 0.75, 0.75)
    assert cost.benefit(0.1) == "25% smaller"
    assert cost.benefit(0.25) is None, "the share has to be exceeded"
    assert cost.drawback(0.1) is None
    assert size_cost(60, 40).drawback(0.1) == "is 50% larger"
    assert size_cost(44, 40).drawback(0.1) is None


@pytest.mark.parametrize(("rounds", "rank"), [(1, 0), (5, 0), (6, 1), (8, 1), (9, 2), (12, 3), (25, 8)])
def test_the_interval_is_between_ranks_of_the_rounds(rounds: int, rank: int) -> None:
    """The ranks are those of the usual tables of the sign test."""
    cost = time_cost([float(value) for value in range(1, rounds + 1)], [1.0] * rounds)
    assert (cost.low, cost.high) == ((rank, rounds + 1 - rank) if rank else (0, inf))
    assert cost.ratio == (rounds + 1) / 2


def test_the_interval_misses_the_median_at_most_once_in_twenty() -> None:
    generator = np.random.default_rng(2)
    missed = 0
    for _ in range(400):
        cost = time_cost(np.exp(generator.standard_cauchy(9) / 10).tolist(), [1.0] * 9)
        missed += not cost.low <= 1 <= cost.high
    assert missed <= 400 * 0.05


@given(st.lists(st.tuples(seconds, seconds), min_size=1, max_size=30))
def test_a_time_is_never_both_a_benefit_and_a_drawback(rounds: list[tuple[float, float]]) -> None:
    cost = time_cost(*zip(*rounds, strict=True))
    assert cost.low <= cost.ratio <= cost.high
    assert not (cost.benefit(0.1) and cost.drawback(0.1))


def test_a_machine_that_is_slow_for_a_while_is_slow_for_both() -> None:
    slow = [1.0, 1.0, 7.0, 7.0, 7.0, 7.0, 1.0, 1.0, 1.0]
    cost = time_cost([0.5 * value for value in slow], slow)
    assert (cost.ratio, cost.low, cost.high) == (0.5, 0.5, 0.5)
    assert cost.benefit(0.1) == "50% faster"
