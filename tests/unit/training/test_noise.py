import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import TrainingError
from aisle.training.noise import plant_noise


@given(st.integers(0, 200), st.integers(2, 9), st.floats(0, 1), st.integers(0, 99))
def test_the_share_is_met_and_each_is_wrong(rows, classes, share, seed) -> None:
    labels = np.random.default_rng(seed).integers(0, classes, rows)
    before = labels.copy()
    noisy = plant_noise(labels, classes, share, seed=seed)
    assert (noisy != labels).sum() == round(share * rows)
    assert ((noisy >= 0) & (noisy < classes)).all()
    assert np.array_equal(labels, before)
    assert np.array_equal(noisy, plant_noise(labels, classes, share, seed=seed))


def test_classes_are_taken_for_those_like_them() -> None:
    labels = np.random.default_rng(1).integers(0, 3, 30_000)
    likeness = np.array([[99, 3, 1], [0, 99, 1], [0, 0, 99]])
    noisy = plant_noise(labels, 3, 0.5, seed=1, likeness=likeness)
    became = {own: np.bincount(noisy[(labels == own) & (noisy != own)], minlength=3) for own in range(3)}
    assert became[0][1] / became[0].sum() == pytest.approx(0.75, abs=0.02)
    assert became[1][0] == 0
    # A class that is like no other goes anywhere.
    assert became[2][0] / became[2].sum() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("classes", "share"), [(3, -0.1), (3, 1.1), (1, 0.1), (3, float("nan"))])
def test_what_cannot_be_planted_is_refused(classes, share) -> None:
    with pytest.raises(TrainingError, match="cannot be made wrong"):
        plant_noise(np.zeros(3, np.intp), classes, share, seed=1)
