import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import f1_score

from aisle.models.calibration import CALIBRATION_BINS, calibration_error
from aisle.training.curves import (
    accuracy_by_coverage,
    calibration_by_chance,
    class_intervals,
    reliability,
    weighted_f1,
    wilson,
)
from aisle.training.metrics import Scores

answered = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@given(st.integers(1, 500).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))))
def test_wilson_is_scipys(counts: tuple[int, int]) -> None:
    hits, rows = counts
    low, high = wilson(np.array(hits), np.array(rows))
    theirs = binomtest(hits, rows).proportion_ci(0.95, method="wilson")
    assert (float(low), float(high)) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_no_rows_tell_nothing_about_a_share() -> None:
    low, high = wilson(np.array([0]), np.array([0]))
    assert (low.tolist(), high.tolist()) == ([0.0], [1.0])


@given(answered)
def test_reliability_is_scikit_learns_and_adds_up_to_the_calibration_error(pairs: list[tuple[float, bool]]) -> None:
    confidence, hits = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    # scikit-learn puts an edge into the bin below it, we into the one above: edges are left out.
    assert calibration_error(confidence, hits) == pytest.approx(_error(confidence, hits))
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    clear = np.abs(confidence[:, np.newaxis] - edges).min(axis=1) > 1e-6
    if not clear.any():
        return
    found = reliability(confidence[clear], hits[clear])
    right, sure = calibration_curve(hits[clear], confidence[clear], n_bins=CALIBRATION_BINS)
    assert found["accuracy"].to_list() == pytest.approx(right.tolist())
    assert found["confidence"].to_list() == pytest.approx(sure.tolist())


def _error(confidence: np.ndarray, hits: np.ndarray) -> float:
    found = reliability(confidence, hits)
    assert found["rows"].sum() == len(hits)
    assert (found["accuracy_low"] <= found["accuracy"] + 1e-12).all()
    assert (found["accuracy_high"] >= found["accuracy"] - 1e-12).all()
    return float(((found["accuracy"] - found["confidence"]).abs() * found["rows"]).sum() / len(hits))


def test_chance_alone_makes_an_error_that_shrinks_with_rows() -> None:
    generator = np.random.default_rng(0)
    few, many = generator.uniform(0.3, 1, 200), generator.uniform(0.3, 1, 20_000)
    (mean, most), (less, least) = calibration_by_chance(few, seed=1), calibration_by_chance(many, seed=1)
    assert 0 < less < least < mean < most
    assert mean == pytest.approx(10 * less, rel=0.15)  # the square root of a hundred times as many rows
    assert calibration_by_chance(few, seed=1) == (mean, most)


def test_a_calibrated_model_stays_below_what_chance_makes_and_a_boastful_one_does_not() -> None:
    generator = np.random.default_rng(5)
    confidence = generator.uniform(0.3, 1, 3_000)
    most = calibration_by_chance(confidence, seed=2)[1]
    below = [calibration_error(confidence, generator.random(3_000) < confidence) <= most for _ in range(100)]
    assert 85 <= sum(below) <= 100
    assert calibration_error(confidence, generator.random(3_000) < confidence - 0.1) > most


@given(answered, st.integers(1, 30))
@settings(deadline=None)
def test_coverage_is_what_a_threshold_lets_through(pairs: list[tuple[float, bool]], steps: int) -> None:
    confidence, hits = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    found = accuracy_by_coverage(confidence, hits, steps=steps)
    assert found.height == steps
    for row in found.iter_rows(named=True):
        kept = confidence >= row["threshold"]
        assert row["rows"] == kept.sum()
        assert row["accuracy"] == pytest.approx(hits[kept].mean())
        assert row["coverage"] == pytest.approx(kept.mean())
        assert row["coverage"] >= row["wanted"] - 1e-9
        # A higher threshold would let through too few.
        assert (confidence > row["threshold"]).mean() < row["wanted"]
    assert found["coverage"][-1] == 1.0
    assert found["threshold"].is_sorted(descending=True)


def test_intervals_of_categories_hold_their_f1_and_follow_their_rows() -> None:
    generator = np.random.default_rng(1)
    correct = generator.choice(["many", "few"], 1_000, p=[0.97, 0.03])
    predicted = np.where(generator.random(1_000) < 0.85, correct, np.where(correct == "many", "few", "many"))
    scores = Scores((), tuple(correct), tuple(predicted), ("few", "many"), np.zeros((1_000, 2), dtype=np.float32))
    found = class_intervals(scores, seed=4)
    for code in ("few", "many"):
        low, high = found[code]
        assert low < f1_score(correct, predicted, labels=[code], average=None)[0] < high
    assert found["few"][1] - found["few"][0] > 3 * (found["many"][1] - found["many"][0])
    assert class_intervals(scores, seed=4) == found


def test_weighted_f1_is_scikit_learns_within_its_interval() -> None:
    correct, predicted = tuple("aabbbc" * 20), tuple("aabbcb" * 20)
    value, low, high = weighted_f1(correct, predicted, seed=1)
    assert value == pytest.approx(f1_score(correct, predicted, average="weighted"))
    assert low < value < high
    assert weighted_f1(("a",), ("b",), seed=1) == (0.0, 0.0, 0.0)
