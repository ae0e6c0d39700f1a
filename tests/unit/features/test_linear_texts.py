from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from aisle.errors import ModelError
from aisle.features.linear_texts import LinearTexts, Stepped, _column, _marked, stepped
from aisle.features.ngrams import count_ngrams
from aisle.features.tfidf import TfidfColumns
from tests.unit.features.ngram_reference import reference_counts

SHAPE = (1, 2, 2, 5, 10)
TEXT = st.lists(st.text("abc é1", min_size=1, max_size=8).map(str.split).map("".join), max_size=5).map(
    lambda words: " ".join(filter(None, words))
)


def columns(share: float = 0.7, seed: int = 0) -> TfidfColumns:
    generator = np.random.default_rng(seed)
    kept = np.flatnonzero(generator.random(1 << SHAPE[4]) < share).astype(np.int32)
    return TfidfColumns.from_arrays(kept, generator.uniform(1, 9, kept.size).astype(np.float32), SHAPE[4])


def model(tfidf: TfidfColumns, outputs: int, seed: int = 0) -> Stepped:
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(tfidf.columns.size, outputs)).astype(np.float32)
    return Stepped(*stepped(weights), generator.normal(size=outputs).astype(np.float32))


def defined(text: str, tfidf: TfidfColumns, linear: Stepped) -> np.ndarray:
    """The scores by their definition, in plain Python: TF-IDF of each kind over its norm, times the weights."""
    half = 1 << (SHAPE[4] - 1)
    weights = linear.whole * linear.steps[:, np.newaxis].astype(np.float64)
    scores = linear.bias.astype(np.float64)
    for low in (0, half):
        known = {
            int(tfidf.table[bucket]): times
            for bucket, times in reference_counts(text, SHAPE).items()
            if low <= bucket < low + half and tfidf.table[bucket] >= 0
        }
        values = {column: (1 + np.log(times)) * tfidf.idf[column] for column, times in known.items()}
        norm = np.sqrt(sum(value**2 for value in values.values()))
        for column, value in values.items():
            scores = scores + value / norm * weights[column]
    return scores


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT, max_size=4), st.lists(st.integers(1, 70), min_size=1, max_size=3), st.integers(0, 2**31))
def test_scores_equal_the_definition(texts: list[str], outputs: list[int], seed: int) -> None:
    tfidf = columns(seed=seed)
    models = [model(tfidf, size, seed + place) for place, size in enumerate(outputs)]
    found = LinearTexts.of(SHAPE, tfidf, models).scores(texts)
    assert [scores.shape for scores in found] == [(len(texts), size) for size in outputs]
    for scores, linear in zip(found, models, strict=True):
        assert scores.dtype == np.float32
        for row, text in enumerate(texts):
            np.testing.assert_allclose(scores[row], defined(text, tfidf, linear), rtol=2e-4, atol=2e-4)


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=6), st.integers(0, 99))
def test_scores_are_those_of_the_matrix_with_columns_scaled(texts: list[str], seed: int) -> None:
    tfidf = columns(seed=seed)
    linear = model(tfidf, 5, seed)
    scale = np.random.default_rng(seed).uniform(0.5, 2, tfidf.columns.size).astype(np.float32)
    (found,) = LinearTexts.of(SHAPE, tfidf, [linear], scale).scores(texts)
    counts = count_ngrams(texts, SHAPE)
    matrix = tfidf.transform(csr_matrix((counts.values, counts.indices, counts.indptr), shape=(len(texts), 1 << SHAPE[4])))
    weights = linear.whole * (linear.steps * scale)[:, np.newaxis]
    np.testing.assert_allclose(found, matrix @ weights + linear.bias, rtol=2e-4, atol=2e-4)


@given(st.lists(TEXT, min_size=2, max_size=5))
def test_a_text_alone_scores_as_among_others_to_the_bit(texts: list[str]) -> None:
    tfidf = columns()
    texts_models = LinearTexts.of(SHAPE, tfidf, [model(tfidf, 27), model(tfidf, 3, seed=1)])
    together = texts_models.scores(texts)
    for row, text in enumerate(texts):
        for alone, every in zip(texts_models.scores([text]), together, strict=True):
            np.testing.assert_array_equal(alone[0], every[row])


def test_models_beside_each_other_do_not_touch() -> None:
    tfidf = columns()
    one, other = model(tfidf, 27), model(tfidf, 33, seed=1)
    texts = ["abc abc", "é1 ab", ""]
    apart = [LinearTexts.of(SHAPE, tfidf, [each]).scores(texts)[0] for each in (one, other)]
    for alone, beside in zip(apart, LinearTexts.of(SHAPE, tfidf, [one, other]).scores(texts), strict=True):
        np.testing.assert_array_equal(alone, beside)


@pytest.mark.parametrize("texts", [[], [""], ["", "zzz", ""]])
def test_texts_without_a_known_ngram_score_the_bias(texts: list[str]) -> None:
    tfidf = TfidfColumns.from_arrays(np.array([0], np.int32), np.ones(1, np.float32), SHAPE[4])
    linear = Stepped(np.full((1, 3), 127, np.int8), np.ones(1, np.float32), np.array([0.5, -1, 2], np.float32))
    (found,) = LinearTexts.of(SHAPE, tfidf, [linear]).scores(texts)
    np.testing.assert_array_equal(found, np.tile(linear.bias, (len(texts), 1)))


@pytest.mark.parametrize("buckets", [[0], [63], [64], [1_023], list(range(1_024)), [0, 63, 64, 127, 128, 1_023]])
def test_every_bucket_finds_its_column(buckets: list[int]) -> None:
    tfidf = TfidfColumns.from_arrays(np.array(buckets, np.int32), np.ones(len(buckets), np.float32), SHAPE[4])
    marks, ranks = _marked(tfidf)
    assert [_column(bucket, marks, ranks) for bucket in range(1_024)] == tfidf.table.tolist()


@pytest.mark.parametrize("change", ["bits", "rows", "outputs", "whole", "steps", "bias"])
def test_arrays_that_do_not_fit_are_refused(change: str) -> None:
    tfidf = columns()
    count = tfidf.columns.size
    whole, steps, bias = np.zeros((count, 3), np.int8), np.ones(count, np.float32), np.zeros(3, np.float32)
    wrong: dict[str, tuple[Any, Any, Any]] = {
        "rows": (whole[:-1], steps, bias),
        "outputs": (whole[:, :2], steps, bias),
        "whole": (whole.astype(np.float32), steps, bias),
        "steps": (whole, steps.astype(np.float64), bias),
        "bias": (whole, steps, bias.astype(np.float64)),
    }
    shape = (*SHAPE[:4], 12) if change == "bits" else SHAPE
    with pytest.raises(ModelError, match="do not fit"):
        LinearTexts.of(shape, tfidf, [Stepped(*wrong.get(change, (whole, steps, bias)))])
