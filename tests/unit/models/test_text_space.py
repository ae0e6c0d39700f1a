import io
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.catalog.product import Product
from aisle.errors import BundleError, ModelError, TrainingError
from aisle.features.text import TextConfig, TextFeatures
from aisle.features.tfidf import TfidfColumns
from aisle.models.text_space import COLUMNS, TextSpace
from aisle.models.text_space_fit import TextOptions, fit_text_space
from aisle.models.weights import LinearScorer

CONFIG = TextConfig(bits=12)
OPTIONS = TextOptions(config=CONFIG)
WORDS = ("roman", "livre", "poche", "manette", "console", "jeu", "piscine", "pompe", "spa")


def products(rows: int = 120, seed: int = 0) -> tuple[list[Product], np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, rows)
    labels[:3] = 0, 1, 2
    titles = [" ".join([*generator.choice(WORDS[3 * label : 3 * label + 3], 2), "lot"]) for label in labels]
    return [Product(str(number), title=title) for number, title in enumerate(titles)], labels


PRODUCTS, LABELS = products()
COUNTS = TextFeatures(CONFIG).counts(PRODUCTS)
SPACE = fit_text_space(COUNTS, LABELS, 3, OPTIONS)


@settings(deadline=None)
@given(
    st.lists(st.text(max_size=20) | st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), max_size=5),
    st.integers(1, 40),
    st.integers(0, 99),
)
def test_scores_are_those_of_the_matrix(titles: list[str], outputs: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(SPACE.width, outputs)).astype(np.float32)
    bias = generator.normal(size=outputs).astype(np.float32)
    items = [Product("1", title=title) for title in titles]
    model = LinearScorer.of(weights, bias)
    (direct,) = SPACE.models([model.texts(SPACE.width)]).scores(SPACE.texts(items))
    assert direct.shape == (len(items), outputs)
    assert direct.dtype == np.float32
    assert np.allclose(direct, SPACE.matrix(TextFeatures(CONFIG).counts(items)) @ model.weights + bias, atol=1e-4)


def test_the_matrix_is_tfidf_with_characters_weighed() -> None:
    found = SPACE.matrix(COUNTS)
    assert found.dtype == np.float32
    assert found.shape == (120, SPACE.width)
    words = SPACE.columns.word_columns
    assert 0 < words < SPACE.width
    # Each kind has the length 1, then characters count 1.3 times.
    assert np.allclose(np.sqrt(found[:, :words].power(2).sum(axis=1)), 1, atol=1e-5)
    assert np.allclose(np.sqrt(found[:, words:].power(2).sum(axis=1)), 1.3, atol=1e-5)
    plain = SPACE.columns.transform(COUNTS)
    assert np.array_equal(plain.toarray()[:, :words], found.toarray()[:, :words])


def test_what_tells_a_class_counts_more_than_what_tells_none() -> None:
    def idf(word: str, space: TextSpace) -> float:
        bucket = TextFeatures(replace(CONFIG, word_ngrams=(1, 1))).count_texts([word]).indices[0]
        return float(space.columns.idf[space.columns.table[bucket]])

    flat = fit_text_space(COUNTS, LABELS, 3, replace(OPTIONS, specificity=0.0))
    assert np.array_equal(flat.columns.columns, SPACE.columns.columns)
    assert idf("lot", SPACE) == pytest.approx(idf("lot", flat), rel=0.01)
    for word in WORDS:
        assert 2.0 < idf(word, SPACE) / idf(word, flat) <= 3.0
    plain = TfidfColumns.fit(COUNTS, word_min_df=2, char_min_df=2)
    assert np.allclose(flat.columns.idf, plain.idf)


def test_columns_of_too_few_rows_are_left_out() -> None:
    rows = np.bincount(COUNTS.indices, minlength=COUNTS.shape[1])
    for least in (1, 2, 30):
        space = fit_text_space(COUNTS, LABELS, 3, replace(OPTIONS, min_rows=least))
        assert np.array_equal(space.columns.columns, np.flatnonzero(rows >= least))
    with pytest.raises(TrainingError, match="No n-gram occurs"):
        fit_text_space(COUNTS, LABELS, 3, replace(OPTIONS, min_rows=121))


@pytest.mark.parametrize(("most", "columns"), [(3 * 20, 20), (3 * 20 + 2, 20), (1, 1), (10_000_000, None)])
def test_beyond_the_limit_the_commonest_columns_stay(most: int, columns: int | None) -> None:
    space = fit_text_space(COUNTS, LABELS, 3, replace(OPTIONS, max_weights=most))
    assert space.width == (columns or SPACE.width)
    rows = np.bincount(COUNTS.indices, minlength=COUNTS.shape[1])
    left = np.setdiff1d(SPACE.columns.columns, space.columns.columns)
    assert not left.size or rows[space.columns.columns].min() >= rows[left].max()
    assert (np.diff(space.columns.columns) > 0).all()
    # Limiting keeps what the columns weigh.
    assert np.allclose(space.columns.idf, SPACE.columns.idf[np.isin(SPACE.columns.columns, space.columns.columns)])


def test_nothing_is_lost_by_saving() -> None:
    settings, files = SPACE.to_parts()
    loaded = TextSpace.from_parts(orjson.loads(orjson.dumps(settings)), files)
    assert loaded.config == CONFIG
    assert loaded.to_parts() == (settings, files)
    assert (loaded.matrix(COUNTS) != SPACE.matrix(COUNTS)).nnz == 0
    assert fit_text_space(COUNTS, LABELS, 3, OPTIONS).to_parts() == (settings, files)


def test_a_weight_given_as_a_whole_number_is_loaded_again() -> None:
    settings, files = fit_text_space(COUNTS, LABELS, 3, replace(OPTIONS, char_weight=2)).to_parts()
    assert TextSpace.from_parts(orjson.loads(orjson.dumps(settings)), files).char_weight == 2.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"char_weight": 0.0}, "The weight 0.0"),
        ({"char_weight": -1.0}, "The weight -1.0"),
        ({"char_weight": float("nan")}, "The weight nan"),
        ({"char_weight": float("inf")}, "The weight inf"),
        ({"char_weight": "1"}, "The weight '1'"),
        ({"char_weight": None}, "The weight None"),
        ({"config": None}, "configuration"),
        ({"config": {}}, "configuration"),
        ({"config": {**CONFIG.to_json(), "bits": 99}}, "configuration"),
        ({"config": {**CONFIG.to_json(), "bits": 10}}, "are damaged"),
    ],
)
def test_damaged_settings_are_refused(changes: dict[str, Any], words: str) -> None:
    settings, files = SPACE.to_parts()
    with pytest.raises(BundleError, match=words):
        TextSpace.from_parts({**settings, **changes}, files)


@pytest.mark.parametrize("name", ["config", "char_weight"])
def test_settings_that_miss_one_are_refused(name: str) -> None:
    settings, files = SPACE.to_parts()
    del settings[name]
    with pytest.raises(BundleError, match=f"does not say how texts are read .*{name}"):
        TextSpace.from_parts(settings, files)


def test_files_that_are_missing_or_damaged_are_refused() -> None:
    settings, files = SPACE.to_parts()
    with pytest.raises(BundleError, match=f"has no {COLUMNS}"):
        TextSpace.from_parts(settings, {})
    data = files[COLUMNS]
    for bad in (b"", b"PK\3\4", data[: len(data) // 2], data[:-1], b"\0" * 99):
        with pytest.raises(BundleError, match=f"{COLUMNS} cannot be read"):
            TextSpace.from_parts(settings, {COLUMNS: bad})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"columns": SPACE.columns.columns.astype(np.int64)}, "other kinds of numbers"),
        ({"idf": SPACE.columns.idf.astype(np.float64)}, "other kinds of numbers"),
        ({"more": np.zeros(2)}, "instead of"),
        ({"columns": SPACE.columns.columns[::-1].copy()}, "are damaged"),
        ({"columns": SPACE.columns.columns[:-1]}, "are damaged"),
        ({"idf": -SPACE.columns.idf}, "are damaged"),
        ({"idf": np.full_like(SPACE.columns.idf, np.nan)}, "are damaged"),
        ({"columns": np.array([print] * SPACE.width, dtype=object)}, "cannot be read"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any], words: str) -> None:
    settings, _ = SPACE.to_parts()
    stream = io.BytesIO()
    np.savez(stream, **{"columns": SPACE.columns.columns, "idf": SPACE.columns.idf, **changes})
    with pytest.raises(BundleError, match=words):
        TextSpace.from_parts(settings, {COLUMNS: stream.getvalue()})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_rows", 0),
        ("char_weight", 0),
        ("char_weight", float("nan")),
        ("specificity", -1),
        ("max_weights", 0),
        ("min_rows", 2.5),
    ],
)
def test_options_that_make_no_sense_are_refused(name: str, value: float) -> None:
    with pytest.raises(ModelError, match=f"The option {name}"):
        TextOptions(**{name: value})
