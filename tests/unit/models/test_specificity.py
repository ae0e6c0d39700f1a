import numpy as np
import pytest
from scipy.sparse import csr_matrix, random_array
from sklearn.linear_model import LogisticRegression

from aisle.models.logistic import LogisticOptions, fit_logistic, specificity

PLAIN = LogisticOptions(penalty=1.0, balance=0.0, smoothing=0.0, iterations=2_000)


def _problem(rows: int = 300, columns: int = 30, classes: int = 3, seed: int = 0) -> tuple[csr_matrix, np.ndarray]:
    generator = np.random.default_rng(seed)
    matrix = csr_matrix(random_array((rows, columns), density=0.3, rng=generator, dtype=np.float32))
    truth = generator.normal(size=(columns, classes))
    labels = (matrix @ truth + generator.gumbel(size=(rows, classes))).argmax(axis=1)
    labels[:classes] = np.arange(classes)
    return matrix, labels


@pytest.mark.parametrize("penalty", [0.3, 1.0, 10.0])
def test_it_finds_what_scikit_learn_finds(penalty: float) -> None:
    matrix, labels = _problem()
    weights, bias = fit_logistic(
        matrix, labels, 3, LogisticOptions(penalty=penalty, balance=0.0, smoothing=0.0, iterations=2_000)
    )
    theirs = LogisticRegression(C=1 / penalty, tol=1e-8, max_iter=10_000).fit(matrix, labels)
    assert np.allclose(weights.T, theirs.coef_, atol=5e-3)
    assert np.allclose(bias - bias.mean(), theirs.intercept_ - theirs.intercept_.mean(), atol=5e-3)


def test_full_balance_is_scikit_learns_balanced() -> None:
    matrix, labels = _problem()
    labels[labels == 2] = np.where(np.arange((labels == 2).sum()) < 5, 2, 0)
    weights, _ = fit_logistic(matrix, labels, 3, LogisticOptions(penalty=1.0, balance=1.0, smoothing=0.0, iterations=2_000))
    theirs = LogisticRegression(C=1, class_weight="balanced", tol=1e-8, max_iter=10_000).fit(matrix, labels)
    assert np.allclose(weights.T, theirs.coef_, atol=5e-3)


def test_smoothing_pulls_the_scores_together() -> None:
    matrix, labels = _problem()
    plain, _ = fit_logistic(matrix, labels, 3, PLAIN)
    smooth, _ = fit_logistic(matrix, labels, 3, LogisticOptions(1.0, 0.0, 0.3, 2_000))
    assert np.linalg.norm(smooth) < 0.9 * np.linalg.norm(plain)


def test_without_columns_that_tell_the_intercepts_are_the_shares() -> None:
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    _, bias = fit_logistic(csr_matrix((100, 4), dtype=np.float32), labels, 3, PLAIN)
    shares = np.exp(bias) / np.exp(bias).sum()
    assert np.allclose(shares, [0.6, 0.3, 0.1], atol=1e-3)


def test_the_outcome_is_the_same_every_time() -> None:
    matrix, labels = _problem(rows=500, columns=800)
    first, second = (fit_logistic(matrix, labels, 3, LogisticOptions()) for _ in range(2))
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1].tobytes() == second[1].tobytes()
    assert first[0].dtype == first[1].dtype == np.float32


def test_a_column_of_one_class_counts_most_and_one_of_all_alike_least() -> None:
    # Columns: only class 0; every row; only half of each class; nobody.
    counts = csr_matrix(np.array([[3, 1, 1, 0], [1, 1, 0, 0], [0, 2, 1, 0], [0, 1, 0, 0]], np.float32))
    weights = specificity(counts, np.array([0, 0, 1, 1]), 2, 2.0)
    assert weights[1] == weights[2] == pytest.approx(1)
    assert 2 < weights[0] < 3
    assert np.isfinite(weights).all()


def test_a_large_class_does_not_own_a_column_by_its_size() -> None:
    # Nine of ten rows are of class 0; the column is in the same share of either class.
    labels = np.repeat([0, 1], [90, 10])
    column = np.tile([1, 0], 50).astype(np.float32)[:, np.newaxis]
    assert specificity(csr_matrix(column), labels, 2, 5.0)[0] == pytest.approx(1, abs=1e-6)


def test_without_strength_every_column_counts_alike() -> None:
    matrix, labels = _problem()
    assert (specificity(matrix, labels, 3, 0.0) == 1).all()
