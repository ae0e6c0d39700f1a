import numpy as np
import pytest

from aisle.models import svm_fit
from aisle.models.dual import LANES, importance, mean_square
from aisle.models.options import SvmOptions
from tests.unit.models.problems import dense_problem, sparse_problem, text_problem


def objective(scorer, matrix, labels, options: SvmOptions) -> np.ndarray:
    """Return what the fit minimises for each class, by its definition."""
    classes = scorer.bias.size
    sides = np.where(labels[:, np.newaxis] == np.arange(classes), 1, -1)
    counts = importance(labels, classes, options.balance)[:, np.newaxis]
    margins = np.maximum(1 - sides * scorer.scores(matrix), 0)
    cost = options.cost / mean_square(matrix)
    return (np.square(scorer.weights).sum(axis=0) + scorer.bias**2) / 2 + cost * (counts * margins**2).sum(axis=0)


@pytest.mark.parametrize("options", [SvmOptions(), SvmOptions(0.05, 1.0), SvmOptions(2.0, 0.0)])
@pytest.mark.parametrize("problem", [dense_problem, sparse_problem, text_problem])
def test_the_default_passes_end_near_the_least(problem, options: SvmOptions) -> None:
    matrix, labels = problem(300)
    classes = int(labels.max()) + 1
    few = objective(svm_fit.fit(matrix, labels, classes, options, seed=0, jobs=1), matrix, labels, options)
    long = SvmOptions(options.cost, options.balance, passes=1_000)
    best = objective(svm_fit.fit(matrix, labels, classes, long, seed=1, jobs=1), matrix, labels, options)
    assert (few < 1.02 * best).all()
    assert (few > 0.999 * best).all()


def test_each_class_is_fitted_as_if_alone() -> None:
    matrix, labels = text_problem(300, classes=3)
    every = svm_fit.fit(matrix, labels, 3, SvmOptions(passes=300, balance=0.0), seed=0, jobs=1)
    for label in range(3):
        alone = svm_fit.fit(
            matrix, (labels == label).astype(np.intp), 2, SvmOptions(passes=300, balance=0.0), seed=0, jobs=1
        )
        # Each rounds to steps of its own: half a step of either may lie between them.
        steps = (every.model.steps + alone.model.steps) / 2
        assert (np.abs(every.weights[:, label] - alone.weights[:, 1]) <= 5e-3 + steps).all()
        # Of two classes, each against the other: one is the other turned round.
        assert np.allclose(alone.weights[:, 0], -alone.weights[:, 1], atol=5e-3)


@pytest.mark.parametrize("classes", [LANES - 1, LANES, LANES + 1, 2 * LANES + 5])
def test_classes_lie_in_their_order_whatever_the_lanes(classes: int) -> None:
    labels = np.tile(np.arange(classes), 3)
    matrix = np.eye(classes, dtype=np.float32)[labels]
    scorer = svm_fit.fit(matrix, labels, classes, SvmOptions(), seed=0, jobs=2)
    assert scorer.scores(matrix).shape == (3 * classes, classes)
    assert (scorer.scores(matrix).argmax(axis=1) == labels).all()
