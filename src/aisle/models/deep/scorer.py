"""A fitted net as it answers: arrays, and no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.models.deep.inputs import NOWHERE, Inputs
from aisle.models.deep.kernels import score_rows
from aisle.models.family import Asked, Files, Floats
from aisle.models.weights import array_bytes, damaged, stored_arrays, wrong_kind

KIND = "neural"
"""What it is called in a bundle's schema."""

WEIGHTS = "net.npz"
"""The file of its arrays."""

_LARGEST = 65_000.0
_INPUTS: Mapping[str, Any] = {
    "columns": np.int32,
    "dense": np.int32,
    "presence": np.int32,
    "mean": np.float32,
    "scale": np.float32,
}


@dataclass(frozen=True)
class Sizes:
    """How large a net is.

    Args:
        grams: Its n-grams.
        numbers: Its numbers of images.
        heads: So many nets lie side by side, and answer by the mean of their logarithms.
        width: Units of a layer of one head.
        classes: How many classes it tells apart.
    """

    grams: int
    numbers: int
    heads: int
    width: int
    classes: int

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each of a net's arrays, by its name."""
        units, layer = (self.heads * self.width,), (self.heads, self.width)
        return {
            "text_weights": (self.grams, *units),
            "text_bias": units,
            "text_gain": units,
            "text_shift": units,
            "image_weights": (self.numbers, *units),
            "image_bias": units,
            "image_gain": units,
            "image_shift": units,
            "hidden_weights": (self.heads, 2 * self.width, self.width),
            "hidden_gain": layer,
            "hidden_shift": layer,
            "out_weights": (*layer, self.classes),
            "out_bias": (self.heads, self.classes),
        }


def kind_of(name: str) -> type[np.float16] | type[np.float32]:
    """Return the kind of numbers that an array of a net is saved as: the large ones as half precision."""
    return np.float16 if name.endswith("_weights") else np.float32


@dataclass(frozen=True, eq=False)
class NeuralScorer:
    """A fitted net; several threads may use it at once.

    Args:
        inputs: How it reads a matrix.
        arrays: Its weights as `Sizes.shapes` names them, float32, each a number that is saved without loss.
    """

    inputs: Inputs
    arrays: Mapping[str, Floats]

    @classmethod
    def of(cls, inputs: Inputs, arrays: Mapping[str, Floats]) -> "NeuralScorer":
        """Return the net of fitted weights, rounded to what is saved.

        Args:
            inputs: How it reads a matrix.
            arrays: Its weights as `Sizes.shapes` names them.
        """
        rounded = {
            name: np.ascontiguousarray(np.clip(array, -_LARGEST, _LARGEST).astype(kind_of(name)), np.float32)
            for name, array in arrays.items()
        }
        return cls(inputs, rounded)

    @property
    def kind(self) -> str:
        """What it is called in a bundle's schema."""
        return KIND

    @property
    def sizes(self) -> Sizes:
        """How large it is."""
        heads, width, classes = self.arrays["out_weights"].shape
        return Sizes(self.inputs.columns.size, self.inputs.dense.size, heads, width, classes)

    def scores(self, matrix: Asked) -> Floats:
        """Return the mean over the heads of the logarithms of their softmax, (rows, classes).

        Args:
            matrix: Features as in the fit, (rows, columns).
        """
        grams, numbers, present = self.inputs.split(matrix)
        scores = np.empty((grams.shape[0], self.sizes.classes), np.float32)
        found = self.arrays
        score_rows(
            grams.indptr.astype(np.int64),
            grams.indices.astype(np.int32),
            np.ascontiguousarray(grams.data, np.float32),
            numbers,
            present,
            (found["text_weights"], found["text_bias"], found["text_gain"], found["text_shift"]),
            (found["image_weights"], found["image_bias"], found["image_gain"], found["image_shift"]),
            (found["hidden_weights"], found["hidden_gain"], found["hidden_shift"]),
            (found["out_weights"], found["out_bias"]),
            scores,
        )
        return scores

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return what a schema says of it, as JSON, and its files' bytes by name."""
        sizes, inputs = self.sizes, self.inputs
        arrays: dict[str, NDArray[Any]] = {
            "columns": inputs.columns,
            "dense": inputs.dense,
            "presence": np.array(inputs.presence, np.int32),
            "mean": inputs.mean,
            "scale": inputs.scale,
        }
        arrays |= {name: array.astype(kind_of(name)) for name, array in self.arrays.items()}
        return {"kind": KIND, "heads": sizes.heads, "width": sizes.width}, {WEIGHTS: array_bytes(arrays)}

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], files: Files, columns: int, classes: int) -> "NeuralScorer":
        """Return the net that `to_parts` gave.

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
        heads, width = settings["heads"], settings["width"]
        if not all(isinstance(size, int) and 1 <= size <= 65_536 for size in (heads, width)):
            raise damaged(WEIGHTS, f"is said to have {heads!r} heads of {width!r} units")
        names = Sizes(0, 0, 1, 1, 1).shapes
        found = stored_arrays(files, WEIGHTS, {**_INPUTS, **{name: kind_of(name) for name in names}})
        inputs = _inputs(found, columns)
        sizes = Sizes(inputs.columns.size, inputs.dense.size, heads, width, classes)
        for name, shape in sizes.shapes.items():
            if found[name].shape != shape:
                raise damaged(WEIGHTS, f"holds {name} of shape {found[name].shape} instead of {shape}")
            if not np.isfinite(found[name]).all():
                raise damaged(WEIGHTS, f"holds {name} of which some are no numbers")
        return cls(inputs, {name: found[name].astype(np.float32) for name in names})


def _inputs(found: Mapping[str, NDArray[Any]], columns: int) -> Inputs:
    grams, dense, presence = found["columns"], found["dense"], found["presence"]
    for name in ("columns", "dense"):
        rising = found[name].ndim == 1 and bool((np.diff(found[name]) > 0).all())
        if not rising or (found[name].size and not 0 <= found[name][0] <= found[name][-1] < columns):
            raise damaged(WEIGHTS, f"holds {name} that are none among {columns}")
    if not grams.size + dense.size:
        raise damaged(WEIGHTS, "names no columns")
    if presence.shape != () or not NOWHERE <= int(presence) < columns:
        raise damaged(WEIGHTS, f"takes a column for the presence of images that is none among {columns}")
    for name in ("mean", "scale"):
        if found[name].shape != dense.shape or not np.isfinite(found[name]).all():
            raise damaged(WEIGHTS, f"holds a {name} that is none for {dense.size} numbers")
    return Inputs(grams, dense, int(presence), found["mean"], found["scale"])
