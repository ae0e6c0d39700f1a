"""How right answers are, from some that people chose to look at."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from aisle.monitoring.performance import STRATA, performance_values, strata_of, weighted_accuracy
from aisle.monitoring.policy import read_policy
from tests.unit.monitoring.windows import NOW, answers, reference_of


def test_looking_at_doubtful_answers_more_does_not_make_all_look_worse() -> None:
    draw = np.random.default_rng(0)
    confidence = draw.beta(6, 2, 20_000)
    right = draw.random(20_000) < confidence
    looked = draw.random(20_000) < np.where(confidence < 0.7, 0.2, 0.01)
    found = weighted_accuracy(right[looked], confidence[looked], strata_of(confidence))
    assert found is not None
    assert right[looked].mean() < right.mean() - 0.1
    assert found.low < right.mean() < found.high
    assert found.value == pytest.approx(right.mean(), abs=0.04)
    assert found.worth <= found.rows == looked.sum()


def test_its_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    draw, held = np.random.default_rng(1), 0
    for _ in range(200):
        confidence = draw.beta(6, 2, 2_000)
        right = draw.random(2_000) < confidence
        looked = draw.random(2_000) < np.where(confidence < 0.7, 0.2, 0.05)
        found = weighted_accuracy(right[looked], confidence[looked], strata_of(confidence))
        assert found is not None
        held += found.low <= right.mean() <= found.high
    assert held >= 184


def test_nobody_looked() -> None:
    assert weighted_accuracy(np.array([], bool), np.array([]), np.ones(len(STRATA))) is None


def test_a_stratum_that_nobody_looked_into_is_told_by_its_neighbour() -> None:
    answers_in = np.array([0.0, 0, 0, 0, 50, 50])
    found = weighted_accuracy(np.array([True, False]), np.array([0.96, 0.97]), answers_in)
    assert found is not None
    assert found.value == 0.5
    below = weighted_accuracy(np.array([True]), np.array([0.995]), np.array([100.0, 0, 0, 0, 0, 0]))
    assert below is not None
    assert below.value == 1.0
    assert below.low < 0.5


def test_values_say_what_is_known() -> None:
    rows = answers(1_000, 1)
    reference, policy = reference_of(answers(5_000, 0)), read_policy()
    said = rows[:80].select(pl.lit("10").alias("code"), pl.col("code").alias("predicted"), "confidence")
    confidence = strata_of(rows["confidence"].to_numpy()), float(rows["confidence"].mean()), 1_000
    ages = {"data_age_seconds": NOW - timedelta(days=100), "model_age_seconds": NOW + timedelta(hours=1)}
    values = performance_values(reference, confidence, said, ages, NOW, policy, 0.001)
    found = {(value.column, value.measure): value for value in values}
    assert found["all", "data_age_seconds"].state == "watch"
    assert found["all", "model_age_seconds"].value == 0
    assert found["all", "feedback_rows"].value == 80
    assert found["all", "estimated_accuracy"].state == "ok"
    accuracy = found["all", "accuracy"]
    assert accuracy.m == 80
    # With 80 words the band is wide, but not so wide.
    assert accuracy.value < accuracy.null_low
    assert found["10", "recall"].value == pytest.approx((said["predicted"] == "10").mean())
    silent = performance_values(reference, confidence, said[:0], {}, NOW, policy, 0.001)
    assert silent[-1].note == "nobody has said anything of these answers"
