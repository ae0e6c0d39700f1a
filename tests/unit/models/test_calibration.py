import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize_scalar
from scipy.special import softmax as reference

from aisle.models.calibration import calibration_error, fit_temperature, softmax

scores = arrays(np.float32, (4, 3), elements=st.floats(-500, 500, width=32))


@given(scores, st.floats(0.05, 20))
def test_softmax_is_scipys(values: np.ndarray, temperature: float) -> None:
    found = softmax(values, temperature)
    assert found.dtype == np.float32
    assert np.allclose(found, reference(values.astype(np.float64) / temperature, axis=1), atol=1e-6)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-6)


@given(scores, st.floats(0.05, 20))
def test_no_temperature_changes_the_answer(values: np.ndarray, temperature: float) -> None:
    found = softmax(values, temperature)
    assert np.array_equal(found.max(axis=1), found[np.arange(4), values.argmax(axis=1)])


def test_the_input_is_left_alone() -> None:
    values = np.ones((2, 2), np.float32)
    softmax(values, 2.0)
    fit_temperature(values, np.array([0, 1]))
    assert (values == 1).all()


@pytest.mark.parametrize("temperature", [0.25, 1.0, 4.0])
def test_the_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    generator = np.random.default_rng(1)
    values = generator.normal(0, 2 * temperature, (20_000, 4)).astype(np.float32)
    drawn = softmax(values, temperature).cumsum(axis=1) > generator.random((20_000, 1))
    assert fit_temperature(values, drawn.argmax(axis=1)) == pytest.approx(temperature, rel=0.05)


def test_it_is_the_least_loss_that_another_optimiser_finds() -> None:
    generator = np.random.default_rng(2)
    values = generator.normal(0, 3, (500, 5)).astype(np.float32)
    labels = np.where(generator.random(500) < 0.7, values.argmax(axis=1), generator.integers(0, 5, 500))

    def loss(log: float) -> float:
        return float(-np.log(reference(values / np.exp(log), axis=1)[np.arange(500), labels]).mean())

    assert fit_temperature(values, labels) == pytest.approx(np.exp(minimize_scalar(loss).x), rel=1e-3)


def test_answers_that_are_always_right_or_always_wrong_have_a_limit() -> None:
    values = np.array([[0.5, 0.0], [0.0, 0.5]], np.float32)
    assert fit_temperature(values, np.array([0, 1])) == pytest.approx(1 / 20, rel=0.01)
    assert fit_temperature(values, np.array([1, 0])) == pytest.approx(20, rel=0.01)


def test_without_rows_nothing_is_changed() -> None:
    assert fit_temperature(np.empty((0, 3), np.float32), np.empty(0, np.intp)) == 1.0


def test_confidence_that_is_right_as_often_as_it_says_has_no_error() -> None:
    assert calibration_error(np.full(10, 0.7), np.arange(10) < 7) == pytest.approx(0)
    assert calibration_error(np.full(10, 0.9), np.arange(10) < 7) == pytest.approx(0.2)
    assert calibration_error(np.full(10, 0.5), np.arange(10) < 7) == pytest.approx(0.2)
    assert calibration_error(np.ones(4), np.ones(4, bool)) == 0


def test_errors_in_different_bins_do_not_cancel() -> None:
    confidence = np.repeat([0.95, 0.35], 10)
    hits = np.arange(20) % 20 < 13  # 10 of 10 at 0.95, 3 of 10 at 0.35
    assert calibration_error(confidence, hits) == pytest.approx(0.05)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_the_calibration_error_is_the_plain_sum_over_bins(rows: list[tuple[float, bool]]) -> None:
    confidence = np.array([share for share, _ in rows])
    hits = np.array([hit for _, hit in rows])
    bins = np.minimum((confidence * 15).astype(int), 14)
    total = sum((bins == b).mean() * abs(hits[bins == b].mean() - confidence[bins == b].mean()) for b in np.unique(bins))
    assert calibration_error(confidence, hits) == pytest.approx(total, abs=1e-9)
