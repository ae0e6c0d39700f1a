import io
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from aisle.errors import BundleError
from aisle.models import forest_fit
from aisle.models.forest import LEAF, TREES, ForestScorer
from aisle.models.options import ForestOptions
from aisle.models.weights import array_bytes
from tests.unit.models.problems import dense_problem, mixed_problem, text_problem

OPTIONS = ForestOptions(trees=7, tries=20)


def made() -> ForestScorer:
    """Two trees over columns 2, 5 and 9: the first asks 5, then 9; the second is a leaf."""
    return ForestScorer(
        classes=3,
        columns=np.array([2, 5, 9], np.int32),
        roots=np.array([0, 5], np.int32),
        features=np.array([1, LEAF, 2, LEAF, LEAF, LEAF], np.uint16),
        thresholds=np.array([0.5, -1], np.float32),
        sizes=np.array([1, 2, 1, 3], np.uint16),
        leaf_classes=np.array([0, 0, 1, 2, 0, 1, 2], np.uint16),
        leaf_shares=np.array([255, 255, 85, 255, 255, 255, 255], np.uint8),
    )


def plainly(forest: ForestScorer, line: np.ndarray) -> list[float]:
    """Walk the trees of one row in plain Python."""
    found = [0.0] * forest.classes
    inner = (forest.features != LEAF).tolist()
    begins = np.concatenate([[0], np.cumsum(forest.sizes, dtype=np.int64)]).tolist()

    def end_of(node: int) -> int:
        return end_of(end_of(node + 1)) if inner[node] else node + 1

    for root in forest.roots.tolist():
        node = root
        while inner[node]:
            value = line[forest.columns[forest.features[node]]]
            node = end_of(node + 1) if value > forest.thresholds[sum(inner[:node])] else node + 1
        leaf = sum(not own for own in inner[:node])
        shares = forest.leaf_shares[begins[leaf] : begins[leaf + 1]].astype(float)
        for label, share in zip(forest.leaf_classes[begins[leaf] : begins[leaf + 1]], shares / shares.sum(), strict=True):
            found[label] += share / len(forest.roots)
    return found


def test_a_forest_by_hand() -> None:
    rows = np.zeros((4, 10), np.float32)
    rows[1, 5] = 1
    rows[2, [5, 9]] = 1, -2
    rows[3, 5] = 0.5
    expected = np.array([[1, 0, 0], [0, 0, 1], [0.75, 0.25, 0], [1, 0, 0]]) / 2 + 1 / 6
    for matrix in (rows, csr_matrix(rows)):
        assert np.allclose(made().probabilities(matrix), expected, atol=1e-6)
        assert np.allclose(made().scores(matrix), np.log(expected * 0.99 + 0.01 / 3), atol=1e-6)


@pytest.mark.parametrize("problem", [dense_problem, text_problem, mixed_problem])
def test_the_walk_is_that_of_plain_python(problem: Any) -> None:
    matrix, labels = problem(200)
    forest = forest_fit.fit(matrix, labels, int(labels.max()) + 1, OPTIONS, seed=3, jobs=1)
    found = forest.probabilities(matrix)
    lines = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    for row in range(0, 200, 9):
        assert found[row] == pytest.approx(plainly(forest, lines[row]), abs=1e-5)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    # What is sparse may come dense, and the other way round.
    assert np.array_equal(forest.probabilities(csr_matrix(lines)), forest.probabilities(lines))


def test_single_rows_in_leaves_are_learnt_by_heart() -> None:
    matrix, labels = dense_problem(150)
    forest = forest_fit.fit(matrix, labels, 3, ForestOptions(trees=5), seed=0, jobs=1)
    assert np.allclose(forest.probabilities(matrix)[np.arange(150), labels], 1)


def test_leaves_of_one_tree_hold_the_weighted_classes_of_their_rows() -> None:
    matrix, labels = dense_problem(200)
    forest = forest_fit.fit(matrix, labels, 3, ForestOptions(trees=1, leaf=20, balance=0.0), seed=0, jobs=1)
    found = forest.probabilities(matrix)
    for answer in np.unique(found, axis=0):
        rows = (found == answer).all(axis=1)
        assert rows.sum() >= 20
        # In 255ths of the largest.
        assert np.allclose(answer, np.bincount(labels[rows], minlength=3) / rows.sum(), atol=0.01)


def test_without_anything_to_ask_every_tree_is_a_leaf() -> None:
    labels = np.repeat([0, 1], [30, 10])
    forest = forest_fit.fit(np.ones((40, 3), np.float32), labels, 2, ForestOptions(trees=3, balance=0.0), seed=0, jobs=1)
    assert forest.columns.size == 0
    loaded = ForestScorer.from_parts(*forest.to_parts(), 3, 2)
    for matrix in (np.ones((2, 3), np.float32), csr_matrix((2, 3), dtype=np.float32)):
        assert np.allclose(loaded.probabilities(matrix), [[0.75, 0.25]] * 2, atol=0.01)


def test_only_columns_that_are_asked_are_kept() -> None:
    matrix, labels = text_problem(300, columns=2_000)
    forest = forest_fit.fit(matrix, labels, 4, ForestOptions(trees=3, tries=30, columns=40), seed=0, jobs=1)
    assert 0 < forest.columns.size <= 40
    asked = np.unique(forest.features[forest.features != LEAF])
    assert np.array_equal(asked, np.arange(forest.columns.size))
    assert (np.diff(forest.columns) > 0).all()


def test_a_forest_of_another_number_of_trees_is_refused() -> None:
    settings, files = made().to_parts()
    assert settings == {"kind": "forest", "trees": 2}
    for trees in (1, 3, None, "2"):
        with pytest.raises(BundleError, match="holds 2 trees instead of"):
            ForestScorer.from_parts({**settings, "trees": trees}, files, 10, 3)


def array(name: str, *values: float) -> dict[str, np.ndarray]:
    return {name: np.array(values, getattr(made(), name).dtype)}


@pytest.mark.parametrize(
    "changes",
    [
        array("columns", 5, 2, 9),
        array("columns", 2, 2, 9),
        array("columns", -1, 5, 9),
        array("columns", 2, 5, 10),
        array("columns", 2, 5),
        array("roots"),
        array("roots", 0),
        array("roots", 0, 4),
        array("roots", 1, 5),
        array("roots", 5, 0),
        array("roots", 0, 5, 6),
        array("roots", 0, 0),
        array("roots", 0, -1),
        array("roots", 0, 2**31 - 1),
        array("features"),
        array("features", 1, LEAF, 3, LEAF, LEAF, LEAF),
        array("features", 1, LEAF, LEAF, LEAF, LEAF, LEAF),
        array("features", 1, 1, 2, LEAF, LEAF, LEAF),
        array("features", 1, LEAF, 2, LEAF, LEAF),
        array("features", LEAF, 1, 2, LEAF, LEAF, LEAF),
        array("features", 1, LEAF, LEAF, LEAF, LEAF, 2),
        array("features", LEAF, LEAF, LEAF, LEAF, 1, 2),
        array("features", *[1] * 6),
        array("features", *[LEAF] * 6),
        array("thresholds", 0.5),
        array("thresholds", 0.5, 1, 2),
        array("thresholds", 0.5, float("nan")),
        array("thresholds", 0.5, float("inf")),
        array("sizes", 1, 2, 1),
        array("sizes", 1, 2, 4, 0),
        array("sizes", 1, 2, 1, 2),
        array("sizes", 1, 2, 1, 60_000),
        array("leaf_classes", 0, 0, 1, 2, 0, 1, 3),
        array("leaf_classes", 0, 0, 1, 2, 0, 1, 65_535),
        array("leaf_classes", 0, 0, 1, 2, 0, 1),
        array("leaf_shares", 255, 255, 0, 255, 255, 255, 255),
        array("leaf_shares", 255),
        {"roots": np.array([[0, 5]], np.int32)},
        {"thresholds": np.array(0.5, np.float32)},
        {"leaf_shares": np.full((7, 1), 255, np.uint8)},
        {"leaf_shares": np.full(7, 255, np.uint16)},
        {"columns": np.array([2, 5, 9])},
        {"more": np.zeros(1)},
    ],
)
def test_arrays_that_make_no_forest_are_refused(changes: dict[str, np.ndarray]) -> None:
    settings, files = made().to_parts()
    with np.load(io.BytesIO(files[TREES])) as archive:
        every = dict(archive)
    ForestScorer.from_parts(settings, {TREES: array_bytes(every)}, 10, 3)
    with pytest.raises(BundleError, match=f"{TREES} holds"):
        ForestScorer.from_parts(settings, {TREES: array_bytes({**every, **changes})}, 10, 3)


def test_arrays_of_objects_are_not_unpickled() -> None:
    settings, files = made().to_parts()
    with np.load(io.BytesIO(files[TREES])) as archive:
        every = dict(archive)
    stream = io.BytesIO()
    np.savez(stream, **{**every, "columns": np.array([print, 5, 9], dtype=object)})
    with pytest.raises(BundleError, match="cannot be read"):
        ForestScorer.from_parts(settings, {TREES: stream.getvalue()}, 10, 3)


@pytest.mark.parametrize(("columns", "classes"), [(9, 3), (10, 2), (0, 3), (10, 0)])
def test_a_forest_of_more_columns_or_classes_than_there_are_is_refused(columns: int, classes: int) -> None:
    with pytest.raises(BundleError, match="holds no forest"):
        ForestScorer.from_parts(*made().to_parts(), columns, classes)
