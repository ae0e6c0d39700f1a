import numpy as np
import pytest
from scipy.sparse import csr_matrix

from aisle.models.specificity import specificity


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
    generator = np.random.default_rng(0)
    counts = csr_matrix(generator.integers(0, 3, (40, 12)).astype(np.float32))
    assert (specificity(counts, np.arange(40) % 3, 3, 0.0) == 1).all()
