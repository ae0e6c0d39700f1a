"""Checkpoints: what a net has learnt about n-grams, kept in a folder for other nets to begin with.

A text space chooses its own columns on each set of rows, so a column's place says nothing. An n-gram's bucket does, as long
as texts are read the same way: a checkpoint names each embedding by both. The classes and the image features are a
catalogue's own, and are learnt anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from aisle.digest import sha256
from aisle.errors import ModelError
from aisle.models.deep.inputs import Inputs
from aisle.models.deep.names import NAMELESS
from aisle.models.deep.safetensors import safetensors_arrays, safetensors_bytes
from aisle.models.deep.scorer import NeuralScorer, kind_of
from aisle.models.family import Floats

CONFIG = "config.json"
"""The file that says what a checkpoint is."""

MODEL = "model.safetensors"
"""The file of its arrays."""

FORMAT = "aisle-deep"
"""What a checkpoint's configuration calls its format."""

VERSION = 1
"""The version of the format that is written, and the only one that is read."""

_LARGEST_FILE = 4 << 30
_LARGEST_SIZE = 65_536
_SIDE = ("text_bias", "text_gain", "text_shift")
_LAYER = ("hidden_gain", "hidden_shift")
_AGAIN = "Bring the whole folder again from the machine that wrote it, or train without a checkpoint."


@dataclass(frozen=True, eq=False)
class Start:
    """What a net begins with.

    Args:
        names: The n-gram of each embedding, rising, (n-grams,).
        arrays: Weights as a net's, `hidden_weights` the half for n-grams alone, (heads, width, width).
        heads: So many nets lie side by side.
        width: Units of a layer of one head.
    """

    names: NDArray[np.int64]
    arrays: Mapping[str, Floats]
    heads: int
    width: int

    def chosen(self, names: NDArray[np.int64]) -> "Start":
        """Return what is known of some n-grams, in their order, zeros where nothing is; `names` -1 there.

        Args:
            names: The n-grams, (columns,).
        """
        places = np.minimum(np.searchsorted(self.names, names), self.names.size - 1)
        known = (self.names[places] == names) & (names != NAMELESS)
        weights = np.where(known[:, np.newaxis], self.arrays["text_weights"][places], 0).astype(np.float32)
        return Start(np.where(known, names, NAMELESS), {**self.arrays, "text_weights": weights}, self.heads, self.width)

    def put_into(self, arrays: dict[str, Floats]) -> None:
        """Put what is known in the place of a net's first weights; what `chosen` did not find stays as it is.

        Args:
            arrays: The net's weights.
        """
        known = self.names != NAMELESS
        arrays["text_weights"][known] = self.arrays["text_weights"][known]
        arrays["hidden_weights"][:, : self.width] = self.arrays["hidden_weights"]
        for name in (*_SIDE, *_LAYER):
            arrays[name] = self.arrays[name].copy()


def started_from(folder: str, inputs: Inputs, names: NDArray[np.int64] | None) -> Start:
    """Return what a checkpoint knows of a matrix's n-grams.

    Args:
        folder: Where the checkpoint lies.
        inputs: How the net reads the matrix.
        names: What `column_names` gave for the matrix.

    Raises:
        ModelError: The checkpoint is missing, damaged or foreign, or knows none of the n-grams.
    """
    start = read_checkpoint(Path(folder))
    if names is None:
        raise ModelError("A checkpoint needs to know what the columns are, and nobody said.", hint="Train without one.")
    chosen = start.chosen(names[inputs.columns])
    if not (chosen.names != NAMELESS).any():
        raise ModelError(
            f"The checkpoint in {folder} knows none of the n-grams here.",
            hint="It was made for texts that are read in another way or language: train without it.",
        )
    return chosen


def save_checkpoint(scorer: NeuralScorer, names: NDArray[np.int64], folder: Path) -> None:
    """Write what a fitted net knows about n-grams; what lay in the folder under the same names is replaced.

    Args:
        scorer: The net.
        names: What `column_names` gave for the matrices that it scores.
        folder: Where to; made where it is not there.

    Raises:
        ModelError: The net looks at no n-grams, or the folder cannot be written to.
    """
    own = names[scorer.inputs.columns]
    order = np.argsort(own, kind="stable")
    order = order[own[order] != NAMELESS]
    if not order.size:
        raise ModelError("The net looks at no n-grams.", hint="Make a checkpoint of one on text, or on text and image.")
    sizes = scorer.sizes
    arrays: dict[str, NDArray[Any]] = {
        "names": own[order],
        "text_weights": scorer.arrays["text_weights"][order],
        "hidden_weights": scorer.arrays["hidden_weights"][:, : sizes.width],
        **{name: scorer.arrays[name] for name in (*_SIDE, *_LAYER)},
    }
    data = safetensors_bytes({key: value if key == "names" else value.astype(kind_of(key)) for key, value in arrays.items()})
    config = {
        "format": FORMAT,
        "version": VERSION,
        "heads": sizes.heads,
        "width": sizes.width,
        "grams": int(order.size),
        "sha256": sha256(data),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The configuration comes last, and only it makes a checkpoint: one that is half written is refused.
        for name, content in ((MODEL, data), (CONFIG, orjson.dumps(config, option=orjson.OPT_INDENT_2) + b"\n")):
            part = folder / f"{name}.part"
            part.write_bytes(content)
            part.replace(folder / name)
    except OSError as error:
        raise ModelError(f"The checkpoint cannot be written to {folder} ({error}).", hint="Name another folder.") from error


def read_checkpoint(folder: Path) -> Start:
    """Return what was saved in a folder.

    Args:
        folder: Where the checkpoint lies.

    Raises:
        ModelError: It is missing, damaged, or not one that `save_checkpoint` wrote.
    """
    config = _config(folder)
    data = _bytes(folder, MODEL)
    if sha256(data) != config.get("sha256"):
        raise _damaged(folder, f"{MODEL} is not the file that {CONFIG} names: it is damaged, or was exchanged")
    try:
        found = safetensors_arrays(data)
    except ValueError as error:
        raise _damaged(folder, f"{MODEL} cannot be read: {error}") from error
    heads, width, grams = config["heads"], config["width"], config["grams"]
    units, layer = (heads * width,), (heads, width)
    shapes: dict[str, tuple[int, ...]] = {
        "names": (grams,),
        "text_weights": (grams, *units),
        "hidden_weights": (*layer, width),
        **dict.fromkeys(_SIDE, units),
        **dict.fromkeys(_LAYER, layer),
    }
    if set(found) != set(shapes):
        raise _damaged(folder, f"{MODEL} holds {sorted(found)} instead of {sorted(shapes)}")
    for name, shape in shapes.items():
        array = found[name]
        kind = np.dtype(np.int64) if name == "names" else np.dtype(kind_of(name))
        if array.shape != shape or array.dtype != kind:
            raise _damaged(folder, f"{name} is {array.dtype} of shape {array.shape} instead of {kind} of {shape}")
        if not np.isfinite(array).all():
            raise _damaged(folder, f"some of {name} are no numbers")
    names = found.pop("names")
    if names[0] < 0 or not (np.diff(names) > 0).all():
        raise _damaged(folder, "its n-grams are not in order")
    return Start(names, {name: array.astype(np.float32) for name, array in found.items()}, heads, width)


def checkpoint_digest(folder: Path) -> str:
    """Return the sha256 of a checkpoint's arrays, once it was read and found whole.

    Args:
        folder: Where the checkpoint lies.

    Raises:
        ModelError: It is missing, damaged, or not one that `save_checkpoint` wrote.
    """
    read_checkpoint(folder)
    return str(_config(folder)["sha256"])


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = orjson.loads(_bytes(folder, CONFIG))
    except orjson.JSONDecodeError as error:
        raise _damaged(folder, f"{CONFIG} is no JSON ({error})") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise ModelError(
            f"{folder} holds no checkpoint of aisle's.",
            hint="Name a folder that aisle wrote; models of other programs cannot be begun with.",
        )
    if config.get("version") != VERSION:
        raise ModelError(
            f"The checkpoint in {folder} is of version {config.get('version')!r}, and this release reads {VERSION}.",
            hint="Use the release that wrote it, or write it again with this one.",
        )
    for name, most in (("heads", _LARGEST_SIZE), ("width", _LARGEST_SIZE), ("grams", 1 << 31)):
        if type(config.get(name)) is not int or not 1 <= config[name] <= most:
            raise _damaged(folder, f"{CONFIG} says {name} is {config.get(name)!r}")
    return config


def _bytes(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise _damaged(folder, f"{name} is larger than any checkpoint")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(
            f"There is no {name} in {folder}.", hint="Name the folder of a checkpoint, with both its files."
        ) from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}).", hint="Check the folder and its rights.") from error


def _damaged(folder: Path, what: str) -> ModelError:
    return ModelError(f"The checkpoint in {folder} cannot be used: {what}.", hint=_AGAIN)
