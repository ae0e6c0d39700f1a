"""Gradient boosting as it answers: XGBoost's own model file, whose trees are walked by compiled code; XGBoost only fits."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.errors import BundleError
from aisle.features.ngrams import compiled
from aisle.features.sparse import SparseRows, columns_of, entries, row_blocks
from aisle.models.boosting_trees import BoostedTrees, read_trees
from aisle.models.family import Asked, Files, Floats
from aisle.models.weights import array_bytes, damaged, stored_arrays, wrong_kind

KIND = "boosting"
"""What it is called in a bundle's schema."""

MODEL = "model.ubj"
"""The file of its trees, in XGBoost's universal binary JSON."""

COLUMNS = "columns.npz"
"""The file of the columns that it looks at."""

_STORED = {"columns": np.int32}
_BLOCK = 4_096


@dataclass(frozen=True)
class BoostingScorer:
    """A fitted gradient boosting; several threads may use it at once.

    Args:
        columns: The columns that it looks at, rising.
        model: XGBoost's model file.
    """

    columns: NDArray[np.int32]
    model: bytes

    @property
    def kind(self) -> str:
        """What it is called in a bundle's schema."""
        return KIND

    def scores(self, matrix: Asked) -> Floats:
        """Return the sums of the trees' leaves, (rows, classes).

        Args:
            matrix: Features as in the fit, (rows, columns).
        """
        trees = self._trees
        return np.concatenate([self._walk(block, trees) for block in row_blocks(matrix, _BLOCK)])

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return what a schema says of it, as JSON, and its files' bytes by name."""
        return {"kind": KIND}, {MODEL: self.model, COLUMNS: array_bytes({"columns": self.columns})}

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], files: Files, columns: int, classes: int) -> "BoostingScorer":
        """Return the classifier that `to_parts` gave.

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
        chosen = stored_arrays(files, COLUMNS, _STORED)["columns"]
        if not (
            chosen.ndim == 1 and chosen.size and chosen[0] >= 0 and chosen[-1] < columns and (np.diff(chosen) > 0).all()
        ):
            raise damaged(COLUMNS, f"holds what are no columns among {columns}")
        if MODEL not in files:
            raise BundleError(f"The classifier has no {MODEL}.", hint="Fetch the bundle again, or train again.")
        scorer = cls(chosen, files[MODEL])
        try:
            trees = scorer._trees
        except ValueError as error:
            raise damaged(MODEL, str(error)) from error
        if (trees.features, trees.classes) != (chosen.size, classes):
            raise damaged(
                MODEL, f"is of {trees.features} features and {trees.classes} classes instead of {chosen.size} and {classes}"
            )
        return scorer

    @cached_property
    def _trees(self) -> BoostedTrees:
        return read_trees(self.model)

    def _walk(self, block: SparseRows | Floats, trees: BoostedTrees) -> Floats:
        picked = columns_of(block, self.columns)
        found: Floats = _walk_trees(
            *entries(picked),
            isinstance(picked, np.ndarray),
            trees.base,
            trees.roots,
            trees.left,
            trees.right,
            trees.columns,
            trees.limits,
            trees.missing,
        )
        return found


@compiled
def _walk_trees(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: Floats,
    width: int,
    dense: bool,
    base: Floats,
    roots: NDArray[np.int32],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    columns: NDArray[np.int32],
    limits: Floats,
    missing: NDArray[np.bool_],
) -> Floats:
    rows, classes = indptr.size - 1, base.size
    found = np.empty((rows, classes), np.float32)
    # What a sparse matrix does not store is missing, as it was to XGBoost in the fit.
    spread = np.full(width, np.float32(np.nan))
    for row in range(rows):
        first, last = indptr[row], indptr[row + 1]
        if not dense:
            for at in range(first, last):
                spread[indices[at]] = values[at]
        line = values[first:last] if dense else spread
        found[row] = base
        for tree in range(roots.size):
            node = roots[tree]
            while left[node] >= 0:
                value = line[columns[node]]
                goes_left = missing[node] if np.isnan(value) else value < limits[node]
                node = left[node] if goes_left else right[node]
            found[row, tree % classes] += limits[node]
        if not dense:
            for at in range(first, last):
                spread[indices[at]] = np.nan
    return found
