from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import BundleError, ModelError
from aisle.models.conformal import EVERYTHING, Conformal, covered, fit_conformal

METHODS = ["lac", "aps", "raps"]


def drawn(rows: int, seed: int, *, honest: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities of five classes and labels drawn by them; dishonest ones are sharpened afterwards."""
    generator = np.random.default_rng(seed)
    raw = generator.dirichlet([0.5] * 5, rows)
    labels = (raw.cumsum(axis=1) < generator.random((rows, 1))).sum(axis=1).clip(0, 4)
    if not honest:
        raw = raw**3
        raw /= raw.sum(axis=1, keepdims=True)
    return raw.astype(np.float32), labels


def plainly(probabilities, labels, coverage, method, penalty, free):
    """Return a function from a row to its set, written down as the papers have it."""

    def badness(row, label):
        if method == "lac":
            return 1 - float(row[label])
        ranked = sorted(range(len(row)), key=lambda other: (-row[other], other))
        rank = ranked.index(label) + 1
        return sum(float(row[other]) for other in ranked[: rank - 1]) + penalty * max(rank - free, 0)

    scores = sorted(badness(row, label) for row, label in zip(probabilities, labels, strict=True))
    place = ceil(round((len(scores) + 1) * coverage, 9))
    threshold = scores[place - 1] if place <= len(scores) else float("inf")

    def found(row):
        ranked = sorted(range(len(row)), key=lambda other: (-row[other], other))
        return [label for label in ranked if label == ranked[0] or badness(row, label) <= threshold]

    return found


@pytest.mark.parametrize("method", METHODS)
@given(st.integers(1, 60), st.integers(0, 999), st.sampled_from([0.5, 0.8, 0.9]))
def test_sets_are_those_of_the_papers(method, rows, seed, coverage) -> None:
    probabilities, labels = drawn(rows, seed)
    made = fit_conformal(probabilities, labels, coverage=coverage, method=method, penalty=0.05, free=2)
    fresh, _ = drawn(7, seed + 1)
    found = plainly(probabilities, labels, coverage, method, 0.05 if method == "raps" else 0, 2)
    assert [own.tolist() for own in made.sets(fresh)] == [found(row) for row in fresh]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("honest", [True, False])
def test_the_correct_class_is_inside_as_often_as_asked(method, honest) -> None:
    # Over many draws of both the calibration and the fresh rows, the coverage is at least what was asked for.
    shares = []
    for seed in range(60):
        probabilities, labels = drawn(200, 2 * seed, honest=honest)
        made = fit_conformal(probabilities, labels, coverage=0.9, method=method)
        fresh, correct = drawn(500, 2 * seed + 1, honest=honest)
        shares.append(covered(made.sets(fresh), correct).mean())
    error = float(np.std(shares)) / len(shares) ** 0.5
    assert np.mean(shares) > 0.9 - 3 * error
    if honest or method == "lac":
        # No more than the correction allows, one row of 200; sharpened answers share a cumulated probability of 0.
        assert np.mean(shares) < 0.9 + 1 / 201 + 3 * error


def test_without_the_correction_few_rows_would_not_be_enough() -> None:
    shares = []
    for seed in range(400):
        probabilities, labels = drawn(19, 2 * seed)
        made = fit_conformal(probabilities, labels, coverage=0.9)
        fresh, correct = drawn(40, 2 * seed + 1)
        shares.append(covered(made.sets(fresh), correct).mean())
    assert 0.9 - 0.015 < np.mean(shares) < 0.9 + 0.03


def test_too_few_rows_leave_nothing_out() -> None:
    probabilities, labels = drawn(8, 1)
    made = fit_conformal(probabilities, labels, coverage=0.9)
    assert (made.thresholds == EVERYTHING).all()
    assert [len(own) for own in made.sets(probabilities)] == [5] * 8
    assert (fit_conformal(probabilities[:0], labels[:0]).thresholds == EVERYTHING).all()


def test_the_answer_is_always_inside() -> None:
    made = Conformal("lac", 0.5, np.full(3, 0.1))
    assert [own.tolist() for own in made.sets(np.array([[0.2, 0.5, 0.3], [0.02, 0.95, 0.03]], np.float32))] == [[1], [1]]
    assert made.sets(np.empty((0, 3), np.float32)) == ()


def test_classes_of_enough_rows_get_their_own_coverage() -> None:
    # Class 0 is never recognised: over all rows the sets cover 90 %, but not those of class 0.
    def hard(seed):
        generator = np.random.default_rng(seed)
        labels = np.where(generator.random(4_000) < 0.08, 0, generator.integers(1, 4, 4_000))
        scores = generator.normal(0, 1, (4_000, 4))
        scores[np.arange(4_000), labels] += np.where(labels == 0, 0, 5)
        shares = np.exp(scores)
        return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32), labels

    probabilities, labels = hard(1)
    fresh, correct = hard(2)
    for rows, low, high in ((None, 0, 0.5), (100, 0.82, 1.0), (1_000, 0, 0.5)):
        made = fit_conformal(probabilities, labels, coverage=0.9, per_class_rows=rows)
        share = covered(made.sets(fresh), correct)[correct == 0].mean()
        assert low <= share <= high


def test_they_are_read_back_as_written() -> None:
    probabilities, labels = drawn(100, 3)
    made = fit_conformal(probabilities, labels, method="raps")
    again = Conformal.from_json(made.to_json(), 5)
    assert [own.tolist() for own in again.sets(probabilities)] == [own.tolist() for own in made.sets(probabilities)]
    assert again.to_json() == made.to_json()


@pytest.mark.parametrize(
    "change",
    [{"method": "guess"}, {"thresholds": [0.1]}, {"thresholds": "x"}, {"coverage": None}, {"thresholds": [np.nan] * 5}],
)
def test_damage_is_told(change) -> None:
    good = Conformal("lac", 0.9, np.full(5, 0.5)).to_json()
    with pytest.raises(BundleError, match="prediction sets"):
        Conformal.from_json(good | change, 5)
    with pytest.raises(BundleError, match="prediction sets"):
        Conformal.from_json({key: value for key, value in good.items() if key not in change}, 5)


@pytest.mark.parametrize(("coverage", "method"), [(0, "lac"), (1, "lac"), (0.9, "best")])
def test_what_cannot_be_asked_for_is_refused(coverage, method) -> None:
    with pytest.raises(ModelError, match="coverage"):
        fit_conformal(*drawn(10, 0), coverage=coverage, method=method)
