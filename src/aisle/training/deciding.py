"""Choosing and judging what a bundle decides by: prediction sets and review thresholds."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from aisle.models.conformal import covered, fit_conformal
from aisle.models.decisions import Decisions
from aisle.models.family import Floats, Labels
from aisle.models.thresholds import thresholds_by_cost
from aisle.models.thresholds_fit import coverage_curve, fit_thresholds
from aisle.settings import Training
from aisle.training.metrics import Scores

_COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.5)


def fit_decisions(probabilities: Floats, labels: Labels, options: Training) -> Decisions:
    """Choose prediction sets and review thresholds.

    Args:
        probabilities: Of rows that the model has not learnt from, (rows, classes).
        labels: Each row's class, (rows,).
        options: The coverage, and the precision or the cost of a review.
    """
    if options.review_cost:
        thresholds = thresholds_by_cost(probabilities.shape[1], wrong=1.0, review=options.review_cost)
    else:
        thresholds = fit_thresholds(probabilities, labels, precision=options.precision)
    return Decisions(fit_conformal(probabilities, labels, coverage=options.coverage), thresholds)


def decision_figures(scores: Scores, decisions: Decisions) -> Mapping[str, Any]:
    """Return how the rules do on rows whose categories are known, as JSON.

    Args:
        scores: The answers, of at least one row.
        decisions: The rules.
    """
    place = {code: position for position, code in enumerate(scores.codes)}
    labels = np.array([place.get(code, -1) for code in scores.correct], dtype=np.intp)
    sets = decisions.conformal.sets(scores.probabilities)
    answered = scores.probabilities.argmax(axis=1)
    confidence = scores.probabilities.max(axis=1)
    hits = answered == labels
    reviewed = decisions.thresholds.review(answered, confidence)
    curve = coverage_curve(confidence, hits)
    return {
        "set_coverage_asked": decisions.conformal.coverage,
        "set_coverage": float(covered(sets, labels).mean()),
        "set_size": float(np.mean([len(own) for own in sets])),
        "review_share": float(reviewed.mean()),
        "precision_unreviewed": float(hits[~reviewed].mean()) if (~reviewed).any() else None,
        "accuracy_at_coverage": {
            f"{share:g}": float(curve.accuracy[max(round(share * len(hits)), 1) - 1]) for share in _COVERAGES
        },
    }
