"""Prediction sets and reviews: as often right as was asked for, on rows of which all is known."""

import numpy as np
import pytest

from aisle.models.decisions import Decisions
from aisle.models.family import Floats, Labels
from aisle.models.thresholds import ALWAYS
from aisle.settings import Training
from aisle.training.deciding import decision_figures, fit_decisions
from aisle.training.metrics import Scores

CODES = ("a", "b", "c", "d")


def calibrated(rows: int, seed: int) -> tuple[Floats, Labels]:
    """Return probabilities, and classes that were drawn by them."""
    generator = np.random.default_rng(seed)
    exact = generator.dirichlet([0.15] * len(CODES), rows).astype(np.float32)
    drawn = (exact.cumsum(axis=1) > generator.random((rows, 1))).argmax(axis=1)
    return exact, drawn.astype(np.intp)


def answered(probabilities: Floats, labels: Labels) -> Scores:
    return Scores(
        ids=tuple(f"shop/train/{row}" for row in range(len(labels))),
        correct=tuple(CODES[label] for label in labels),
        predicted=tuple(CODES[place] for place in probabilities.argmax(axis=1)),
        codes=CODES,
        probabilities=probabilities,
    )


def figures(options: Training, **more: object) -> dict[str, object]:
    decisions = fit_decisions(*calibrated(6_000, 1), options.model_copy(update=more))
    return dict(decision_figures(answered(*calibrated(6_000, 2)), decisions))


@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_sets_hold_the_correct_category_as_often_as_was_asked(options: Training, coverage: float) -> None:
    found = figures(options, coverage=coverage)
    assert found["set_coverage_asked"] == coverage
    # Three standard errors of a share of 6,000 rows are less than 0.016.
    assert found["set_coverage"] == pytest.approx(coverage, abs=0.025)
    assert 1 <= found["set_size"] < 3  # type: ignore[operator]


def test_larger_sets_hold_it_more_often(options: Training) -> None:
    few, many = figures(options, coverage=0.8), figures(options, coverage=0.99)
    assert few["set_size"] < many["set_size"]  # type: ignore[operator]
    assert few["set_coverage"] < many["set_coverage"]  # type: ignore[operator]


@pytest.mark.parametrize("precision", [0.9, 0.97])
def test_answers_that_nobody_reviews_are_as_precise_as_was_asked(options: Training, precision: float) -> None:
    found = figures(options, precision=precision)
    assert found["precision_unreviewed"] == pytest.approx(max(precision, 0.9), abs=0.03)
    assert found["precision_unreviewed"] > precision - 0.01  # type: ignore[operator]
    assert 0 < found["review_share"] < 1  # type: ignore[operator]


def test_a_cost_of_reviews_takes_the_place_of_the_precision(options: Training) -> None:
    rows = calibrated(6_000, 1)
    by_cost = fit_decisions(*rows, options.model_copy(update={"review_cost": 0.25}))
    assert by_cost.thresholds.rule == "cost"
    assert by_cost.thresholds.least.tolist() == [0.75] * 4
    found = decision_figures(answered(*rows), by_cost)
    assert found["review_share"] == pytest.approx((rows[0].max(axis=1).astype(float) < 0.75).mean())
    by_precision = fit_decisions(*rows, options)
    assert by_precision.thresholds.rule == "precision"
    assert by_precision.conformal.thresholds.tolist() == by_cost.conformal.thresholds.tolist()


def test_every_figure_is_that_of_the_rows(options: Training) -> None:
    probabilities = np.array([[0.9, 0.05, 0.03, 0.02], [0.6, 0.2, 0.1, 0.1], [0.1, 0.8, 0.05, 0.05], [0.3, 0.4, 0.2, 0.1]])
    scores = answered(probabilities.astype(np.float32), np.array([0, 1, 1, 3]))
    decisions: Decisions = fit_decisions(*calibrated(6_000, 1), options.model_copy(update={"review_cost": 0.35}))
    found = decision_figures(scores, decisions)
    assert set(found) == {
        "set_coverage_asked",
        "set_coverage",
        "set_size",
        "review_share",
        "precision_unreviewed",
        "accuracy_at_coverage",
    }
    sets = [set(own.tolist()) for own in decisions.conformal.sets(scores.probabilities)]
    assert found["set_coverage"] == np.mean([label in own for label, own in zip((0, 1, 1, 3), sets, strict=True)])
    assert found["set_size"] == np.mean([len(own) for own in sets])
    assert found["review_share"] == 0.5, "0.6 and 0.4 are under 0.65"
    assert found["precision_unreviewed"] == 1.0
    # From the surest on: right, right, wrong, wrong.
    assert found["accuracy_at_coverage"] == {"1": 0.5, "0.95": 0.5, "0.9": 0.5, "0.8": pytest.approx(2 / 3), "0.5": 1.0}


def test_where_every_answer_is_reviewed_there_is_no_precision_of_the_others(options: Training) -> None:
    wrong = np.tile(np.array([0.4, 0.3, 0.2, 0.1], np.float32), (50, 1))
    labels = np.full(50, 3)
    decisions = fit_decisions(wrong, labels, options)
    assert decisions.thresholds.least.tolist() == [ALWAYS] * 4
    found = decision_figures(answered(wrong, labels), decisions)
    assert (found["review_share"], found["precision_unreviewed"]) == (1.0, None)
    assert set(found["accuracy_at_coverage"].values()) == {0.0}


def test_a_category_that_the_model_cannot_answer_is_in_no_set(options: Training) -> None:
    probabilities, labels = calibrated(40, 3)
    scores = answered(probabilities, labels)
    decisions = fit_decisions(probabilities, labels, options)
    foreign = Scores(scores.ids, ("z",) * 40, scores.predicted, CODES, probabilities)
    found = decision_figures(foreign, decisions)
    assert (found["set_coverage"], found["accuracy_at_coverage"]["1"]) == (0.0, 0.0)
