"""Reading the trees of XGBoost's model file, without XGBoost.

The file is universal binary JSON (https://ubjson.org) of the layout that XGBoost documents ("Introduction to Model IO").
XGBoost itself trusts what it reads: trees that point at nodes or classes that there are not make it read and write where it
should not, and a tree that points back at itself is walked for ever. So nothing passes here that a fit of ours does not
write. And a process that only answers is spared XGBoost, which imports scikit-learn and pandas.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from aisle.models.family import Floats

_SCALARS = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d"}
_CONSTANTS = {b"T": True, b"F": False, b"Z": None}
_DEEPEST = 16
_LARGEST = 1e30
_BY_NODE = {
    "default_left": np.bool_,
    "left_children": np.int64,
    "right_children": np.int64,
    "split_conditions": np.float32,
    "split_indices": np.int64,
    "split_type": np.int64,
}


@dataclass(frozen=True, slots=True)
class BoostedTrees:
    """The trees of a gradient boosting: one per round and class, the classes in turn.

    Args:
        features: How many columns they may look at.
        classes: How many classes there are.
        base: What each class starts from, (classes,).
        roots: The first node of each tree, (trees,).
        left: Where each node goes on if the value is below its limit; -1 at a leaf, (nodes,).
        right: Where it goes on if not, (nodes,).
        columns: The column that each node asks for, (nodes,).
        limits: What the value is held against; at a leaf, what it adds, (nodes,).
        missing: Whether a missing value goes left, (nodes,).
    """

    features: int
    classes: int
    base: Floats
    roots: NDArray[np.int32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    columns: NDArray[np.int32]
    limits: Floats
    missing: NDArray[np.bool_]


def read_trees(model: bytes) -> BoostedTrees:
    """Return the trees of a model file.

    Args:
        model: The file, in universal binary JSON.

    Raises:
        ValueError: It is no such file, or its trees are none that a fit of softmax regression trees writes; the message is
            the end of a sentence.
    """
    try:
        return _trees(_read(model)["learner"])
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error) as error:
        raise ValueError(f"cannot be read ({error})") from error


def _trees(learner: Mapping[str, Any]) -> BoostedTrees:
    booster, settings = learner["gradient_booster"], learner["learner_model_param"]
    features, classes = int(settings["num_feature"]), int(settings["num_class"])
    base = np.asarray(orjson.loads(settings["base_score"]), np.float64)
    names = (booster["name"], learner["objective"]["name"], settings["num_target"])
    if names != ("gbtree", "multi:softprob", "1") or base.shape != (classes,) or not (np.abs(base) < _LARGEST).all():
        raise ValueError("no boosting of softmax regression trees")
    model = booster["model"]
    trees = model["trees"]
    rounds, rest = divmod(len(trees), classes)
    if not rounds or rest or list(model["tree_info"]) != list(range(classes)) * rounds:
        raise ValueError("not one tree per round and class")
    sizes = np.array([int(tree["tree_param"]["num_nodes"]) for tree in trees])
    for tree, size in zip(trees, sizes.tolist(), strict=True):
        listed = all(isinstance(tree[name], np.ndarray) and tree[name].size == size for name in _BY_NODE)
        if size < 1 or not listed or tree["tree_param"]["size_leaf_vector"] != "1" or tree["split_type"].any():
            raise ValueError("a tree that is no plain one")
        if any((tree[name].dtype == ">f4") != (name == "split_conditions") for name in _BY_NODE):
            raise ValueError("a tree of other kinds of numbers")
    nodes: dict[str, NDArray[Any]] = {
        name: np.concatenate([tree[name] for tree in trees]).astype(kind) for name, kind in _BY_NODE.items()
    }
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    left, right = nodes["left_children"], nodes["right_children"]
    if not _are_trees(left, right, np.arange(starts.size) - starts, np.repeat(sizes, sizes)):
        raise ValueError("nodes that make no trees")
    columns, limits = nodes["split_indices"], nodes["split_conditions"]
    if not ((np.abs(limits) < _LARGEST).all() and ((columns >= 0) & (columns < features)).all()):
        raise ValueError("columns or limits that there are not")
    leaf = left < 0
    return BoostedTrees(
        features=features,
        classes=classes,
        base=base.astype(np.float32),
        roots=(np.cumsum(sizes) - sizes).astype(np.int32),
        left=np.where(leaf, -1, left + starts).astype(np.int32),
        right=np.where(leaf, -1, right + starts).astype(np.int32),
        columns=columns.astype(np.int32),
        limits=limits,
        missing=nodes["default_left"],
    )


def _are_trees(
    left: NDArray[np.int64], right: NDArray[np.int64], places: NDArray[np.int64], sizes: NDArray[np.int64]
) -> bool:
    """Whether each node has two children behind it in its tree, or none: so no walk turns back, or gets lost."""
    inner = left != -1
    return np.array_equal(inner, right != -1) and all(
        bool(((children > places) & (children < sizes))[inner].all()) for children in (left, right)
    )


def _read(data: bytes) -> Any:
    value, end = _value(data, 0, 0)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes after its end")
    return value


def _value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """Return the value that begins at a byte, and where it ends."""
    if depth > _DEEPEST:
        raise ValueError("too deep")
    mark = data[at : at + 1]
    if mark in _SCALARS:
        kind = _SCALARS[mark]
        return struct.unpack_from(kind, data, at + 1)[0], at + 1 + struct.calcsize(kind)
    if mark == b"S":
        return _text(data, at + 1)
    if mark == b"{":
        return _object(data, at + 1, depth)
    if mark == b"[":
        return _array(data, at + 1, depth)
    if mark in _CONSTANTS:
        return _CONSTANTS[mark], at + 1
    raise ValueError(f"{mark!r} at byte {at}")


def _object(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while data[at : at + 1] != b"}":
        name, at = _text(data, at)
        if name in found:
            raise ValueError(f"{name!r} twice")
        found[name], at = _value(data, at, depth + 1)
    return found, at + 1


def _array(data: bytes, at: int, depth: int) -> tuple[Sequence[Any] | NDArray[Any], int]:
    kind = None
    if data[at : at + 1] == b"$":
        kind = np.dtype(_SCALARS[data[at + 1 : at + 2]])
        at += 2
    if data[at : at + 1] != b"#":
        raise ValueError(f"an array without a length at byte {at}")
    length, at = _length(data, at + 1)
    if kind is not None:
        end = at + length * kind.itemsize
        if end > len(data):
            raise ValueError("an array beyond its end")
        return np.frombuffer(data, kind, length, at), end
    values: list[Any] = []
    for _ in range(length):
        value, at = _value(data, at, depth + 1)
        values.append(value)
    return values, at


def _text(data: bytes, at: int) -> tuple[str, int]:
    length, start = _length(data, at)
    if start + length > len(data):
        raise ValueError("a text beyond its end")
    return data[start : start + length].decode(), start + length


def _length(data: bytes, at: int) -> tuple[int, int]:
    if data[at : at + 1] != b"L":
        raise ValueError(f"no length at byte {at}")
    (length,) = struct.unpack_from(">q", data, at + 1)
    if length < 0:
        raise ValueError("a negative length")
    return length, at + 9
