"""The simulation of the gate's errors: its world is the one that it states, and its truths are true."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from benchmarks import bench_gate
from benchmarks.bench_gate import JOINT, replicate, world


@pytest.fixture(autouse=True, scope="module")
def by_zipf():
    """The same world wherever the tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench_gate, "real_catalogues", lambda: None)
        world.cache_clear()
        yield
    world.cache_clear()


def test_two_models_are_right_and_wrong_together_as_often_as_stated() -> None:
    here = world()
    correct, challenger, champion = here.triples
    right, also = challenger == correct, champion == correct
    for name, rows in (
        ("both", right & also),
        ("one", right ^ also),
        ("same", ~right & ~also & (challenger == champion)),
        ("other", ~right & ~also & (challenger != champion)),
    ):
        assert here.shares[rows].sum() == pytest.approx(JOINT[name], abs=1e-6)
    assert here.shares[right].sum() == pytest.approx(here.shares[also].sum())


@pytest.mark.parametrize("difference", [0.0, 0.02, -0.005])
def test_a_true_difference_is_the_one_that_was_asked_for(difference: float) -> None:
    here = world()
    tilt = here.tilt_for(difference)
    assert here.difference(tilt) == pytest.approx(difference, abs=1e-6)
    weights = here.tilted(tilt)
    assert weights.sum() == pytest.approx(1)
    assert weights.min() >= 0
    correct, challenger, champion = here.triples
    new, old = (f1_score(correct, some, average="weighted", sample_weight=weights) for some in (challenger, champion))
    assert new - old == pytest.approx(difference, abs=1e-6)


def test_replications_are_told_apart_by_their_seeds() -> None:
    one, two, again = replicate(400, 0.9, [1, 2, 1])
    assert one == again != two
    assert all(outcome.low < outcome.high for outcome in (one, two))
    assert np.mean([outcome.low for outcome in (one, two)]) > 0, "nearly every lone hit is the challenger's"
