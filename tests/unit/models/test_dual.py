import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from aisle.models import logistic_fit, svm_fit
from aisle.models.dual import importance, mean_square, solve_hinge, solve_softmax
from aisle.models.options import LogisticOptions, SvmOptions
from tests.unit.models.problems import dense_problem, sparse_problem


@pytest.mark.parametrize("penalty", [0.3, 3.0])
@pytest.mark.parametrize("dense", [False, True])
def test_softmax_finds_what_scikit_learn_finds(penalty: float, dense: bool) -> None:
    matrix, labels = sparse_problem()
    ones = np.ones(len(labels), np.float32)
    taken = matrix.toarray() if dense else matrix
    weights, bias = solve_softmax(taken, labels, 3, counts=ones, penalty=penalty, smoothing=0.0, passes=300, seed=1)
    # Theirs with the intercept as one more column, penalised like the others.
    wide = np.concatenate([matrix.toarray(), ones[:, np.newaxis]], axis=1)
    theirs = LogisticRegression(C=1 / penalty, tol=1e-8, max_iter=10_000, fit_intercept=False).fit(wide, labels)
    assert np.allclose(weights.T, theirs.coef_[:, :-1], atol=5e-3)
    assert np.allclose(bias, theirs.coef_[:, -1], atol=5e-3)


@pytest.mark.parametrize("cost", [0.1, 1.0])
@pytest.mark.parametrize("dense", [False, True])
def test_hinge_finds_what_liblinear_finds(cost: float, dense: bool) -> None:
    matrix, labels = sparse_problem()
    counts = importance(labels, 3, 0.5)
    taken = matrix.toarray() if dense else matrix
    weights, bias = solve_hinge(taken, labels, slice(0, 3), counts=counts, cost=cost, passes=500, seed=1)
    theirs = LinearSVC(C=cost, tol=1e-7, max_iter=100_000).fit(matrix, labels, sample_weight=counts)
    assert np.allclose(weights.T, theirs.coef_, atol=1e-2)
    assert np.allclose(bias, theirs.intercept_, atol=1e-2)


def test_smoothing_pulls_the_scores_together() -> None:
    matrix, labels = sparse_problem()
    plain = logistic_fit.fit(matrix, labels, 3, LogisticOptions(smoothing=0.0), seed=0, jobs=1)
    smooth = logistic_fit.fit(matrix, labels, 3, LogisticOptions(smoothing=0.3), seed=0, jobs=1)
    assert np.linalg.norm(smooth.weights) < 0.9 * np.linalg.norm(plain.weights)


def test_importance_goes_from_rows_alike_to_classes_alike() -> None:
    labels = np.repeat([0, 1, 3], [60, 30, 10])
    assert importance(labels, 5, 0.0).tolist() == [1.0] * 100
    full = importance(labels, 5, 1.0)
    assert [full[labels == label].sum() for label in (0, 1, 3)] == pytest.approx([100 / 3] * 3, rel=1e-5)
    half = importance(labels, 5, 0.5)
    assert half[99] / half[0] == pytest.approx(6**0.5, rel=1e-5)


def test_features_all_larger_ask_for_the_same_options() -> None:
    matrix, labels = dense_problem()
    assert mean_square(2 * matrix) == pytest.approx(4 * mean_square(matrix))
    for module, options in ((logistic_fit, LogisticOptions(passes=200)), (svm_fit, SvmOptions(passes=200))):
        one = module.fit(matrix, labels, 3, options, seed=0, jobs=1).scores(matrix)
        # Not quite the same: the intercept's column stays one.
        other = module.fit(4 * matrix, labels, 3, options, seed=0, jobs=1).scores(4 * matrix)
        assert (one.argmax(axis=1) == other.argmax(axis=1)).mean() > 0.97


def test_the_outcome_does_not_depend_on_threads_and_is_the_same_twice() -> None:
    matrix, labels = sparse_problem(rows=400, classes=70)
    first, second = (svm_fit.fit(matrix, labels, 70, SvmOptions(), seed=3, jobs=jobs) for jobs in (1, 3))
    assert first.to_parts() == second.to_parts()
    first, second = (logistic_fit.fit(matrix, labels, 70, LogisticOptions(), seed=3, jobs=jobs) for jobs in (1, 3))
    assert first.to_parts() == second.to_parts()


def test_classes_beyond_the_first_lanes_are_learnt_too() -> None:
    labels = np.repeat(np.arange(40), 5)
    matrix = np.eye(40, dtype=np.float32)[labels]
    for module, options in ((logistic_fit, LogisticOptions()), (svm_fit, SvmOptions())):
        scorer = module.fit(matrix, labels, 40, options, seed=0, jobs=2)
        assert scorer.weights.shape == (40, 40)
        assert (scorer.scores(matrix).argmax(axis=1) == labels).all()


def test_rows_without_anything_are_no_trouble() -> None:
    labels = np.repeat([0, 1], [80, 20])
    for module, options in ((logistic_fit, LogisticOptions(balance=0.0)), (svm_fit, SvmOptions(balance=0.0))):
        scorer = module.fit(np.zeros((100, 4), np.float32), labels, 2, options, seed=0, jobs=1)
        assert not scorer.weights.any()
        assert scorer.bias[0] > scorer.bias[1]
