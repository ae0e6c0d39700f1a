"""From products to counts and scores: which fields count, and one path for a batch and for a request."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.catalog.product import Product
from aisle.errors import BundleError, ModelError
from aisle.features.normalise import Normalisation
from aisle.features.text import TextConfig, TextFeatures, join_fields
from tests.unit.features.ngram_reference import reference_counts

FIELD = st.none() | st.text(max_size=30) | st.text("abé <>&-¿12", max_size=40)
PRODUCTS = st.lists(st.builds(Product, st.just("x"), title=FIELD, description=FIELD, brand=FIELD), max_size=6)
CONFIG = TextConfig(bits=12)


@pytest.mark.parametrize(
    ("product", "text"),
    [
        (Product("1"), ""),
        (Product("1", title="Jeu-Vidéo"), "jeu video"),
        (Product("1", title="Jeu", brand="SEGA®"), "jeu sega"),
        (Product("1", brand="Sega"), "sega"),
        (Product("1", description="Très <b>beau</b>"), "tres beau"),
        (Product("1", title="Jeu", brand="Sega", description="un deux trois quatre"), "jeu jeu sega un deux trois"),
        (Product("1", title="Jeu", description=" <br/> "), "jeu"),
    ],
)
def test_fields_are_joined(product: Product, text: str) -> None:
    assert join_fields(product, TextConfig(description_words=3)) == text


def test_a_description_may_be_left_out() -> None:
    product = Product("1", title="Jeu", description="un deux")
    assert join_fields(product, TextConfig(description_words=0)) == "jeu"


def test_the_title_counts_as_often_as_configured() -> None:
    product = Product("1", title="Jeu", description="un")
    assert join_fields(product, TextConfig(title_times=3)) == "jeu jeu jeu un"
    assert join_fields(product, TextConfig(title_times=1)) == "jeu un"


def test_the_rules_of_the_configuration_hold() -> None:
    assert join_fields(Product("1", title="<b>x"), TextConfig(normalisation=Normalisation(html=False))) == "b x"


@settings(deadline=None)
@given(PRODUCTS)
def test_counts_equal_the_reference(products: list[Product]) -> None:
    counts = TextFeatures(CONFIG).counts(products)
    assert counts.shape == (len(products), 1 << 12)
    assert counts.dtype == np.float32
    for row, product in enumerate(products):
        buckets = counts.indices[counts.indptr[row] : counts.indptr[row + 1]]
        assert (np.diff(buckets) > 0).all()
        expected = reference_counts(join_fields(product, CONFIG), CONFIG.shape)
        assert dict(zip(buckets.tolist(), counts[row].data.tolist(), strict=True)) == expected


def test_more_products_than_one_block_come_out_in_order() -> None:
    features = TextFeatures(CONFIG)
    products = [Product(str(number), title=f"lot {number}") for number in range(8_192 + 3)]
    counts = features.counts(products)
    tail = features.counts(products[8_190:])
    assert counts.shape[0] == len(products)
    assert (counts[8_190:] != tail).nnz == 0


def test_a_configuration_survives_json() -> None:
    config = TextConfig((1, 3), (3, 4), 18, 1, 50, Normalisation(html=False))
    assert TextConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    "change",
    [
        {"bits": 99},
        {"bits": "20"},
        {"word_ngrams": [1]},
        {"word_ngrams": None},
        {"normalisation": {"version": 99}},
        {"normalisation": None},
        {"stop_words": ["le"]},
    ],
)
def test_a_foreign_configuration_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BundleError):
        TextConfig.from_json(TextConfig().to_json() | change)


def test_an_empty_configuration_is_refused() -> None:
    with pytest.raises(BundleError, match="cannot be used"):
        TextConfig.from_json({})


@pytest.mark.parametrize(
    "numbers",
    [
        {"word_ngrams": (0, 2)},
        {"char_ngrams": (5, 2)},
        {"char_ngrams": (2, 99)},
        {"bits": 7},
        {"bits": 25},
        {"title_times": 0},
        {"description_words": -1},
    ],
)
def test_senseless_numbers_are_refused(numbers: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="is"):
        TextConfig(**numbers)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jeu-Vidéo d'été", "JEU VIDEO D ETE"),
        ("L&#39;&eacute;t&eacute;", "l'été"),
        ("<b>Table</b><br/>basse", "table basse"),
        ("TÃ©lÃ©phone", "téléphone"),
        ("Te\u0301le\u0301phone", "Téléphone"),
        ("Ta\u200bble \u202ebasse", "Table basse"),
        ("Ｔａｂｌｅ", "Table"),
        ("Table 120x60cm", "table 120 x 60 cm"),
        ("le c¿ur d¿été", "le cœur d'été"),
        ("d\x92eau", "d’eau"),
    ],
)
def test_spellings_of_the_same_words_have_the_same_features(one: str, other: str) -> None:
    features = TextFeatures(TextConfig())
    for field in ("title", "description", "brand"):
        pair = features.counts([Product("1", **{field: one}), Product("2", **{field: other})])
        assert pair[0].nnz
        assert (pair[0] != pair[1]).nnz == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [("jeu video", "jeuvideo"), ("table", "tables"), ("lot de 2", "lot de 3"), ("12 cm", "1 2 cm"), ("日本", "日体")],
)
def test_other_words_have_other_features(one: str, other: str) -> None:
    pair = TextFeatures(TextConfig()).counts([Product("1", title=one), Product("2", title=other)])
    assert (pair[0] != pair[1]).nnz


def test_the_id_and_the_image_are_no_text() -> None:
    features = TextFeatures(CONFIG)
    pair = features.counts([Product("1", title="chat"), Product("chien", title="chat", image=b"table")])
    assert (pair[0] != pair[1]).nnz == 0


def test_only_the_first_words_of_a_description_count() -> None:
    features = TextFeatures(TextConfig(description_words=5))
    beginning = "un deux trois quatre cinq"
    pair = features.counts([Product("1", description=beginning), Product("2", description=beginning + " six" * 1_000)])
    assert (pair[0] != pair[1]).nnz == 0


def test_a_megabyte_of_description_is_one_product_like_others() -> None:
    features = TextFeatures(TextConfig())
    product = Product("1", title="Jeu", description="<p>mot</p>" * 100_000)
    assert join_fields(product, features.config) == " ".join(["jeu jeu", *["mot"] * 200])
    (row,) = features.counts([product])
    assert row.max() == 200


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        TextConfig().bits = 10  # type: ignore[misc]


def test_the_shape_says_all_that_the_compiled_code_asks() -> None:
    assert TextConfig((1, 3), (4, 6), 18).shape == (1, 3, 4, 6, 18)


@given(st.integers(1, 16), st.integers(0, 15), st.integers(8, 24), st.integers(1, 16), st.integers(0, 1_000))
def test_every_sensible_configuration_survives_json(low: int, more: int, bits: int, times: int, words: int) -> None:
    high = min(low + more, 16)
    config = TextConfig((low, high), (low, high), bits, times, words)
    assert TextConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
