"""Trees that XGBoost grew are walked as XGBoost walks them, and nothing that it would die of is read."""

import copy
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xgboost
from scipy.sparse import csr_matrix

from aisle.errors import BundleError
from aisle.models import boosting_fit
from aisle.models.boosting import COLUMNS, MODEL, BoostingScorer
from aisle.models.boosting_trees import _read, read_trees
from aisle.models.options import BoostingOptions
from aisle.models.weights import array_bytes
from tests.unit.models.problems import dense_problem, mixed_problem, sparse_problem, text_problem

OPTIONS = BoostingOptions(rounds=4, depth=3, column_share=1.0)
MARKS = {np.dtype(kind): mark for mark, kind in ((b"i", ">b"), (b"U", ">B"), (b"l", ">i"), (b"L", ">q"), (b"d", ">f"))}


def written(value: Any) -> bytes:
    """Return a value in universal binary JSON as XGBoost writes it, so that a file can be changed and written again."""
    if isinstance(value, dict):
        return b"{" + b"".join(size(key) + key.encode() + written(own) for key, own in value.items()) + b"}"
    if isinstance(value, str):
        return b"S" + size(value) + value.encode()
    if isinstance(value, np.ndarray):
        return b"[$" + MARKS[value.dtype] + b"#" + size(value) + value.tobytes()
    if isinstance(value, list):
        return b"[#" + size(value) + b"".join(map(written, value))
    return scalar(value)


def scalar(value: Any) -> bytes:
    if isinstance(value, bool) or value is None:
        return {True: b"T", False: b"F", None: b"Z"}[value]
    if isinstance(value, float):
        return b"d" + struct.pack(">f", value)
    mark, kind = (b"i", ">b") if -128 <= value < 128 else (b"l", ">i") if abs(value) < 2**31 else (b"L", ">q")
    return mark + struct.pack(kind, value)


def size(value: Any) -> bytes:
    return b"L" + struct.pack(">q", len(value.encode() if isinstance(value, str) else value))


@pytest.fixture(scope="module")
def scorer() -> BoostingScorer:
    matrix, labels = dense_problem(200, columns=5)
    return boosting_fit.fit(matrix, labels, 3, OPTIONS, seed=0, jobs=1)


def loaded(model: bytes) -> BoostingScorer:
    files = {MODEL: model, COLUMNS: array_bytes({"columns": np.arange(5, dtype=np.int32)})}
    return BoostingScorer.from_parts({"kind": "boosting"}, files, 5, 3)


@pytest.mark.parametrize("problem", [dense_problem, sparse_problem, text_problem, mixed_problem])
@pytest.mark.parametrize(
    "options", [OPTIONS, BoostingOptions(rounds=30, patience=2), BoostingOptions(rounds=2, depth=12, bins=200, columns=20)]
)
def test_scores_are_xgboosts_to_the_last_bit(problem: Any, options: BoostingOptions) -> None:
    matrix, labels = problem(300)
    fitted = boosting_fit.fit(matrix, labels, int(labels.max()) + 1, options, seed=1, jobs=1)
    booster = xgboost.Booster()
    booster.load_model(bytearray(fitted.model))
    theirs = booster.inplace_predict(matrix[:, fitted.columns], predict_type="margin")
    assert np.array_equal(fitted.scores(matrix), theirs)
    # Trees that do something, so that the comparison says something.
    assert (read_trees(fitted.model).left >= 0).sum() > 10


def test_missing_values_go_where_xgboost_sends_them(scorer: BoostingScorer) -> None:
    matrix, labels = dense_problem(200, columns=5)
    matrix[::3, 1] = np.nan
    matrix[1::3, 0] = np.nan
    fitted = boosting_fit.fit(matrix, labels, 3, OPTIONS, seed=0, jobs=1)
    booster = xgboost.Booster()
    booster.load_model(bytearray(fitted.model))
    assert np.array_equal(fitted.scores(matrix), booster.inplace_predict(matrix, predict_type="margin"))
    assert read_trees(fitted.model).missing.any()
    # What a sparse matrix does not store is missing; a zero that it stores is a zero.
    stored = csr_matrix(np.ones((2, 5), np.float32))
    stored.data[:5] = 0
    assert np.array_equal(scorer.scores(stored), scorer.scores(stored.toarray()))
    nothing = csr_matrix((1, 5), dtype=np.float32)
    assert np.array_equal(scorer.scores(nothing), scorer.scores(np.full((1, 5), np.nan, np.float32)))


def test_rounds_that_do_not_help_are_left_out() -> None:
    matrix, labels = dense_problem(300)
    labels = np.random.default_rng(0).permutation(labels)
    options = BoostingOptions(rounds=60, rate=1.0, patience=2)
    rounds = len(read_trees(boosting_fit.fit(matrix, labels, 3, options, seed=0, jobs=1).model).roots) / 3
    assert 1 <= rounds < 30


def test_patience_on_a_few_rows_holds_back_none() -> None:
    matrix, labels = dense_problem(9)
    fitted = boosting_fit.fit(matrix, labels, 3, BoostingOptions(rounds=5, patience=1), seed=0, jobs=1)
    assert read_trees(fitted.model).roots.size == 15


def test_small_classes_among_many_are_split_from_the_rest() -> None:
    # Under XGBoost's own least weight of a leaf, no tree of these would have a split.
    labels = np.tile(np.arange(80), 8)
    matrix = np.eye(80, dtype=np.float32)[labels]
    fitted = boosting_fit.fit(matrix, labels, 80, BoostingOptions(rounds=1, column_share=1.0), seed=0, jobs=1)
    assert (fitted.scores(matrix).argmax(axis=1) == labels).all()


def test_a_file_written_again_is_the_same(scorer: BoostingScorer) -> None:
    # The reader misses nothing, and the changes below are all that is changed.
    assert written(_read(scorer.model)) == scorer.model
    matrix, _ = dense_problem(200, columns=5)
    assert np.array_equal(loaded(scorer.model).scores(matrix), scorer.scores(matrix))


def tree(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    return lambda learner: change(learner["gradient_booster"]["model"]["trees"][4])


def node(name: str, place: int, value: float) -> Callable[[dict[str, Any]], None]:
    return tree(lambda own: own[name].__setitem__(place, value))


def entry(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(own: dict[str, Any]) -> None:
        for name in path[:-1]:
            own = own[name]
        own[path[-1]] = value

    return change


BOOSTER = ("gradient_booster", "model")
HOSTILE = {
    "a child beyond its tree": node("left_children", 0, 10**6),
    "a child beyond 32 bits": tree(
        lambda own: own.update(left_children=(own["left_children"].astype(np.int64) + 2**40).astype(">i8"))
    ),
    "a child that is its parent": node("left_children", 0, 0),
    "a child that goes back": node("right_children", 2, 1),
    "a child below zero": node("right_children", 0, -5),
    "a node with one child": node("right_children", 0, -1),
    "a column that there is not": node("split_indices", 0, 5),
    "a column below zero": node("split_indices", 0, -1),
    "a split by category": node("split_type", 0, 1),
    "a limit that is no number": node("split_conditions", 0, float("nan")),
    "a leaf without end": node("split_conditions", -1, float("inf")),
    "a list too short": tree(lambda own: own.update(default_left=own["default_left"][:-1])),
    "a list that is none": tree(lambda own: own.update(left_children=own["left_children"].tolist())),
    "a list of other numbers": tree(lambda own: own.update(left_children=own["left_children"].astype(">f4"))),
    "limits of other numbers": tree(lambda own: own.update(split_conditions=own["split_conditions"].astype(">i4"))),
    "a tree without nodes": tree(lambda own: own["tree_param"].update(num_nodes="0")),
    "a number of nodes that is none": tree(lambda own: own["tree_param"].update(num_nodes="many")),
    "leaves of several numbers": tree(lambda own: own["tree_param"].update(size_leaf_vector="50")),
    "a tree that misses something": tree(lambda own: own.pop("split_type")),
    "a tree that is none": entry(*BOOSTER, "trees", value=[1] * 12),
    "no trees": entry(*BOOSTER, "trees", value=[]),
    "a tree too few": lambda learner: learner["gradient_booster"]["model"]["trees"].pop(),
    "a tree of a class that there is not": lambda learner: learner["gradient_booster"]["model"]["tree_info"].__setitem__(
        0, 99
    ),
    "another booster": entry("gradient_booster", "name", value="dart"),
    "another objective": entry("objective", "name", value="reg:squarederror"),
    "several targets": entry("learner_model_param", "num_target", value="7"),
    "no classes": entry("learner_model_param", "num_class", value="0"),
    "classes below zero": entry("learner_model_param", "num_class", value="-3"),
    "other classes": entry("learner_model_param", "num_class", value="4"),
    "other features": entry("learner_model_param", "num_feature", value="6"),
    "a start too short": entry("learner_model_param", "base_score", value="[0,0]"),
    "a start that is no number": entry("learner_model_param", "base_score", value="[NaN,0,0]"),
    "a start beyond numbers": entry("learner_model_param", "base_score", value="[1e99,0,0]"),
    "a start that is none": entry("learner_model_param", "base_score", value='{"a":1}'),
    "nothing": lambda learner: learner.clear(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_model_is_refused(scorer: BoostingScorer, name: str) -> None:
    document = copy.deepcopy(_read(scorer.model))
    for own in document["learner"]["gradient_booster"]["model"]["trees"]:
        for key, value in own.items():
            own[key] = value.copy() if isinstance(value, np.ndarray) else value
    HOSTILE[name](document["learner"])
    assert written(document) != scorer.model
    with pytest.raises(BundleError, match=MODEL):
        loaded(written(document))


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"{}",
        b"[#L" + struct.pack(">q", 2**62),
        b"[$d#L" + struct.pack(">q", 2**62),
        b"[$d#L" + struct.pack(">q", -1),
        b"[$x#L" + struct.pack(">q", 0),
        b"[]",
        b"[" * 100_000,
        (b"[#L" + struct.pack(">q", 1)) * 100_000,
        b"SL" + struct.pack(">q", 2**40) + b"x",
        b"SL" + struct.pack(">q", 1) + b"\xff",
        b"{" + (b"L" + struct.pack(">q", 1) + b"aT") * 2 + b"}",
        b"i",
        b"T",
        b"Z",
        b"TT",
        b'{"learner": {}}',
    ],
)
def test_bytes_that_are_no_model_are_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match=f"{MODEL} cannot be read"):
        loaded(data)


def test_every_scalar_of_the_format_is_read() -> None:
    value = {"a": [1, -1, 300, 2**40, 0.5, True, False, None, "é"], "b": np.arange(3, dtype=">i4"), "c": {}}
    found = _read(written(value))
    assert found["a"] == value["a"]
    assert found["b"].tolist() == [0, 1, 2]
    assert _read(b"I\x01\x00") == 256
    assert _read(b"D" + struct.pack(">d", 0.1)) == 0.1


@pytest.mark.parametrize(
    "columns", [[], [0, 1, 2, 3, 5], [-1, 0, 1, 2, 3], [0, 2, 1, 3, 4], [0, 1, 1, 3, 4], [0, 1, 2, 3], [[0, 1, 2, 3, 4]]]
)
def test_columns_that_there_are_not_are_refused(scorer: BoostingScorer, columns: list[int]) -> None:
    files = {MODEL: scorer.model, COLUMNS: array_bytes({"columns": np.array(columns, np.int32)})}
    with pytest.raises(BundleError):
        BoostingScorer.from_parts({"kind": "boosting"}, files, 5, 3)
