"""Finding out which columns of a matrix are n-grams, and which numbers of images."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse

from aisle.features.sparse import SparseRows
from aisle.models.deep.inputs import NOWHERE, Inputs, present
from aisle.models.family import Floats, Labels, Matrix
from aisle.models.selection import chosen_columns

OFTEN = 0.2
"""A column that is there in more of the rows with an image than this share may be one of the image's."""

_FLAT = 1e-6


def inputs_of(matrix: Matrix, labels: Labels, classes: int, most: int) -> Inputs:
    """Return how a net reads matrices like one.

    A matrix on texts and images ends with a column that is one where there is an image, and image features are the
    columns right before it. Most of them are there for many images or hold negative values, and all are zero where
    there is no image; most n-grams are rare. So image features begin where behind it such columns outnumber others most.

    Args:
        matrix: Features, (rows, columns).
        labels: Each row's class, (rows,).
        classes: How many classes there are.
        most: How many n-grams are chosen at most, those that tell most of the classes.

    Raises:
        TrainingError: No column holds anything.
    """
    if not issparse(matrix):
        every = np.arange(matrix.shape[1], dtype=np.int32)
        return Inputs(np.empty(0, np.int32), every, NOWHERE, *_moments(np.asarray(matrix, np.float32)))
    sparse = csr_matrix(matrix)
    dense, presence = _image_columns(sparse)
    seen = present(SparseRows.of(sparse), presence).astype(bool)
    moments = _moments(np.asarray(sparse[:, dense].toarray()[seen], np.float32))
    ends = np.append(dense, presence)
    chosen = chosen_columns(sparse, labels, classes, most)
    # What is mostly there is chosen beside the `most` that tell most; the image's columns are no n-grams.
    return Inputs(np.setdiff1d(chosen, ends).astype(np.int32), dense, presence, *moments)


def _image_columns(sparse: csr_matrix) -> tuple[NDArray[np.int32], int]:
    width = sparse.shape[1]
    negative = np.bincount(sparse.indices[sparse.data < 0], minlength=width) > 0
    last = sparse.indices == width - 1
    if not last.any() or not (sparse.data[last] == 1).all():
        return np.flatnonzero(negative).astype(np.int32), NOWHERE
    rows = np.repeat(np.arange(sparse.shape[0]), np.diff(sparse.indptr))
    seen = np.zeros(sparse.shape[0], np.bool_)
    seen[rows[last]] = True
    elsewhere = np.bincount(sparse.indices[~seen[rows]], minlength=width) > 0
    often = np.bincount(sparse.indices[seen[rows]], minlength=width) > OFTEN * seen.sum()
    alike = np.where((negative | often) & ~elsewhere, 1, -1)[:-1]
    outnumber = np.cumsum(alike[::-1])
    if not outnumber.size or outnumber.max() <= 0:
        return np.empty(0, np.int32), width - 1
    return np.arange(width - 2 - outnumber.argmax(), width - 1, dtype=np.int32), width - 1


def _moments(numbers: Floats) -> tuple[Floats, Floats]:
    if not numbers.size:
        return np.zeros(numbers.shape[1], np.float32), np.ones(numbers.shape[1], np.float32)
    spread = numbers.std(axis=0, dtype=np.float64)
    scale = 1 / np.where(spread > _FLAT, spread, 1.0)
    return numbers.mean(axis=0, dtype=np.float64).astype(np.float32), scale.astype(np.float32)
