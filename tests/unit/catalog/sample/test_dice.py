"""Random numbers that stay the same for ever."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalog.sample.dice import Dice


def test_the_stream_is_pinned() -> None:
    # Should these ever change, every synthetic catalogue changes with them.
    assert Dice(2025, 1).raw(3).tolist() == [4670152764230434382, 351757718862510708, 17756242361906166718]
    assert Dice(2025, 1).below(1_000, 6).tolist() == [253, 19, 962, 478, 345, 674]
    assert Dice(2025, 1).order(6).tolist() == [1, 0, 4, 3, 5, 2]


@pytest.mark.parametrize("other", [(5,), (5, 1, 0), (5, 1, 0, 0), (1, 5), (5 + 2**32, 0), (5 + 2**32,), (51,)])
def test_another_key_is_another_stream(other: tuple[int, ...]) -> None:
    assert Dice(5, 1).raw(4).tolist() != Dice(*other).raw(4).tolist()


def test_a_stream_goes_on_where_it_stopped() -> None:
    whole, halves = Dice(3), Dice(3)
    assert whole.raw(10).tolist() == [*halves.raw(4).tolist(), *halves.raw(6).tolist()]


@given(st.integers(0, 2**63), st.integers(1, 2**30), st.integers(0, 300))
def test_whole_numbers_stay_below_their_limit(seed: int, limit: int, count: int) -> None:
    numbers = Dice(seed).below(limit, count)
    assert len(numbers) == count
    assert ((numbers >= 0) & (numbers < limit)).all()


@given(st.integers(0, 2**63), st.integers(0, 300))
def test_an_order_holds_every_number_once(seed: int, count: int) -> None:
    assert sorted(Dice(seed).order(count).tolist()) == list(range(count))


def test_doubles_spread_evenly_over_their_range() -> None:
    doubles = Dice(11).uniform(100_000)
    assert doubles.min() >= 0
    assert doubles.max() < 1
    counts = np.bincount((doubles * 10).astype(int), minlength=10)
    # Ten bins of 10,000 expected each: 500 is more than five standard deviations of about 95.
    assert np.abs(counts - 10_000).max() < 500


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_a_chance_comes_true_as_often_as_it_says(share: float) -> None:
    assert Dice(4).chance(share, 50_000).mean() == pytest.approx(share, abs=0.01)
