"""The compiled n-grams: bucket for bucket what the plain Python reference counts."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from aisle.features.ngrams import Shape, count_ngrams
from aisle.features.normalise import normalise
from tests.unit.features.ngram_reference import char_ngrams, reference_counts, word_ngrams

NORMAL_TEXT = (st.text(max_size=60) | st.text("ab c9é日\U00020000", max_size=60)).map(normalise)
SHAPES = st.sampled_from([(1, 2, 2, 5, 20), (1, 1, 5, 5, 10), (2, 3, 3, 3, 12), (1, 3, 1, 6, 24), (4, 6, 8, 9, 8)])
SHAPE: Shape = (1, 2, 2, 5, 20)
GOLDEN_BUCKETS = [
    {
        9804: 1,
        12864: 1,
        14942: 1,
        33046: 1,
        33382: 1,
        35926: 1,
        41325: 1,
        44337: 1,
        45650: 1,
        48752: 1,
        50191: 1,
        50277: 1,
        64441: 1,
    },
    {26571: 1, 37907: 1, 40059: 1, 47037: 1, 47771: 1, 53089: 1},
]


def as_dicts(texts: list[str], shape: Shape) -> list[dict[int, int]]:
    counts = count_ngrams(texts, shape)
    assert counts.indptr.dtype == np.int64
    assert counts.indices.dtype == np.int32
    assert counts.values.dtype == np.float32
    assert counts.indptr[0] == 0
    assert counts.indptr[-1] == counts.indices.size == counts.values.size
    rows = []
    for begin, end in zip(counts.indptr, counts.indptr[1:], strict=False):
        buckets = counts.indices[begin:end].tolist()
        assert len(set(buckets)) == len(buckets)
        rows.append({bucket: int(times) for bucket, times in zip(buckets, counts.values[begin:end], strict=True)})
    return rows


@settings(deadline=None)
@given(st.lists(NORMAL_TEXT, max_size=5), SHAPES)
@example([], SHAPE)
@example(["", "a", "", "a a a", "日"], SHAPE)
def test_counts_equal_the_reference(texts: list[str], shape: Shape) -> None:
    assert as_dicts(texts, shape) == [reference_counts(text, shape) for text in texts]


def test_a_megabyte_equals_the_reference() -> None:
    rng = np.random.default_rng(5)
    words = ["".join(map(chr, rng.integers(97, 123, size))) for size in rng.integers(1, 14, 5_000)]
    text = " ".join(np.array(words)[rng.integers(0, len(words), 130_000)])
    assert len(text) > 1_000_000
    assert as_dicts(["x", text, "y"], SHAPE) == [reference_counts(part, SHAPE) for part in ("x", text, "y")]


def test_one_word_of_a_megabyte_is_counted() -> None:
    (row,) = as_dicts(["ab" * 500_000], SHAPE)
    # Once: the word itself, and what begins or ends with one of its spaces. The rest alternates between "ab…" and "ba…".
    inside = [500_000, 499_999, 499_999, 499_999, 499_999, 499_998, 499_998, 499_998]
    assert sorted(row.values(), reverse=True) == [*inside, *[1] * 9]


@given(NORMAL_TEXT)
def test_a_text_alone_counts_as_among_others(text: str) -> None:
    (alone,) = as_dicts([text], SHAPE)
    assert as_dicts(["avant", text, "après".replace("è", "e")], SHAPE)[1] == alone


@given(NORMAL_TEXT, st.integers(1, 3), st.integers(0, 2), st.integers(1, 6), st.integers(0, 3))
def test_the_reference_takes_the_ngrams_that_scikit_learn_takes(
    text: str, low: int, more: int, first: int, wider: int
) -> None:
    words = TfidfVectorizer(ngram_range=(low, low + more), token_pattern=r"\S+").build_analyzer()
    chars = TfidfVectorizer(analyzer="char_wb", ngram_range=(first, first + wider)).build_analyzer()
    lowered = text.lower()
    assert sorted(word_ngrams(lowered, low, low + more)) == sorted(words(lowered))
    assert sorted(char_ngrams(lowered, first, first + wider)) == sorted(chars(lowered))


@given(NORMAL_TEXT)
def test_each_kind_keeps_to_its_half(text: str) -> None:
    (row,) = as_dicts([text], SHAPE)
    words = sum(times for bucket, times in row.items() if bucket < 1 << 19)
    assert words == len(list(word_ngrams(text, 1, 2)))
    assert sum(row.values()) - words == len(list(char_ngrams(text, 2, 5)))


def test_buckets_are_spread_evenly() -> None:
    texts = [f"{number:x}" for number in range(40_000)]
    counts = count_ngrams(texts, (1, 1, 16, 16, 13))
    held = np.bincount(counts.indices[counts.indices < 4_096], minlength=4_096)
    # Of 40,000 words thrown into 4,096 buckets, chi square is within five standard deviations of its mean.
    chi_square = np.sum((held - held.mean()) ** 2) / held.mean()
    assert abs(chi_square - 4_095) < 5 * np.sqrt(2 * 4_095)


@pytest.mark.parametrize("texts", [[], [""], ["", "", ""]])
def test_nothing_to_count(texts: list[str]) -> None:
    assert as_dicts(texts, SHAPE) == [{}] * len(texts)


def test_buckets_stay_what_they_are() -> None:
    # Bundles hold bucket numbers: another hash needs another format version of theirs.
    assert as_dicts(["jeu a", "日本"], (1, 2, 2, 3, 16)) == GOLDEN_BUCKETS


def test_repeated_ngrams_are_counted_beyond_sixteen_bits() -> None:
    (row,) = as_dicts(["a " * 70_000 + "a"], (1, 1, 3, 3, 10))
    assert sorted(row.values()) == [70_001, 70_001]


def test_many_texts_of_all_lengths_come_out_in_order() -> None:
    # The first texts are shorter than what is set aside for one text, the last one needs more: room must grow on the way.
    texts = ["", *(" ".join(f"mot{n}" for n in range(size)) for size in range(60)), " ".join(map(str, range(3_000)))]
    rows = as_dicts(texts, SHAPE)
    assert rows == [reference_counts(text, SHAPE) for text in texts]


def test_rows_grow_past_the_room_set_aside() -> None:
    # Wide character n-grams make far more than four n-grams of each character.
    texts = [chr(97 + n) * 3 + "".join(chr(97 + n * k % 26) for k in range(200)) for n in range(26)]
    shape: Shape = (1, 1, 1, 16, 24)
    assert as_dicts(texts, shape) == [reference_counts(text, shape) for text in texts]


@pytest.mark.parametrize("bits", range(8, 25))
def test_any_number_of_bits_sorts_and_counts(bits: int) -> None:
    text = "table basse en bois table basse 120 x 60 cm"
    shape: Shape = (1, 2, 2, 5, bits)
    counts = count_ngrams([text], shape)
    assert (np.diff(counts.indices) > 0).all()
    assert 0 <= counts.indices[0] <= counts.indices[-1] < 1 << bits
    assert as_dicts([text], shape) == [reference_counts(text, shape)]


def test_threads_do_not_disturb_each_other() -> None:
    texts = [[f"mot{n} lot {n * k}" for n in range(300)] for k in range(8)]
    expected = [as_dicts(part, SHAPE) for part in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda part: as_dicts(part, SHAPE), texts * 3)) == expected * 3
