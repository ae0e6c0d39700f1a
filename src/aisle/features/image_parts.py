"""What was learnt of images as a file of arrays, written and read back without pickle."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.errors import BundleError
from aisle.features.image_config import ImageConfig
from aisle.features.image_layout import ORIENTATIONS
from aisle.features.image_map import LandmarkMap
from aisle.features.patches import WINDOW, PatchDictionary

ARRAYS = "images.npz"
"""The file's name."""

_DICTIONARY = ("projection", "shift", "words", "bias")
_MAP = ("projection", "shift", "landmarks", "transform", "offset")
_HALVES = {"projection", "landmarks", "transform"}
"""Arrays of a map that are rounded to float16 as they are learnt, and saved so."""
_LOOK = ("thumbnail", "colours", "tones", "moments", "geometry")
_AGAIN = "Fetch the bundle again, or train again."


def written(
    dictionary: PatchDictionary, maps: Mapping[str, LandmarkMap], mean: NDArray[np.float32], scale: NDArray[np.float32]
) -> bytes:
    """Return what was learnt as the bytes of a file; the same arrays give the same bytes.

    Args:
        dictionary: The words.
        maps: `shape` and `look`.
        mean: Of the plain columns.
        scale: Of the plain columns.
    """
    arrays: dict[str, NDArray[Any]] = {"mean": mean, "scale": scale}
    arrays |= {f"words_{name}": getattr(dictionary, name) for name in _DICTIONARY}
    for part, learnt in maps.items():
        for name in _MAP:
            array = getattr(learnt, name)
            arrays[f"{part}_{name}"] = array.astype(np.float16) if name in _HALVES else array
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def read(
    files: Mapping[str, bytes], config: ImageConfig, plain: int
) -> tuple[PatchDictionary, LandmarkMap, LandmarkMap, NDArray[np.float32], NDArray[np.float32]]:
    """Return what `written` was given: dictionary, the maps of shape and look, mean and scale.

    Args:
        files: The files by name.
        config: How an image becomes features.
        plain: How many columns are plain.

    Raises:
        BundleError: The file is missing, cannot be read, or does not fit the configuration.
    """
    arrays = _loaded(files)
    kinds: dict[str, Any] = {"mean": np.float32, "scale": np.float32} | {f"words_{name}": np.float32 for name in _DICTIONARY}
    for part in ("shape", "look"):
        kinds |= {f"{part}_{name}": np.float16 if name in _HALVES else np.float32 for name in _MAP}
    if {name: array.dtype for name, array in arrays.items()} != {name: np.dtype(kind) for name, kind in kinds.items()}:
        raise _damaged(f"holds {sorted(arrays)} instead of {sorted(kinds)}, or other kinds of numbers")
    for name, shape in _shapes(arrays, config, plain).items():
        if arrays[name].shape != shape:
            raise _damaged(f"holds {name} of shape {arrays[name].shape} instead of {shape}")
        if not np.isfinite(arrays[name]).all():
            raise _damaged(f"holds {name} of which some are no numbers")
    whole = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
    dictionary = PatchDictionary(*(whole[f"words_{name}"] for name in _DICTIONARY))
    shape_map, look_map = (LandmarkMap(*(whole[f"{part}_{name}"] for name in _MAP)) for part in ("shape", "look"))
    return dictionary, shape_map, look_map, whole["mean"], whole["scale"]


def _loaded(files: Mapping[str, bytes]) -> dict[str, NDArray[Any]]:
    if ARRAYS not in files:
        raise BundleError(f"The bundle's image features have no {ARRAYS}.", hint=_AGAIN)
    try:
        with np.load(io.BytesIO(files[ARRAYS]), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise _damaged(f"cannot be read ({error})") from error


def _shapes(arrays: Mapping[str, NDArray[Any]], config: ImageConfig, plain: int) -> dict[str, tuple[int, ...]]:
    """Return the shape that each array has to have; landmarks and outputs may be fewer than the configuration asks for."""
    sizes = config.blocks
    window = WINDOW**2 * ORIENTATIONS
    shapes: dict[str, tuple[int, ...]] = {
        "mean": (plain,),
        "scale": (plain,),
        "words_projection": (window, config.directions),
        "words_shift": (config.directions,),
        "words_words": (config.directions, config.words),
        "words_bias": (config.words,),
    }
    for part, columns, wanted, most, outputs in (
        ("shape", sizes["words"] + sizes["edges"], config.shape_directions, config.shape_landmarks, config.shape_outputs),
        ("look", sum(sizes[name] for name in _LOOK), config.look_directions, config.look_landmarks, config.look_outputs),
    ):
        directions = min(wanted, columns)
        transform = arrays[f"{part}_transform"]
        landmarks, kept = transform.shape if transform.ndim == 2 else (0, 0)
        if not (0 < landmarks <= most and 0 < kept <= min(outputs, landmarks)):
            raise _damaged(f"holds {part}_transform of shape {transform.shape}")
        shapes |= {
            f"{part}_projection": (columns, directions),
            f"{part}_shift": (directions,),
            f"{part}_landmarks": (directions, landmarks),
            f"{part}_transform": (landmarks, kept),
            f"{part}_offset": (kept,),
        }
    return shapes


def _damaged(what: str) -> BundleError:
    return BundleError(f"In the bundle's image features, {ARRAYS} {what}.", hint=_AGAIN)
