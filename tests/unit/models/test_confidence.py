import numpy as np
import pytest
from scipy.optimize import minimize

from aisle.models.confidence import ConfidenceMap, fit_confidence, held_back_error


def drawn(rows: int, truth: ConfidenceMap, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return raw probabilities of three classes, and labels that are right as often as the map says."""
    generator = np.random.default_rng(seed)
    raw = generator.dirichlet([0.6, 0.6, 0.6], rows).astype(np.float32)
    answers = raw.argmax(axis=1)
    honest = truth.confidence(raw.max(axis=1), 1 - raw.max(axis=1))
    right = generator.random(rows) < honest
    return raw, np.where(right, answers, (answers + 1) % 3)


@pytest.mark.parametrize("truth", [ConfidenceMap(), ConfidenceMap(0.5, 0.8, 0.3), ConfidenceMap(1.5, 0.4, -0.2)])
def test_the_map_behind_the_labels_is_found(truth) -> None:
    raw, labels = drawn(40_000, truth)
    found = fit_confidence(raw, labels)
    top = np.linspace(0.4, 0.995, 50).astype(np.float32)
    assert np.allclose(found.confidence(top, 1 - top), truth.confidence(top, 1 - top), atol=0.02)


def test_it_is_the_least_loss_that_another_optimiser_finds() -> None:
    raw, labels = drawn(300, ConfidenceMap(0.7, 0.7, 0.1))
    top = raw.max(axis=1).astype(np.float64)
    features = np.stack([np.log(top), -np.log(1 - top), np.ones(300)], axis=1)
    hits = raw.argmax(axis=1) == labels

    def loss(values) -> float:
        odds = features @ values
        return float((np.logaddexp(0, odds) - hits * odds).sum() + 2.5 * ((values - [1, 1, 0]) ** 2).sum())

    found = fit_confidence(raw, labels, prior_rows=5)
    assert [found.sure, found.doubt, found.shift] == pytest.approx(minimize(loss, np.zeros(3)).x, abs=1e-3)


def test_no_weight_is_negative() -> None:
    raw = np.random.default_rng(1).dirichlet([1, 1], 2_000).astype(np.float32)
    # The surer, the wronger: nothing honest can be made of it but a constant.
    labels = np.where(raw.max(axis=1) > 0.75, raw.argmin(axis=1), raw.argmax(axis=1))
    found = fit_confidence(raw, labels)
    assert min(found.sure, found.doubt) >= 0
    confidence = found.confidence(np.float32([0.6, 0.9]), np.float32([0.4, 0.1]))
    assert confidence == pytest.approx([(labels == raw.argmax(axis=1)).mean()] * 2, abs=0.05)


def test_few_rows_change_little_and_none_nothing() -> None:
    raw, labels = drawn(3, ConfidenceMap())
    found = fit_confidence(raw, labels)
    assert np.allclose([found.sure, found.doubt, found.shift], [1, 1, 0], atol=0.5)
    assert fit_confidence(raw[:0], labels[:0]).changes_nothing


def test_certainty_stays_finite() -> None:
    found = np.array([[1, 0, 0], [0.5, 0.3, 0.2]], np.float32)
    ConfidenceMap(0.9, 0.5, 0.1).apply(found)
    assert np.isfinite(found).all()
    assert np.allclose(found.sum(axis=1), 1)
    assert found[0, 0] > 0.999
    assert found[0, 1] == found[0, 2] > 0
    ConfidenceMap(0.9, 0.5, 0.1).apply(np.empty((0, 2), np.float32))


def parts(rows: int, folds: int = 4) -> list[tuple[np.ndarray, np.ndarray]]:
    return [
        (np.flatnonzero(np.arange(rows) % folds != one), np.flatnonzero(np.arange(rows) % folds == one))
        for one in range(folds)
    ]


@pytest.mark.parametrize("truth", [ConfidenceMap(), ConfidenceMap(0.5, 0.8, 0.3)])
def test_the_error_left_on_rows_held_back_is_chances_where_a_map_can_mend_it(truth) -> None:
    raw, labels = drawn(20_000, truth)
    assert held_back_error(raw, labels, parts(20_000)) < 0.012


def test_an_error_that_no_map_can_mend_is_left() -> None:
    raw, _ = drawn(20_000, ConfidenceMap())
    # Right as often at every confidence but around 0.6, where it is never: no rising map says that.
    top = raw.max(axis=1)
    right = np.where(np.abs(top - 0.6) < 0.05, False, np.random.default_rng(3).random(20_000) < 0.9)
    labels = np.where(right, raw.argmax(axis=1), raw.argmin(axis=1))
    assert held_back_error(raw, labels, parts(20_000)) > 0.05


def test_no_row_is_calibrated_by_what_it_taught() -> None:
    raw, labels = drawn(400, ConfidenceMap(0.5, 0.8, 0.3))
    before = raw.copy()
    expected = np.empty(400)
    for learnt, away in parts(400):
        block = raw[away]
        fit_confidence(raw[learnt], labels[learnt]).apply(block)
        expected[away] = block.max(axis=1)
    bins = np.minimum((expected * 15).astype(int), 14)
    hits = raw.argmax(axis=1) == labels
    gaps = [abs((hits[bins == place] - expected[bins == place]).sum()) for place in range(15)]
    assert held_back_error(raw, labels, parts(400)) == pytest.approx(sum(gaps) / 400, abs=1e-9)
    assert np.array_equal(raw, before)
