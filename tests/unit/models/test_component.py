from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, hstack

from aisle.errors import BundleError
from aisle.features.sparse import SparseRows
from aisle.models.component import MODALITIES, Component, joined
from aisle.models.scorers import load_scorer
from aisle.models.weights import LinearScorer

TEXT, IMAGE, CLASSES = 7, 4, 3


def scorer(columns: int, classes: int = CLASSES, seed: int = 0) -> LinearScorer:
    generator = np.random.default_rng(seed)
    weights, bias = generator.normal(size=(columns, classes)), generator.normal(size=classes)
    return LinearScorer.of(weights.astype(np.float32), bias.astype(np.float32))


def component(modality: Any = "both", known: list[int] | None = None, weight: float = 0.5) -> Component:
    columns = {"text": TEXT, "image": IMAGE, "both": TEXT + IMAGE + 1}[modality]
    classes = CLASSES if known is None else len(known)
    places = None if known is None else np.array(known, np.intp)
    return Component(f"{modality}-logistic", "logistic", modality, scorer(columns, classes), weight, places)


def features(rows: int = 9, seed: int = 0) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    text = csr_matrix(generator.normal(size=(rows, TEXT)) * (generator.random((rows, TEXT)) < 0.4), dtype=np.float32)
    seen = generator.random(rows) < 0.6
    pictures = (generator.normal(size=(rows, IMAGE)) * (generator.random((rows, IMAGE)) < 0.8)).astype(np.float32)
    return text, pictures * seen[:, np.newaxis], seen


def never() -> SparseRows:
    raise AssertionError("nobody asked for texts")


@settings(deadline=None)
@given(st.integers(0, 12), st.integers(0, 50))
def test_both_stand_side_by_side_with_whether_there_is_an_image(rows: int, seed: int) -> None:
    text, pictures, seen = features(rows, seed)
    found = joined(lambda: SparseRows.of(text), pictures, seen, "both").as_matrix()
    beside = np.concatenate([pictures, seen[:, np.newaxis].astype(np.float32)], axis=1)
    assert found.dtype == np.float32
    assert found.shape == (rows, TEXT + IMAGE + 1)
    assert np.array_equal(found.toarray(), np.concatenate([text.toarray(), beside], axis=1))
    # Zeros are not stored, columns rise: just what SciPy makes, which takes ten times the room on its way.
    expected = hstack([text, csr_matrix(beside)], format="csr", dtype=np.float32)
    assert np.array_equal(found.indptr, expected.indptr)
    assert np.array_equal(found.indices, expected.indices)
    found.check_format(full_check=True)


def test_either_alone_is_what_was_given() -> None:
    text, pictures, seen = features()
    rows = SparseRows.of(text)
    assert joined(lambda: rows, pictures, seen, "text") is rows
    assert joined(never, pictures, seen, "image") is pictures


def test_joining_takes_mapped_and_cut_arrays() -> None:
    text, pictures, seen = features()
    rows = SparseRows.of(text)
    whole = joined(lambda: rows, pictures, seen, "both").as_matrix()
    locked, wide = pictures.copy(), np.zeros((9, 2 * IMAGE), np.float32)
    locked.setflags(write=False)
    wide[:, ::2] = pictures
    for own in (locked, wide[:, ::2], np.asfortranarray(pictures)):
        assert (joined(lambda: rows, own, seen, "both").as_matrix() != whole).nnz == 0


def test_images_are_weighed_beside_texts_only() -> None:
    text, pictures, seen = features()
    both = component("both").matrix(lambda: SparseRows.of(text), pictures, seen).filled()
    assert np.array_equal(both[:, TEXT:-1], pictures * np.float32(0.5))
    assert np.array_equal(both[:, -1], seen)
    assert component("image").matrix(never, pictures, seen) is pictures


def test_the_two_halves_of_a_linear_component_add_up() -> None:
    text, pictures, seen = features()
    own = component("both")
    weights = own.scorer.weights
    whole = own.scorer.scores(own.matrix(lambda: SparseRows.of(text), pictures, seen))
    halves = text @ weights[:TEXT] + own.scorer.bias + own.picture_scores(pictures, seen)
    assert np.allclose(whole, halves, atol=1e-5)
    nothing = own.picture_scores(np.zeros_like(pictures), np.zeros_like(seen))
    assert nothing.shape == (9, CLASSES)
    assert not nothing.any()


@pytest.mark.parametrize(("modality", "expected"), [("text", [1, 1, 0, 0]), ("image", [1, 0, 1, 0]), ("both", [1, 1, 1, 0])])
def test_usable_is_what_it_has_something_to_go_by(modality: str, expected: list[int]) -> None:
    written, seen = np.array([1, 1, 0, 0], np.bool_), np.array([1, 0, 1, 0], np.bool_)
    assert component(modality).usable(written, seen).tolist() == list(map(bool, expected))


def test_unknown_classes_get_the_least_score_of_the_row() -> None:
    own = component("text", known=[1, 3])
    scores = np.array([[5, -2], [-7, 4]], np.float32)
    assert own.spread(scores, 5).tolist() == [[-2, 5, -2, -2, -2], [-7, -7, -7, 4, -7]]
    assert own.spread(scores[:0], 5).shape == (0, 5)
    assert scores.tolist() == [[5, -2], [-7, 4]]
    assert component("text").spread(scores, 2) is scores


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("known", [None, [0, 2]])
def test_nothing_is_lost_by_saving(modality: str, known: list[int] | None) -> None:
    own = component(modality, known)
    settings, files = own.to_parts()
    loaded = Component.from_parts(orjson.loads(orjson.dumps(settings)), files, (TEXT, IMAGE), CLASSES, load_scorer)
    assert loaded.to_parts() == (settings, files)
    assert (loaded.name, loaded.family, loaded.modality, loaded.image_weight) == (own.name, "logistic", modality, 0.5)
    assert (loaded.known is None) == (known is None)
    if known is not None:
        assert loaded.known.tolist() == known
        assert loaded.known.dtype == np.intp


def test_a_weight_given_as_a_whole_number_is_loaded_again() -> None:
    settings, files = component("both", weight=1).to_parts()
    settings = orjson.loads(orjson.dumps(settings))
    assert Component.from_parts(settings, files, (TEXT, IMAGE), CLASSES, load_scorer).image_weight == 1.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"modality": "sound"}, "modality 'sound'"),
        ({"modality": None}, "modality None"),
        ({"modality": ["text"]}, "modality"),
        ({"modality": "image"}, "whole of shape"),
        ({"image_weight": 0.0}, "weight 0.0"),
        ({"image_weight": -1.0}, "weight -1.0"),
        ({"image_weight": float("nan")}, "weight nan"),
        ({"image_weight": float("inf")}, "weight inf"),
        ({"image_weight": "1"}, "weight '1'"),
        ({"image_weight": None}, "weight None"),
        ({"known": []}, "knows classes"),
        ({"known": [1]}, "knows classes"),
        ({"known": [0, 3]}, "knows classes"),
        ({"known": [-1, 2]}, "knows classes"),
        ({"known": [2, 0]}, "knows classes"),
        ({"known": [0, 0]}, "knows classes"),
        ({"known": [0, 10**30]}, "knows classes"),
        ({"known": [0, 1.0]}, "knows classes"),
        ({"known": [False, True]}, "knows classes"),
        ({"known": [[0], [1, 2]]}, "knows classes"),
        ({"known": "01"}, "knows classes"),
        ({"known": {"0": 1}}, "knows classes"),
        ({"known": [0, 1]}, "whole of shape"),
        ({"scorer": {"kind": "oracle"}}, "kind 'oracle'"),
        ({"scorer": {"kind": "forest"}}, "has no trees.npz"),
    ],
)
def test_damaged_settings_are_refused(changes: dict[str, Any], words: str) -> None:
    settings, files = component("both").to_parts()
    with pytest.raises(BundleError, match=words):
        Component.from_parts({**settings, **changes}, files, (TEXT, IMAGE), CLASSES, load_scorer)


@pytest.mark.parametrize("name", ["name", "family", "modality", "image_weight", "known", "scorer"])
def test_settings_that_miss_one_are_refused(name: str) -> None:
    settings, files = component("both").to_parts()
    del settings[name]
    with pytest.raises(BundleError, match=f"does not tell its {name}"):
        Component.from_parts(settings, files, (TEXT, IMAGE), CLASSES, load_scorer)


def test_other_widths_are_refused() -> None:
    settings, files = component("both").to_parts()
    for widths, classes in (((TEXT + 1, IMAGE), CLASSES), ((TEXT, IMAGE - 1), CLASSES), ((TEXT, IMAGE), CLASSES + 1)):
        with pytest.raises(BundleError, match="of shape"):
            Component.from_parts(settings, files, widths, classes, load_scorer)
    assert replace(component("both"), name="x").to_parts()[0]["name"] == "x"
