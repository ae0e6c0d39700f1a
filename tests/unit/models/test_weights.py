import io
import zipfile

import numpy as np
import pytest

from aisle.errors import BundleError
from aisle.models.weights import WEIGHTS, LinearScorer, array_bytes
from tests.unit.models.problems import sparse_problem


@pytest.fixture
def scorer() -> LinearScorer:
    generator = np.random.default_rng(5)
    return LinearScorer.of(generator.normal(size=(40, 3)).astype(np.float32), np.array([0.1, -2, 3], np.float32))


def test_scores_are_the_product_and_the_intercepts(scorer: LinearScorer) -> None:
    matrix, _ = sparse_problem(rows=20)
    expected = [[sum(row * scorer.weights[:, label]) + scorer.bias[label] for label in range(3)] for row in matrix.toarray()]
    assert np.allclose(scorer.scores(matrix), expected, atol=1e-4)
    assert np.allclose(scorer.scores(matrix.toarray()), expected, atol=1e-4)
    assert scorer.scores(matrix).dtype == np.float32


def test_nothing_is_lost_by_saving(scorer: LinearScorer) -> None:
    settings, files = scorer.to_parts()
    again = LinearScorer.from_parts(settings, files, 40, 3)
    assert np.array_equal(again.weights, scorer.weights)
    assert np.array_equal(again.bias, scorer.bias)
    assert again.to_parts() == (settings, files)


def test_a_weight_is_within_half_a_step_of_what_was_fitted() -> None:
    weights = np.random.default_rng(2).normal(size=(200, 7)).astype(np.float32)
    found = LinearScorer.of(weights, np.zeros(7, np.float32))
    largest = np.abs(weights).max(axis=1, keepdims=True)
    assert (np.abs(found.weights - weights) <= largest / 254 * (1 + 1e-5)).all()
    assert np.array_equal(np.abs(found.model.whole).max(axis=1), np.full(200, 127))


def test_weights_of_any_size_stay_numbers() -> None:
    weights = np.array([[1e38, -3e38, 1e-9], [0, 0, 0], [1e-45, 0, 0], [1e-30, -1e-30, 0]], np.float32)
    scorer = LinearScorer.of(weights, np.zeros(3, np.float32))
    assert np.isfinite(scorer.weights).all()
    assert scorer.weights[1:3].tolist() == [[0.0] * 3] * 2
    assert scorer.weights[3].tolist() == pytest.approx([1e-30, -1e-30, 0])
    LinearScorer.from_parts(*scorer.to_parts(), 4, 3)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"whole": np.zeros((40, 3), np.float32)}, "other kinds of numbers"),
        ({"whole": np.zeros((39, 3), np.int8)}, r"whole of shape \(39, 3\) instead of \(40, 3\)"),
        ({"bias": np.zeros(2, np.float32)}, "bias of shape"),
        ({"steps": np.zeros(39, np.float32)}, "steps of shape"),
        ({"steps": np.full(40, np.nan, np.float32)}, "are no numbers"),
        ({"steps": np.full(40, -1, np.float32)}, "steps below 0"),
        ({"bias": np.full(3, np.inf, np.float32)}, "are no numbers"),
        ({"more": np.zeros(1)}, "instead of"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(scorer: LinearScorer, arrays: dict[str, np.ndarray], words: str) -> None:
    whole = {"whole": scorer.model.whole, "steps": scorer.model.steps, "bias": scorer.bias}
    with pytest.raises(BundleError, match=words):
        LinearScorer.from_parts({"kind": "linear"}, {WEIGHTS: array_bytes({**whole, **arrays})}, 40, 3)


def test_what_is_damaged_or_foreign_is_refused(scorer: LinearScorer) -> None:
    settings, files = scorer.to_parts()
    with pytest.raises(BundleError, match=f"has no {WEIGHTS}"):
        LinearScorer.from_parts(settings, {}, 40, 3)
    with pytest.raises(BundleError, match="'tree' is no 'linear'"):
        LinearScorer.from_parts({"kind": "tree"}, files, 40, 3)
    middle = bytearray(files[WEIGHTS])
    middle[120:160] = bytes(40)
    for bad in (b"", b"PK", files[WEIGHTS][:200], bytes(middle)):
        with pytest.raises(BundleError, match="cannot be read"):
            LinearScorer.from_parts(settings, {WEIGHTS: bad}, 40, 3)


def test_an_array_of_objects_is_not_unpickled() -> None:
    stream = io.BytesIO()
    np.savez(stream, whole=np.zeros((40, 3), np.int8), bias=np.array([print, 1, 2], dtype=object))
    with pytest.raises(BundleError, match="cannot be read"):
        LinearScorer.from_parts({"kind": "linear"}, {WEIGHTS: stream.getvalue()}, 40, 3)


def test_files_that_are_another_kind_of_archive_or_none_are_refused(scorer: LinearScorer) -> None:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    bare = stream.getvalue()
    # A header that claims more than any memory, and a member that is no array at all.
    claim = bytearray(bare).replace(b"(3,)", b"(9**9,)")
    huge = bytes(bare).replace(b"(3,), ", b"(999999999999999,), ".ljust(6))
    made = []
    for members in ({"whole.npy": b"no array", "bias.npy": bare}, {"whole.npy": huge}, {"whole.npy": bytes(claim)}):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        made.append(stream.getvalue())
    locked = bytearray(made[0])
    locked[6] |= 1
    locked[locked.index(b"PK\1\2") + 8] |= 1
    other = bytearray(made[0])
    other[other.index(b"PK\1\2") + 10] = 99
    for data in (bare, *made, bytes(locked), bytes(other)):
        with pytest.raises(BundleError, match=WEIGHTS):
            LinearScorer.from_parts({"kind": "linear"}, {WEIGHTS: data}, 40, 3)


def test_the_same_arrays_give_the_same_bytes(scorer: LinearScorer) -> None:
    arrays = {"weights": scorer.weights, "bias": scorer.bias}
    assert array_bytes(arrays) == array_bytes({name: array.copy() for name, array in arrays.items()})
    assert array_bytes(arrays) != array_bytes({**arrays, "bias": scorer.bias + 1})


def test_rounding_leaves_what_was_fitted_alone() -> None:
    weights = np.array([[1 / 3, 1e9]], np.float32)
    before = weights.copy()
    scorer = LinearScorer.of(weights, np.zeros(2, np.float32))
    assert np.array_equal(weights, before)
    assert scorer.weights[0].tolist() == [0.0, pytest.approx(1e9)]
