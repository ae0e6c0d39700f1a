"""Fitting the forest on any features: each tree by a thread, its random numbers its own."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse

from aisle.errors import TrainingError
from aisle.models.dual import importance
from aisle.models.family import Floats, Labels, Matrix
from aisle.models.forest import LEAF, ForestScorer
from aisle.models.options import ForestOptions
from aisle.models.selection import chosen_columns, dense_columns
from aisle.models.trees import Grown, grow


def fit(matrix: Matrix, labels: Labels, classes: int, options: ForestOptions, *, seed: int, jobs: int) -> ForestScorer:
    """Fit a forest.

    Args:
        matrix: Features, (rows, columns).
        labels: Each row's class, (rows,), from 0.
        classes: How many classes there are.
        options: What the fit is steered by.
        seed: Of the random numbers.
        jobs: How many threads share the trees; the outcome does not depend on it.

    Raises:
        TrainingError: No column holds anything, or there are more columns or classes than a forest can hold.
    """
    columns = chosen_columns(matrix, labels, classes, options.columns)
    if max(columns.size, classes) >= LEAF:
        raise TrainingError(
            f"A forest cannot hold {columns.size} features and {classes} classes.", hint=f"Use fewer than {LEAF} of each."
        )
    sparse, dense, names = _split(matrix, columns)
    indptr, indices = sparse.indptr.astype(np.int64), sparse.indices.astype(np.int32)
    counts, targets = importance(labels, classes, options.balance), labels.astype(np.int32)
    seeds = np.random.default_rng(seed).integers(1, 2**62, options.trees)

    def tree(number: int) -> Grown:
        grown: Grown = grow(
            indptr,
            indices,
            dense,
            names,
            targets,
            counts,
            sparse.shape[1],
            classes,
            options.tries,
            options.leaf,
            int(seeds[number]),
        )
        return grown

    with ThreadPoolExecutor(jobs) as pool:
        return _packed(classes, columns, list(pool.map(tree, range(options.trees))))


def _split(matrix: Matrix, columns: NDArray[np.int32]) -> tuple[csr_matrix, Floats, NDArray[np.int32]]:
    """Return the chosen columns' sparse part, as wide as all of them, their dense part, and the places of its columns."""
    if not issparse(matrix):
        nothing = csr_matrix((matrix.shape[0], 0), dtype=np.float32)
        return nothing, np.ascontiguousarray(np.asarray(matrix).T, np.float32), np.arange(columns.size, dtype=np.int32)
    picked = csr_matrix(matrix)[:, columns]
    picked.sort_indices()
    places = dense_columns(picked)
    dense = picked[:, places].toarray(order="F").T.astype(np.float32, copy=False)
    # The dense columns stay as names, with nothing in them: the places of the sparse ones are those among all.
    kept = np.ones(columns.size, np.float32)
    kept[places] = 0
    picked.data = picked.data * kept[picked.indices]
    picked.eliminate_zeros()
    return picked, dense, places


def _packed(classes: int, columns: NDArray[np.int32], trees: list[Grown]) -> ForestScorer:
    """Return grown trees as the arrays that are saved: only used columns, shares in 255ths of each leaf's largest."""
    features = np.concatenate([tree[0] for tree in trees])
    inner = features >= 0
    used = np.unique(features[inner])
    places = np.full(columns.size, LEAF, np.uint16)
    places[used] = np.arange(used.size, dtype=np.uint16)
    lengths = [tree[0].size for tree in trees]
    sizes, leaf_classes, leaf_shares = [], [], []
    for _, _, starts, kinds, shares in trees:
        leaves = np.repeat(np.arange(starts.size - 1), np.diff(starts))
        largest = np.maximum.reduceat(shares, starts[:-1])[leaves]
        quantised = np.rint(shares / largest * 255).astype(np.uint8)
        kept = quantised > 0
        sizes.append(np.bincount(leaves[kept], minlength=starts.size - 1))
        leaf_classes.append(kinds[kept])
        leaf_shares.append(quantised[kept])
    return ForestScorer(
        classes=classes,
        columns=columns[used],
        roots=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[:-1])]).astype(np.int32),
        features=np.where(inner, places[features], LEAF).astype(np.uint16),
        thresholds=np.concatenate([tree[1] for tree in trees])[inner],
        sizes=np.concatenate(sizes).astype(np.uint16),
        leaf_classes=np.concatenate(leaf_classes).astype(np.uint16),
        leaf_shares=np.concatenate(leaf_shares),
    )
