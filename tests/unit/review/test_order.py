"""The order of the queue: worth falls with certainty and with what is alike, and chance is fair and stays the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.review.order import discounted, drawn, kind_of, uncertainty

SHARES = st.floats(0, 1)


@given(SHARES, SHARES)
def test_uncertainty_is_a_share_and_falls_with_the_margin(first: float, second: float):
    assert 0 <= uncertainty(first, second) <= 1
    assert uncertainty(first, second) >= uncertainty(first, second / 2)


def test_one_confusion_does_not_fill_the_day():
    values = [0.9] * 4 + [0.5]
    order = np.argsort(-discounted(values, ["10|40"] * 4 + ["10|50"]), kind="stable")
    assert order.tolist() == [0, 1, 2, 4, 3]
    assert discounted([0.9], ["10|40"], {"10|40": 3}).tolist() == [0.45]


@given(st.lists(st.tuples(st.floats(0, 10), st.sampled_from("ab")), max_size=12))
def test_the_order_takes_the_greatest_value_in_turn(given_: list[tuple[float, str]]):
    values, kinds = [v for v, _ in given_], [k for _, k in given_]
    found = np.sort(discounted(values, kinds))[::-1]
    left, seen, turn = list(range(len(values))), {"a": 0, "b": 0}, []
    while left:
        best = max(left, key=lambda place: values[place] / np.sqrt(1 + seen[kinds[place]]))
        turn.append(values[best] / np.sqrt(1 + seen[kinds[best]]))
        seen[kinds[best]] += 1
        left.remove(best)
    assert found == pytest.approx(turn)


def test_a_kind_is_two_categories_whichever_is_ahead():
    assert kind_of("10", "40") == kind_of("40", "10") != kind_of("10", None)


def test_chance_picks_its_share_and_the_same_each_time():
    names = [str(number) for number in range(20_000)]
    picked = [name for name in names if drawn(name, 0.1, "estimate")]
    # Four standard deviations of a binomial draw.
    assert abs(len(picked) - 2_000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5
    assert picked == [name for name in names if drawn(name, 0.1, "estimate")]
    assert set(picked) <= {name for name in names if drawn(name, 0.2, "estimate")}
    other = [name for name in picked if drawn(name, 0.1, "double")]
    assert 100 < len(other) < 300
    assert not any(drawn(name, 0, "estimate") for name in names)
    assert all(drawn(name, 1, "estimate") for name in names)
