"""The forest as it answers: trees as flat arrays in preorder, walked by compiled code; nothing that fits is imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.features.ngrams import compiled
from aisle.features.sparse import SparseRows, columns_of, entries, row_blocks
from aisle.models.family import Asked, Files, Floats
from aisle.models.weights import array_bytes, damaged, stored_arrays, wrong_kind

KIND = "forest"
"""What it is called in a bundle's schema."""

TREES = "trees.npz"
"""The file of its arrays."""

LEAF = np.iinfo(np.uint16).max
"""What stands for a column at a leaf."""

_STORED = {
    "columns": np.int32,
    "roots": np.int32,
    "features": np.uint16,
    "thresholds": np.float32,
    "sizes": np.uint16,
    "leaf_classes": np.uint16,
    "leaf_shares": np.uint8,
}
_SMOOTHING = np.float32(0.01)
_BLOCK = 4_096


@dataclass(frozen=True)
class ForestScorer:
    """A fitted forest; several threads may use it at once.

    Args:
        classes: How many classes there are.
        columns: The columns that it looks at, rising, (used,).
        roots: The first node of each tree, (trees,).
        features: Which of the used columns each node asks for; `LEAF` at a leaf, (nodes,). The nodes of a tree follow each
            other in preorder: what is not above the threshold first, then what is.
        thresholds: What the values of inner nodes are compared with, (inner nodes,).
        sizes: How many classes each leaf holds, (leaves,).
        leaf_classes: The classes of all leaves, one after the other.
        leaf_shares: Their shares, in 255ths of the leaf's largest.
    """

    classes: int
    columns: NDArray[np.int32]
    roots: NDArray[np.int32]
    features: NDArray[np.uint16]
    thresholds: Floats
    sizes: NDArray[np.uint16]
    leaf_classes: NDArray[np.uint16]
    leaf_shares: NDArray[np.uint8]

    @property
    def kind(self) -> str:
        """What it is called in a bundle's schema."""
        return KIND

    def probabilities(self, matrix: Asked) -> Floats:
        """Return the mean of the leaves' shares over the trees, (rows, classes).

        Args:
            matrix: Features as in the fit, (rows, columns).
        """
        return np.concatenate([self._walk(block) for block in row_blocks(matrix, _BLOCK)])

    def scores(self, matrix: Asked) -> Floats:
        """Return the logarithms of the probabilities, of which a hundredth is spread over all classes, (rows, classes).

        Args:
            matrix: Features as in the fit, (rows, columns).
        """
        scores: Floats = np.log(self.probabilities(matrix) * (1 - _SMOOTHING) + _SMOOTHING / self.classes)
        return scores

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return what a schema says of it, as JSON, and its files' bytes by name."""
        arrays = {name: getattr(self, name) for name in _STORED}
        return {"kind": KIND, "trees": int(self.roots.size)}, {TREES: array_bytes(arrays)}

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], files: Files, columns: int, classes: int) -> "ForestScorer":
        """Return the forest that `to_parts` gave.

        Args:
            settings: What the schema says of it.
            files: Its files.
            columns: How many features there are.
            classes: How many classes there are.

        Raises:
            BundleError: A part is missing, or is not such as `to_parts` gives.
        """
        if settings.get("kind") != KIND:
            raise wrong_kind(settings, KIND)
        arrays = stored_arrays(files, TREES, _STORED)
        if any(array.ndim != 1 for array in arrays.values()):
            raise damaged(TREES, "holds what is no list")
        forest = cls(classes, **arrays)
        forest._check(columns)
        if settings.get("trees") != forest.roots.size:
            raise damaged(TREES, f"holds {forest.roots.size} trees instead of {settings.get('trees')}")
        return forest

    def _check(self, columns: int) -> None:
        inner = self.features != LEAF
        used = self.columns
        sound = (
            bool(np.all(np.diff(used) > 0) and np.all((used >= 0) & (used < columns)))
            and self.roots.size > 0
            and bool(np.all(self.features[inner] < used.size))
            and self.thresholds.size == np.count_nonzero(inner)
            and bool(np.isfinite(self.thresholds).all())
            and self.sizes.size == self.features.size - self.thresholds.size
            and self.leaf_classes.size == self.leaf_shares.size == int(self.sizes.sum(dtype=np.int64))
            and bool(np.all(self.leaf_classes < self.classes))
            and bool(np.all(self.sizes > 0) and np.all(self.leaf_shares > 0))
        )
        if not sound or not _is_forest(inner, self.roots):
            raise damaged(TREES, "holds no forest")

    @cached_property
    def _laid_out(self) -> tuple[Any, ...]:
        """The arrays as the walk takes them: what preorder and sizes only imply is written out."""
        inner = self.features != LEAF
        right = _right_children(inner)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.sizes, dtype=np.int64)])
        shares = self.leaf_shares.astype(np.float32)
        shares /= np.repeat(np.add.reduceat(shares, starts[:-1]), self.sizes)
        # The leaf's number stands where an inner node has its right child.
        right[~inner] = np.arange(self.sizes.size, dtype=np.int32)
        thresholds = np.zeros(inner.size, np.float32)
        thresholds[inner] = self.thresholds
        return self.roots, self.features, thresholds, right, starts, self.leaf_classes, shares

    def _walk(self, block: SparseRows | Floats) -> Floats:
        picked = columns_of(block, self.columns)
        found: Floats = _walk_trees(*entries(picked), isinstance(picked, np.ndarray), self.classes, *self._laid_out)
        return found


@compiled
def _is_forest(inner: NDArray[np.bool_], roots: NDArray[np.int32]) -> bool:
    """Whether trees in preorder begin at just these nodes, and the last one ends with the last node."""
    tree, open_ends = 0, 0
    for node in range(inner.size):
        if open_ends == 0:
            if tree == roots.size or roots[tree] != node:
                return False
            tree += 1
            open_ends = 1
        open_ends += 1 if inner[node] else -1
    return tree == roots.size and open_ends == 0


@compiled
def _right_children(inner: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the second child of each inner node: in preorder, the node after all of its first child's."""
    right = np.zeros(inner.size, np.int32)
    waiting = np.empty(inner.size, np.int32)
    depth = 0
    for node in range(inner.size):
        if inner[node]:
            waiting[depth] = node
            depth += 1
        elif depth:
            # A leaf ends a branch: the node that waits for its second child gets the next one.
            depth -= 1
            right[waiting[depth]] = node + 1
    return right


@compiled
def _walk_trees(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: Floats,
    width: int,
    dense: bool,
    classes: int,
    roots: NDArray[np.int32],
    features: NDArray[np.uint16],
    thresholds: Floats,
    right: NDArray[np.int32],
    starts: NDArray[np.int64],
    leaf_classes: NDArray[np.uint16],
    shares: Floats,
) -> Floats:
    rows = indptr.size - 1
    found = np.zeros((rows, classes), np.float32)
    spread = np.zeros(width, np.float32)
    for row in range(rows):
        first, last = indptr[row], indptr[row + 1]
        if not dense:
            for at in range(first, last):
                spread[indices[at]] = values[at]
        line = values[first:last] if dense else spread
        for tree in range(roots.size):
            node = np.int64(roots[tree])
            while features[node] != LEAF:
                node = np.int64(right[node]) if line[features[node]] > thresholds[node] else node + 1
            leaf = right[node]
            for at in range(starts[leaf], starts[leaf + 1]):
                found[row, leaf_classes[at]] += shares[at]
        if not dense:
            for at in range(first, last):
                spread[indices[at]] = 0
    found /= np.float32(roots.size)
    return found
