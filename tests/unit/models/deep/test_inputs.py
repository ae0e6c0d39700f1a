import numpy as np
import pytest
from scipy.sparse import csr_matrix

from aisle.errors import TrainingError
from aisle.models.deep.inputs import NOWHERE
from aisle.models.deep.inputs_fit import inputs_of
from tests.unit.models.deep.nets import both_problem
from tests.unit.models.problems import dense_problem, mixed_problem, sparse_problem


def test_texts_are_n_grams_alone() -> None:
    matrix, labels = sparse_problem()
    inputs = inputs_of(matrix, labels, 3, 25)
    assert (inputs.columns.size, inputs.dense.size, inputs.presence) == (25, 0, NOWHERE)
    grams, numbers, present = inputs.split(matrix)
    assert np.array_equal(grams.filled(), matrix.toarray()[:, inputs.columns])
    assert numbers.shape == (300, 0)
    assert present.all()


def test_images_are_numbers_alone_and_standardised() -> None:
    matrix, labels = dense_problem()
    grams, numbers, present = inputs_of(3 * matrix + 5, labels, 3, 25).split(3 * matrix + 5)
    assert grams.shape == (300, 0)
    assert np.allclose(numbers.mean(axis=0), 0, atol=1e-4)
    assert np.allclose(numbers.std(axis=0), 1, atol=1e-4)
    assert present.all()


def test_beside_n_grams_the_columns_of_the_images_are_found() -> None:
    matrix, labels = both_problem()
    inputs = inputs_of(matrix, labels, 3, 100)
    assert inputs.columns.tolist() == list(range(40))
    assert inputs.dense.tolist() == list(range(40, 48))
    assert inputs.presence == 48
    _, numbers, present = inputs.split(matrix)
    seen = matrix.toarray()[:, 48] > 0
    assert np.array_equal(present > 0, seen)
    assert np.allclose(numbers[seen].mean(axis=0), 0, atol=1e-4)
    assert np.allclose(numbers[seen].std(axis=0), 1, atol=1e-4)


def test_images_of_positive_numbers_are_found_too() -> None:
    matrix, labels = both_problem()
    positive = abs(matrix)
    assert inputs_of(positive, labels, 3, 100).dense.tolist() == list(range(40, 48))


def test_negative_columns_without_a_sign_of_images_are_numbers() -> None:
    matrix, labels = mixed_problem()
    inputs = inputs_of(matrix, labels, 3, 100)
    assert inputs.dense.tolist() == list(range(40, 48))
    assert inputs.presence == NOWHERE


def test_a_number_that_never_changes_stays_a_number() -> None:
    matrix, labels = dense_problem()
    matrix[:, 2] = 4
    _, numbers, _ = inputs_of(matrix, labels, 3, 1).split(matrix)
    assert not numbers[:, 2].any()


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(TrainingError, match="No feature"):
        inputs_of(csr_matrix((5, 4), dtype=np.float32), np.array([0, 1, 0, 1, 0]), 2, 10)
