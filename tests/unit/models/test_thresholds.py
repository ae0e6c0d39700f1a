import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from aisle.errors import BundleError, ModelError
from aisle.models.thresholds import ALWAYS, Thresholds, thresholds_by_cost
from aisle.models.thresholds_fit import coverage_curve, fit_thresholds, lower_bound


def drawn(rows: int, seed: int, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return calibrated probabilities and labels drawn by them; each class is answered as often as any other."""
    generator = np.random.default_rng(seed)
    top = generator.uniform(0.5, 1, rows)
    answers = generator.integers(0, classes, rows)
    probabilities = np.repeat(((1 - top) / (classes - 1))[:, np.newaxis], classes, axis=1)
    probabilities[np.arange(rows), answers] = top
    labels = np.where(generator.random(rows) < top, answers, (answers + 1) % classes)
    return probabilities.astype(np.float32), labels


@given(st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.50001, 0.9]), st.booleans()), min_size=1, max_size=40))
def test_the_curve_is_the_mean_over_all_orders_of_equals(rows) -> None:
    confidence, hits = np.array([row[0] for row in rows], np.float32), np.array([row[1] for row in rows])
    curve = coverage_curve(confidence, hits)
    for answered in range(1, len(rows) + 1):
        cut = np.sort(confidence)[::-1][answered - 1]
        sure, equal = hits[confidence > cut], hits[confidence == cut]
        expected = (sure.sum() + equal.mean() * (answered - len(sure))) / answered
        assert curve.coverage[answered - 1] == pytest.approx(answered / len(rows))
        assert curve.accuracy[answered - 1] == pytest.approx(expected)
        assert curve.confidence[answered - 1] == pytest.approx(cut)
    assert curve.accuracy_at(1.0) == pytest.approx(hits.mean())


def test_the_accuracy_at_a_coverage_is_that_of_the_surest() -> None:
    curve = coverage_curve(np.float32([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True]))
    assert [curve.accuracy_at(share) for share in (0.25, 0.5, 0.6, 1.0)] == pytest.approx([1, 1, 2 / 3, 3 / 4])


@pytest.mark.parametrize(("hits", "rows"), [(0, 5), (1, 1), (45, 50), (50, 50), (970, 1_000)])
def test_the_bound_is_scipys(hits, rows) -> None:
    expected = binomtest(hits, rows, alternative="greater").proportion_ci(0.9, "exact").low
    assert lower_bound(np.array([float(hits)]), np.array([float(rows)]), 0.9)[0] == pytest.approx(expected, abs=1e-9)


def test_the_precision_asked_for_is_reached_on_fresh_rows_nearly_always() -> None:
    # With confidence uniform on 0.5 to 1 and calibrated, the precision above t is (1 + t) / 2.
    reached, lowest = [], []
    for seed in range(300):
        found = fit_thresholds(*drawn(600, seed), precision=0.9, assurance=0.9)
        reached += [(1 + least) / 2 >= 0.9 for least in found.least]
        lowest.append(found.least.min())
    assert np.mean(reached) > 0.85
    # And not by reviewing nearly all: the true threshold is 0.8.
    assert np.median(lowest) < 0.9


def test_rare_answers_share_the_threshold_of_all() -> None:
    probabilities, labels = drawn(2_000, 1, classes=4)
    answers = probabilities.argmax(axis=1)
    kept = (answers != 3) | (np.cumsum(answers == 3) <= 20)
    found = fit_thresholds(probabilities[kept], labels[kept], precision=0.9)
    assert found.own.tolist() == [True, True, True, False]
    pooled = fit_thresholds(probabilities[kept], labels[kept], precision=0.9, min_rows=10_000)
    assert not pooled.own.any()
    assert found.least[3] == pooled.least[0]


def test_twenty_lucky_rows_are_no_proof() -> None:
    lucky = np.tile(np.float32([[0.9, 0.1]]), (20, 1))
    right = np.zeros(20, np.intp)
    assert fit_thresholds(lucky, right, precision=0.95, min_rows=1).least.tolist() == [ALWAYS, ALWAYS]
    assert fit_thresholds(lucky, right, precision=0.85, min_rows=1).least[0] == 0


def test_answers_of_the_same_confidence_stand_or_fall_together() -> None:
    probabilities = np.repeat(np.float32([[0.99, 0.01], [0.7, 0.3]]), 100, axis=0)
    labels = np.r_[np.zeros(100, np.intp), np.arange(100) % 2]
    found = fit_thresholds(probabilities, labels, precision=0.9)
    assert found.least[0] == np.float64(np.float32(0.99))
    answers = np.zeros(200, np.intp)
    assert found.review(answers, probabilities.max(axis=1)).tolist() == [False] * 100 + [True] * 100


def test_without_rows_everything_is_reviewed() -> None:
    found = fit_thresholds(np.empty((0, 2), np.float32), np.empty(0, np.intp), precision=0.9)
    assert found.review(np.array([0, 1]), np.float32([1, 1])).all()


@given(st.floats(0, 1, width=32), st.floats(0.1, 100), st.floats(0, 100))
def test_a_review_is_asked_for_when_it_is_cheaper(confidence, wrong, review) -> None:
    found = thresholds_by_cost(2, wrong=wrong, review=review)
    expected = (1 - float(confidence)) * wrong - review
    if abs(expected) > 1e-9:
        assert found.review(np.array([1]), np.float32([confidence]))[0] == (expected > 0)


def test_each_class_may_have_its_own_cost() -> None:
    found = thresholds_by_cost(2, wrong=[10, 2], review=1)
    assert found.least == pytest.approx([0.9, 0.5])
    assert found.own.all()
    assert found.review(np.array([0, 1]), np.float32([0.8, 0.8])).tolist() == [True, False]


def test_they_are_read_back_as_written() -> None:
    found = fit_thresholds(*drawn(600, 1), precision=0.9)
    again = Thresholds.from_json(found.to_json(), 2)
    assert again.to_json() == found.to_json()
    assert np.array_equal(again.least, found.least)


@pytest.mark.parametrize(
    "change", [{"rule": "luck"}, {"least": [0.5]}, {"least": [0.5, float("nan")]}, {"least": "x"}, {"own": [True]}]
)
def test_damage_is_told(change) -> None:
    good = thresholds_by_cost(2, wrong=1, review=0.1).to_json()
    with pytest.raises(BundleError, match="review thresholds"):
        Thresholds.from_json(good | change, 2)
    with pytest.raises(BundleError, match="review thresholds"):
        Thresholds.from_json({key: value for key, value in good.items() if key not in change}, 2)


@pytest.mark.parametrize("precision", [0, 1])
def test_a_precision_that_is_none_is_refused(precision) -> None:
    with pytest.raises(ModelError, match="precision"):
        fit_thresholds(*drawn(10, 0), precision=precision)


@pytest.mark.parametrize(("wrong", "review"), [(0, 1), ([1, 2, 3], 1), (1, -1), (float("nan"), 1), (1, float("inf"))])
def test_costs_that_make_no_sense_are_refused(wrong, review) -> None:
    with pytest.raises(ModelError, match="cost"):
        thresholds_by_cost(2, wrong=wrong, review=review)
