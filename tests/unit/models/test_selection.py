import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.feature_selection import chi2

from aisle.errors import TrainingError
from aisle.models.selection import chosen_columns, dense_columns
from tests.unit.models.problems import dense_problem, mixed_problem, sparse_problem, text_problem


def plainly(matrix: np.ndarray, labels: np.ndarray, classes: int, most: int) -> list[int]:
    """Choose in plain Python: the statistic of each column that is not dense, by its definition."""
    rows, columns = matrix.shape
    dense, statistics = [], {}
    for column in range(columns):
        values = matrix[:, column].astype(float)
        if (values != 0).sum() > rows / 2 or (values < 0).any():
            dense.append(column)
        elif values.sum() > 0:
            total = 0.0
            for label in range(classes):
                expected = values.sum() * (labels == label).sum() / rows
                if expected > 0:
                    total += (values[labels == label].sum() - expected) ** 2 / expected
            statistics[column] = total
    best = sorted(statistics, key=lambda column: -statistics[column])[:most]
    return sorted({*best, *dense})


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(2, 6))
def test_the_choice_is_that_of_the_definition(seed: int, most: int, classes: int) -> None:
    generator = np.random.default_rng(seed)
    matrix = (generator.random((40, 30)) * (generator.random((40, 30)) < generator.random(30) * 0.8)).astype(np.float32)
    matrix[:, 3] *= -1
    labels = generator.integers(0, classes, 40)
    found = chosen_columns(csr_matrix(matrix), labels, classes, most)
    assert found.dtype == np.int32
    assert found.tolist() == plainly(matrix, labels, classes, most)


def test_the_statistic_is_scikit_learns() -> None:
    matrix, labels = sparse_problem(columns=60, classes=5)
    statistic, _ = chi2(matrix, labels)
    for most in (1, 7, 30):
        assert chosen_columns(matrix, labels, 5, most).tolist() == sorted(np.argsort(-statistic)[:most].tolist())


def test_the_words_of_the_classes_are_chosen_first() -> None:
    matrix, labels = text_problem(600, classes=4)
    found = set(chosen_columns(matrix, labels, 4, 32).tolist())
    own = np.random.default_rng(0)
    own.integers(0, 4, 600)
    assert found == set(own.permutation(300)[:32].tolist())


def test_dense_columns_come_on_top_of_the_sparse_ones() -> None:
    matrix, labels = mixed_problem()
    assert dense_columns(matrix).tolist() == list(range(40, 48))
    found = chosen_columns(matrix, labels, 3, 5)
    assert found.size == 13
    assert set(range(40, 48)) < set(found.tolist())


def test_a_dense_matrix_is_taken_whole() -> None:
    matrix, labels = dense_problem()
    assert chosen_columns(matrix, labels, 3, 1).tolist() == list(range(8))


def test_columns_of_nothing_are_never_chosen() -> None:
    matrix = csr_matrix(np.array([[1, 0, 0], [0, 0, 2], [0, 0, 0], [0, 0, 0]], np.float32))
    assert chosen_columns(matrix, np.array([0, 1, 0, 1]), 2, 10).tolist() == [0, 2]
    # Nor are zeros that are stored.
    matrix.data[0] = 0
    assert chosen_columns(matrix, np.array([0, 1, 0, 1]), 2, 10).tolist() == [2]


def test_of_columns_that_tell_alike_the_first_are_chosen() -> None:
    matrix = csr_matrix(np.tile(np.array([[1], [0], [0], [0]], np.float32), 6))
    assert chosen_columns(matrix, np.array([0, 1, 0, 1]), 2, 3).tolist() == [0, 1, 2]


def test_classes_without_rows_do_not_matter() -> None:
    matrix, labels = sparse_problem()
    assert np.array_equal(chosen_columns(matrix, labels, 3, 9), chosen_columns(matrix, 2 * labels, 9, 9))


def test_nothing_anywhere_is_refused() -> None:
    with pytest.raises(TrainingError, match="No feature of any row"):
        chosen_columns(csr_matrix((5, 4), dtype=np.float32), np.arange(5) % 2, 2, 3)
