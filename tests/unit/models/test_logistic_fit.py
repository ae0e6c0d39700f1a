import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from aisle.models import logistic_fit
from aisle.models.dual import importance, mean_square
from aisle.models.options import LogisticOptions
from tests.unit.models.problems import dense_problem, sparse_problem, text_problem


def loss(weights: np.ndarray, bias: np.ndarray, matrix, labels, options: LogisticOptions) -> float:
    """Return what the fit minimises, by its definition."""
    classes = bias.size
    targets = np.full((labels.size, classes), options.smoothing / classes)
    targets[np.arange(labels.size), labels] += 1 - options.smoothing
    counts = importance(labels, classes, options.balance).astype(np.float64)
    penalty = options.penalty * mean_square(matrix)
    fit = -(counts[:, np.newaxis] * targets * log_softmax(matrix @ weights + bias, axis=1)).sum()
    return float(fit + penalty / 2 * (np.square(weights).sum() + np.square(bias).sum()))


@pytest.mark.parametrize("options", [LogisticOptions(), LogisticOptions(1.0, 1.0, 0.3), LogisticOptions(0.02, 0.0, 0.0)])
@pytest.mark.parametrize("problem", [dense_problem, sparse_problem])
def test_the_default_passes_end_near_the_least_loss(problem, options: LogisticOptions) -> None:
    matrix, labels = problem(200)
    columns = matrix.shape[1]
    found = logistic_fit.fit(matrix, labels, 3, options, seed=0, jobs=1)
    wide = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()

    def of(flat: np.ndarray) -> float:
        return loss(flat[:-3].reshape(columns, 3), flat[-3:], wide, labels, options)

    best = minimize(of, np.concatenate([found.weights.ravel(), found.bias]).astype(np.float64), method="L-BFGS-B").fun
    nothing = of(np.zeros(3 * columns + 3))
    ours = loss(found.weights, found.bias, wide, labels, options)
    # Of all that can be won over no weights, less than a hundredth is left.
    assert best <= ours < best + 0.01 * (nothing - best)


def test_more_passes_never_lose_much_and_stop_by_themselves() -> None:
    matrix, labels = text_problem(400)
    losses = []
    for passes in (1, 3, 10, 40, 400):
        options = LogisticOptions(passes=passes)
        own = logistic_fit.fit(matrix, labels, 4, options, seed=0, jobs=1)
        losses.append(loss(own.weights, own.bias, matrix, labels, options))
    assert losses[0] > losses[1] > losses[2]
    assert losses[3] == pytest.approx(losses[2], rel=1e-3)
    assert losses[4] == pytest.approx(losses[3], rel=1e-5)


def test_a_stronger_penalty_makes_smaller_weights() -> None:
    matrix, labels = text_problem(400)
    sizes = [
        np.linalg.norm(logistic_fit.fit(matrix, labels, 4, LogisticOptions(penalty=p), seed=0, jobs=1).weights)
        for p in (0.03, 0.3, 3.0)
    ]
    assert sizes[0] > 1.2 * sizes[1] > 1.44 * sizes[2]


def test_smoothed_targets_keep_the_answers_from_certainty() -> None:
    matrix, labels = text_problem(400)
    certain = []
    for smoothing in (0.0, 0.5):
        options = LogisticOptions(penalty=1e-4, smoothing=smoothing, passes=100)
        scores = logistic_fit.fit(matrix, labels, 4, options, seed=0, jobs=1).scores(matrix)
        certain.append(np.exp(log_softmax(scores, axis=1)).max(axis=1).mean())
    assert certain[0] > 0.97
    # Half of each target is spread over four classes: five eighths are left to the row's own.
    assert certain[1] == pytest.approx(0.625, abs=0.05)
