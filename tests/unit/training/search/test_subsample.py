import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.training.search import rung_rows

labels = st.lists(st.integers(0, 5), min_size=1, max_size=120).map(np.array)


@given(labels, st.integers(0, 3))
def test_each_rung_is_within_the_next_and_the_last_is_everything(classes, seed):
    rungs = [set(rung_rows(classes, share, seed).tolist()) for share in (1 / 27, 1 / 9, 1 / 3, 1.0)]
    assert rungs[0] <= rungs[1] <= rungs[2] <= rungs[3] == set(range(len(classes)))


@given(labels, st.sampled_from([1 / 9, 1 / 3, 0.5, 1.0]))
def test_each_class_gives_its_share_rounded_up(classes, share):
    taken = np.bincount(classes[rung_rows(classes, share, 7)], minlength=6)
    for size, got in zip(np.bincount(classes, minlength=6), taken, strict=True):
        assert got == -(-size // round(1 / share))


def test_places_ascend_and_hang_on_the_seed():
    classes = np.arange(300) % 3
    first = rung_rows(classes, 1 / 3, 1)
    assert (np.diff(first) > 0).all()
    np.testing.assert_array_equal(first, rung_rows(classes, 1 / 3, 1))
    assert (first != rung_rows(classes, 1 / 3, 2)).any()


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_is_a_share(share: float):
    with pytest.raises(ValueError, match="not above 0"):
        rung_rows(np.array([0, 1]), share, 1)
