"""Small problems that a classifier can learn, sparse and dense."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack, random_array

from aisle.models.family import Floats, Labels


def sparse_problem(rows: int = 300, columns: int = 40, classes: int = 3, seed: int = 0) -> tuple[csr_matrix, Labels]:
    """Return sparse positive features and labels that depend on them; every class has a row."""
    generator = np.random.default_rng(seed)
    matrix = csr_matrix(random_array((rows, columns), density=0.3, rng=generator, dtype=np.float32))
    truth = 3 * generator.normal(size=(columns, classes))
    labels = (matrix @ truth + generator.gumbel(size=(rows, classes))).argmax(axis=1)
    labels[:classes] = np.arange(classes)
    return matrix, labels


def dense_problem(rows: int = 300, columns: int = 8, classes: int = 3, seed: int = 0) -> tuple[Floats, Labels]:
    """Return dense features around zero and labels that depend on them; every class has a row."""
    generator = np.random.default_rng(seed)
    matrix: Floats = generator.normal(size=(rows, columns)).astype(np.float32)
    labels = (matrix @ generator.normal(size=(columns, classes)) * 3 + generator.gumbel(size=(rows, classes))).argmax(axis=1)
    labels[:classes] = np.arange(classes)
    return matrix, labels


def mixed_problem(rows: int = 300, seed: int = 0) -> tuple[csr_matrix, Labels]:
    """Return sparse columns with dense ones behind them, and labels that depend on both."""
    left, _ = sparse_problem(rows, seed=seed)
    right, labels = dense_problem(rows, seed=seed)
    return hstack([left, csr_matrix(right)], format="csr", dtype=np.float32), labels


def text_problem(rows: int = 400, columns: int = 300, classes: int = 4, seed: int = 0) -> tuple[csr_matrix, Labels]:
    """Return rows like those of TF-IDF: a dozen of many columns, all positive, one in length; each class has its words."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, rows)
    labels[:classes] = np.arange(classes)
    own = generator.permutation(columns)[: 8 * classes].reshape(classes, 8)
    places = generator.integers(0, columns, (rows, 12))
    places[:, :3] = own[labels[:, np.newaxis], generator.integers(0, 8, (rows, 3))]
    values = generator.uniform(0.5, 2, (rows, 12)).astype(np.float32)
    matrix = csr_matrix((values.ravel(), places.ravel(), np.arange(rows + 1) * 12), shape=(rows, columns))
    matrix.sum_duplicates()
    matrix.data /= np.repeat(np.sqrt(np.add.reduceat(matrix.data**2, matrix.indptr[:-1])), np.diff(matrix.indptr))
    return matrix, labels


def rare_problem(seed: int = 0) -> tuple[Floats, Labels]:
    """Return dense features of three classes that overlap, the last one with a fifteenth of the rows of the first."""
    generator = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [300, 200, 20])
    centres = np.array([[0, 0, 0, 0], [1.5, 0, 0, 0], [0, 1.5, 0.5, 0]])
    return (centres[labels] + generator.normal(size=(520, 4))).astype(np.float32), labels


def shares(matrix: csr_matrix | Floats, labels: Labels, scores: Floats) -> NDArray[np.float64]:
    """Return how many rows of each class are answered correctly."""
    return np.array([(scores.argmax(axis=1) == labels)[labels == label].mean() for label in np.unique(labels)])
