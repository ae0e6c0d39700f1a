"""The linear classifier as it answers: one weight per column and class, and one intercept per class."""

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.errors import BundleError
from aisle.features.linear_texts import Stepped, stepped
from aisle.features.sparse import SparseRows
from aisle.models.family import Asked, Files, Floats

KIND = "linear"
"""What it is called in a bundle's schema."""

WEIGHTS = "weights.npz"
"""The file of its arrays."""

_STORED = {"whole": np.int8, "steps": np.float32, "bias": np.float32}
_UNREADABLE = (
    *(ValueError, TypeError, KeyError, OSError, EOFError, MemoryError),  # no archive, no array, or one beyond its end
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),  # a damaged archive
    *(NotImplementedError, RuntimeError),  # an archive of another compression, or with a password
)
_AGAIN = "Fetch the bundle again, or train again."


def stored_arrays(files: Files, name: str, kinds: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a classifier's file.

    Args:
        files: The classifier's files.
        name: The file, written by `numpy.savez`.
        kinds: The kind of numbers of each array, by its name.

    Raises:
        BundleError: The file is missing, cannot be read, or does not hold just these arrays of just these kinds.
    """
    if name not in files:
        raise BundleError(f"The classifier has no {name}.", hint=_AGAIN)
    try:
        with np.load(io.BytesIO(files[name]), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except _UNREADABLE as error:
        raise damaged(name, f"cannot be read ({error})") from error
    # A member that is no array comes as bytes.
    if {key: getattr(array, "dtype", None) for key, array in arrays.items()} != {
        key: np.dtype(kind) for key, kind in kinds.items()
    }:
        raise damaged(name, f"holds {sorted(arrays)} instead of {sorted(kinds)}, or other kinds of numbers")
    return arrays


def array_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return arrays as the bytes of a file for `stored_arrays`; the same arrays give the same bytes."""
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def damaged(name: str, what: str) -> BundleError:
    """Return the error of a classifier's file that is not such as it was written.

    Args:
        name: The file.
        what: What is wrong with it, as the end of a sentence.
    """
    return BundleError(f"In the classifier's files, {name} {what}.", hint=_AGAIN)


def wrong_kind(settings: Mapping[str, Any], kind: str) -> BundleError:
    """Return the error of settings that are another classifier's."""
    return BundleError(f"A classifier of the kind {settings.get('kind')!r} is no {kind!r}.", hint=_AGAIN)


@dataclass(frozen=True)
class LinearScorer:
    """A fitted linear classifier; several threads may use it at once.

    Args:
        model: Weights as whole numbers of their column's step, (columns, classes), and intercepts: saving loses nothing.
    """

    model: Stepped

    @classmethod
    def of(cls, weights: Floats, bias: Floats) -> "LinearScorer":
        """Return the classifier of fitted weights, rounded to steps.

        Args:
            weights: Finite, (columns, classes).
            bias: (classes,).
        """
        return cls(Stepped(*stepped(weights), np.ascontiguousarray(bias, np.float32)))

    @property
    def kind(self) -> str:
        """What it is called in a bundle's schema."""
        return KIND

    @property
    def bias(self) -> Floats:
        """The intercepts, (classes,)."""
        return self.model.bias

    @cached_property
    def weights(self) -> Floats:
        """The weights, (columns, classes)."""
        return self.lines(slice(None))

    def lines(self, columns: slice | NDArray[np.int32]) -> Floats:
        """Return the weights of some columns, (columns, classes)."""
        lines: Floats = self.model.whole[columns] * self.model.steps[columns, np.newaxis]
        return lines

    def texts(self, width: int) -> Stepped:
        """Return the part that is on the first columns, those of text; the intercepts go with it.

        Args:
            width: How many they are.
        """
        return Stepped(self.model.whole[:width], self.model.steps[:width], self.model.bias)

    def scores(self, matrix: Asked) -> Floats:
        """Return `matrix @ weights + bias`, (rows, classes).

        Args:
            matrix: Features as in the fit, (rows, columns).
        """
        whole = matrix.as_matrix() if isinstance(matrix, SparseRows) else matrix
        scores: Floats = np.asarray(whole @ self.weights, np.float32)
        scores += self.bias
        return scores

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return what a schema says of it, as JSON, and its files' bytes by name."""
        model = self.model
        return {"kind": KIND}, {WEIGHTS: array_bytes({"whole": model.whole, "steps": model.steps, "bias": model.bias})}

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], files: Files, columns: int, classes: int) -> "LinearScorer":
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
        arrays = stored_arrays(files, WEIGHTS, _STORED)
        for name, shape in {"whole": (columns, classes), "steps": (columns,), "bias": (classes,)}.items():
            if arrays[name].shape != shape:
                raise damaged(WEIGHTS, f"holds {name} of shape {arrays[name].shape} instead of {shape}")
            if not np.isfinite(arrays[name]).all():
                raise damaged(WEIGHTS, f"holds {name} of which some are no numbers")
        if (arrays["steps"] < 0).any():
            raise damaged(WEIGHTS, "holds steps below 0")
        return cls(Stepped(arrays["whole"], arrays["steps"], arrays["bias"]))
