import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalog.order import deal_evenly, taking_order
from aisle.catalog.source import open_source
from tests.catalogues import write_challenge


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200))
def test_every_stretch_holds_each_class_in_its_share(codes):
    codes = np.array(codes, dtype=np.int32)
    order = deal_evenly(codes)
    assert sorted(order) == list(range(len(codes)))
    for size in (len(codes) // 5, len(codes) // 2):
        taken = np.bincount(codes[order < size], minlength=5)
        expected = np.bincount(codes, minlength=5) * size / len(codes)
        assert np.all(np.abs(taken - expected) <= 2.5)


def test_rows_of_a_class_are_shuffled_and_always_alike():
    order = deal_evenly(np.zeros(1000, dtype=np.int32))
    assert not np.array_equal(order, np.arange(1000))
    assert np.array_equal(order, deal_evenly(np.zeros(1000, dtype=np.int32)))
    assert abs(np.corrcoef(order, np.arange(1000))[0, 1]) < 0.1


@pytest.mark.parametrize("batch_rows", [3, 100])
def test_the_order_of_a_source_does_not_depend_on_batches(tmp_path, batch_rows):
    source = open_source(write_challenge(tmp_path / "shop", train=40))
    order = taking_order(source, "train", "stratified", batch_rows)
    assert order is not None
    assert np.array_equal(order, deal_evenly(np.arange(40, dtype=np.int32) % 8 + 1))
    assert taking_order(source, "train", "head", batch_rows) is None
