import io
from dataclasses import replace

import numpy as np
import pytest

from aisle.catalog.product import Product
from aisle.errors import BundleError
from aisle.features.text import TextFeatures
from aisle.models.calibration import softmax
from aisle.models.linear import WEIGHTS, LinearText
from aisle.models.linear_fit import LinearOptions, fit_linear_text
from aisle.models.logistic import LogisticOptions
from tests.unit.models.examples import SMALL, WORDS, fitted, products


@pytest.fixture(scope="module")
def model() -> LinearText:
    return fitted()


def _with_arrays(files: dict[str, bytes], **arrays: np.ndarray) -> dict[str, bytes]:
    with np.load(io.BytesIO(files[WEIGHTS])) as archive:
        every = {name: archive[name] for name in archive.files}
    stream = io.BytesIO()
    np.savez(stream, **{**every, **arrays})
    return {WEIGHTS: stream.getvalue()}


def test_it_learns_which_words_tell_the_category(model: LinearText) -> None:
    items, labels = products(200, seed=9)
    assert (model.answer(items)[0].argmax(axis=1) == labels).mean() > 0.95


def test_scores_are_those_of_the_matrix(model: LinearText) -> None:
    items, _ = products(30, seed=4)
    matrix = model.columns.transform(TextFeatures(model.config).counts(items))
    assert np.allclose(model.score(items), matrix @ model.weights + model.bias, atol=1e-4)


def test_the_fitted_scale_of_characters_is_in_the_weights() -> None:
    # Were the scale lost between fit and answer, scores would not separate as the regression made them.
    items, labels = products(120)
    counts = TextFeatures(SMALL.text).counts(items)
    heavy = fit_linear_text(counts, labels, 3, replace(SMALL, char_weight=5.0))
    light = fit_linear_text(counts, labels, 3, replace(SMALL, char_weight=0.01))
    cut = heavy.columns.word_columns
    assert np.abs(heavy.weights[cut:]).sum() > 10 * np.abs(light.weights[cut:]).sum()


def test_answers_are_softmax_of_scores_by_temperature(model: LinearText) -> None:
    items, _ = products(20, seed=2)
    cold = replace(model, temperature=0.5)
    assert np.array_equal(cold.answer(items)[0], softmax(model.score(items), 0.5))


def test_a_product_without_text_gets_the_prior(model: LinearText) -> None:
    probabilities, written = model.answer([Product("1"), Product("2", title="livre")])
    assert written.tolist() == [False, True]
    assert np.array_equal(probabilities[0], model.prior)
    assert not np.array_equal(probabilities[1], model.prior)


def test_nothing_is_lost_by_saving(model: LinearText) -> None:
    schema, files = model.to_parts()
    loaded = LinearText.from_parts(schema, files, len(WORDS))
    items, _ = products(50, seed=3)
    assert np.array_equal(loaded.answer(items)[0], model.answer(items)[0])
    assert loaded.to_parts() == (schema, files)


def test_an_array_of_objects_is_not_unpickled(model: LinearText) -> None:
    schema, files = model.to_parts()
    bad = _with_arrays(files, bias=np.array([print, 1, 2], dtype=object))
    with pytest.raises(BundleError, match="cannot be read"):
        LinearText.from_parts(schema, bad, 3)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"bias": np.zeros(4, np.float32)}, r"bias is of shape \(4,\)"),
        ({"bias": np.zeros(3, np.float64)}, "other kinds of numbers"),
        ({"bias": np.array([0, np.nan, 0], np.float32)}, "bias holds what is no number"),
        ({"prior": np.array([0.5, 0.5, np.inf], np.float32)}, "prior holds what is no number"),
        ({"prior": np.array([0.5, 0.5, 0.5], np.float32)}, "prior is no distribution"),
        ({"prior": np.array([1.5, 0.5, -1], np.float32)}, "prior is no distribution"),
        ({"weights": np.zeros((3, 3), np.float16)}, "weights is of shape"),
        ({"more": np.zeros(1)}, "instead of"),
        ({"idf": np.zeros(2, np.float32)}, "columns"),
        ({"columns": np.zeros((2, 2), np.int32)}, "weights is of shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(model: LinearText, arrays: dict[str, np.ndarray], words: str) -> None:
    schema, files = model.to_parts()
    with pytest.raises(BundleError, match=words):
        LinearText.from_parts(schema, _with_arrays(files, **arrays), 3)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_weights_that_are_no_numbers_are_refused(model: LinearText, value: float) -> None:
    schema, files = model.to_parts()
    weights = model.weights.astype(np.float16)
    weights[5, 1] = value
    with pytest.raises(BundleError, match="weights holds what is no number"):
        LinearText.from_parts(schema, _with_arrays(files, weights=weights), 3)


def test_a_file_that_is_missing_or_no_archive_is_refused(model: LinearText) -> None:
    schema, files = model.to_parts()
    with pytest.raises(BundleError, match=f"has no {WEIGHTS}"):
        LinearText.from_parts(schema, {}, 3)
    for bad in (b"", b"PK", files[WEIGHTS][:500], files[WEIGHTS][:-30]):
        with pytest.raises(BundleError, match="cannot be read"):
            LinearText.from_parts(schema, {WEIGHTS: bad}, 3)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf"), None, "1"])
def test_a_temperature_that_is_none_is_refused(model: LinearText, temperature: object) -> None:
    schema, files = model.to_parts()
    with pytest.raises(BundleError, match="temperature"):
        LinearText.from_parts({**schema, "temperature": temperature}, files, 3)


def test_the_commonest_columns_are_kept_when_there_are_too_many() -> None:
    items, labels = products(120)
    counts = TextFeatures(SMALL.text).counts(items)
    whole = fit_linear_text(counts, labels, 3, SMALL)
    small = fit_linear_text(counts, labels, 3, replace(SMALL, max_weights=150))
    assert small.columns.columns.size == 50 < whole.columns.columns.size
    assert small.weights.shape == (50, 3)
    rows = np.bincount(counts.indices, minlength=1 << SMALL.text.bits)
    dropped = np.setdiff1d(whole.columns.columns, small.columns.columns)
    assert rows[small.columns.columns].min() >= rows[dropped].max()


def test_columns_of_one_category_weigh_more_than_their_idf() -> None:
    items, labels = products(120)
    counts = TextFeatures(SMALL.text).counts(items)
    plain = fit_linear_text(counts, labels, 3, LinearOptions(SMALL.text, LogisticOptions(specificity=0.0)))
    weighed = fit_linear_text(counts, labels, 3, SMALL)
    gain = weighed.columns.idf / plain.columns.idf
    assert gain.min() >= 0.999
    assert gain.max() > 2.5
