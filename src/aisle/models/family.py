"""The one shape of every classifier family: what is fitted on a matrix of features, and how it answers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aisle.features.sparse import SparseRows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.intp]
Matrix: TypeAlias = "csr_matrix | Floats"
"""Features, (rows, columns), float32: sparse for n-grams and whatever stands beside them, dense for images alone."""

Asked: TypeAlias = "SparseRows | csr_matrix | Floats"
"""Features that a fitted classifier is asked about: as in the fit, or as a server has them, without SciPy."""

Files: TypeAlias = Mapping[str, bytes]
"""A fitted classifier's files: bytes by name, without a folder."""


class Scorer(Protocol):
    """A fitted classifier; several threads may use it at once."""

    @property
    def kind(self) -> str:
        """What it is called in a bundle's schema."""
        ...

    def scores(self, matrix: Asked) -> Floats:
        """Return scores, (rows, classes): whatever the softmax of is a distribution, not yet calibrated.

        Args:
            matrix: Features as in the fit, (rows, columns).
        """
        ...

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return what a schema says of it, as JSON with `kind` in it, and its files' bytes by name; never a pickle."""
        ...
