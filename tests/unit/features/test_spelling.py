import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.features.ngrams import Shape, count_ngrams
from aisle.features.normalise import normalise
from aisle.features.spelling import spell_buckets
from tests.unit.features.ngram_reference import reference_counts

SHAPE: Shape = (1, 2, 2, 5, 20)
SHAPES = st.sampled_from(
    [(1, 2, 2, 5, 14), (1, 1, 5, 5, 12), (2, 3, 3, 3, 13), (1, 3, 1, 6, 14), (4, 6, 8, 9, 12), (1, 1, 2, 2, 8)]
)
TEXTS = st.lists((st.text(max_size=40) | st.text("ab c9é日\U00020000", max_size=40)).map(normalise), max_size=4)


@settings(deadline=None)
@given(TEXTS, SHAPES)
def test_every_bucket_that_is_counted_is_spelt_and_no_other(texts: list[str], shape: Shape) -> None:
    counted = set(count_ngrams(texts, shape).indices.tolist())
    assert set(spell_buckets(texts, range(1 << shape[4]), shape)) == counted
    assert set(spell_buckets(texts, counted, shape)) == counted


@settings(deadline=None)
@given(TEXTS, SHAPES)
def test_what_is_spelt_is_in_a_text_and_in_that_bucket(texts: list[str], shape: Shape) -> None:
    half = 1 << (shape[4] - 1)
    for bucket, gram in spell_buckets(texts, range(1 << shape[4]), shape).items():
        spaced = gram.replace("_", " ") if bucket >= half else gram
        assert any(spaced in f" {text} " for text in texts)
        if bucket < half:
            # A word n-gram as a text of its own holds itself.
            words = len(gram.split(" "))
            assert bucket in reference_counts(gram, (words, words, *shape[2:]))


@given(TEXTS)
def test_only_what_is_asked_is_told(texts: list[str]) -> None:
    counted = sorted(set(count_ngrams(texts, SHAPE).indices.tolist()))
    some = counted[::3]
    every = spell_buckets(texts, counted, SHAPE)
    assert spell_buckets(texts, some, SHAPE) == {bucket: every[bucket] for bucket in some}


def test_of_several_in_one_bucket_the_first_is_told() -> None:
    shape = (1, 1, 5, 5, 8)
    texts = [f"{number:x}" for number in range(600)]
    # With 128 buckets for 600 words, several share each.
    found = spell_buckets(texts, range(128), shape)
    buckets = count_ngrams(texts, shape)
    firsts: dict[int, str] = {}
    for row, text in enumerate(texts):
        for bucket in buckets.indices[buckets.indptr[row] : buckets.indptr[row + 1]]:
            if bucket < 128:
                firsts.setdefault(int(bucket), text)
    assert found == firsts


def test_the_ends_of_tokens_are_shown() -> None:
    found = set(spell_buckets(["jeu"], range(1 << 20), SHAPE).values())
    assert found == {"jeu", "_j", "je", "eu", "u_", "_je", "eu_", "_jeu", "jeu_", "_jeu_"}


def test_nothing_is_asked_or_there() -> None:
    assert spell_buckets(["jeu video"], [], SHAPE) == {}
    assert spell_buckets([], range(100), SHAPE) == {}
    assert spell_buckets(["", ""], range(1 << 20), SHAPE) == {}


def test_numbers_of_numpy_ask_as_well() -> None:
    counted = count_ngrams(["jeu video"], SHAPE).indices
    assert len(spell_buckets(["jeu video"], counted.tolist(), SHAPE)) == counted.size
    assert len(spell_buckets(["jeu video"], np.unique(counted), SHAPE)) == counted.size
