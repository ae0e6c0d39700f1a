"""TF-IDF over hashed n-grams: scikit-learn's numbers, and arrays that are checked before they are used."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.svm import LinearSVC

from aisle.catalog.product import Product
from aisle.errors import BundleError, TrainingError
from aisle.features.text import TextConfig, TextFeatures
from aisle.features.tfidf import TfidfColumns

WORDS = ["table", "basse", "jeu", "video", "ps", "4", "lot", "de", "livre", "rouge", "chat", "chien", "jardin", "a", "b"]
CORPORA = st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), min_size=2, max_size=12)
# With so few words and so many buckets no two n-grams share one: checked below, for the comparison rests on it.
FEATURES = TextFeatures(TextConfig(bits=20))


def as_products(titles: list[str]) -> list[Product]:
    return [Product(str(number), title=title) for number, title in enumerate(titles)]


def test_no_two_ngrams_of_these_words_share_a_bucket() -> None:
    pairs = [f"{one} {two}" for one in WORDS for two in WORDS]
    counts = FEATURES.counts(as_products(pairs))
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+").fit(pairs)
    chars = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5)).fit(pairs)
    assert np.unique(counts.indices).size == len(words.vocabulary_) + len(chars.vocabulary_)


@settings(deadline=None, max_examples=50)
@given(CORPORA, CORPORA, st.integers(1, 2), st.integers(1, 2))
def test_equals_a_union_of_scikit_learns_vectorizers(
    train: list[str], test: list[str], word_min_df: int, char_min_df: int
) -> None:
    train = [*train, train[0] + " jeu", "jeu de table"]
    columns = TfidfColumns.fit(FEATURES.counts(as_products(train)), word_min_df=word_min_df, char_min_df=char_min_df)
    ours = columns.transform(FEATURES.counts(as_products(test)))
    blocks = (
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+", sublinear_tf=True, min_df=word_min_df),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=char_min_df),
    )
    split = columns.word_columns
    for block, mine in zip(blocks, (ours[:, :split], ours[:, split:]), strict=True):
        theirs = block.fit(train).transform(test)
        assert mine.shape == theirs.shape
        # The columns stand in another order: similarities between texts do not care, and values are compared as sets.
        np.testing.assert_allclose((mine @ mine.T).toarray(), (theirs @ theirs.T).toarray(), atol=1e-5)
        for row in range(len(test)):
            np.testing.assert_allclose(np.sort(mine[row].data), np.sort(theirs[row].data), atol=1e-6)


def test_values_of_one_text_by_hand() -> None:
    counts = csr_matrix(np.array([[2, 1, 0, 0, 3, 0, 0, 0], [0, 1, 0, 0, 1, 1, 0, 0]], dtype=np.float32))
    columns = TfidfColumns.fit(counts, word_min_df=1, char_min_df=1)
    assert columns.columns.tolist() == [0, 1, 4, 5]
    assert (columns.bits, columns.word_columns) == (3, 2)
    rare, common = np.log(3 / 2) + 1, 1.0
    np.testing.assert_allclose(columns.idf, [rare, common, common, rare], rtol=1e-6)
    first = columns.transform(counts).toarray()[0]
    word = np.array([(1 + np.log(2)) * rare, common])
    np.testing.assert_allclose(first, [*(word / np.linalg.norm(word)), 1.0, 0.0], rtol=1e-6)


def test_buckets_that_are_too_rare_are_no_columns() -> None:
    counts = csr_matrix(np.array([[1, 1, 1, 1], [1, 0, 1, 0], [1, 0, 0, 0]], dtype=np.float32))
    assert TfidfColumns.fit(counts, word_min_df=1, char_min_df=2).columns.tolist() == [0, 1, 2]
    assert TfidfColumns.fit(counts, word_min_df=2, char_min_df=1).columns.tolist() == [0, 2, 3]


def test_an_unknown_text_is_a_row_of_zeros() -> None:
    columns = TfidfColumns.fit(FEATURES.counts(as_products(["chat", "chat noir"])))
    rows = columns.transform(FEATURES.counts(as_products(["", "zzz", "chat"])))
    assert rows.dtype == np.float32
    assert np.diff(rows.indptr).tolist()[:2] == [0, 0]
    np.testing.assert_allclose(np.sqrt(rows.power(2).sum(axis=1)).ravel(), [[0, 0, np.sqrt(2)]], rtol=1e-6)
    assert rows.has_sorted_indices


@pytest.mark.parametrize("titles", [[], ["", ""]])
def test_nothing_to_learn_from_is_refused(titles: list[str]) -> None:
    with pytest.raises(TrainingError, match="No n-gram"):
        TfidfColumns.fit(FEATURES.counts(as_products(titles)))


def test_saved_arrays_give_the_same_columns() -> None:
    counts = FEATURES.counts(as_products(["jeu video", "jeu de table"]))
    columns = TfidfColumns.fit(counts)
    again = TfidfColumns.from_arrays(columns.columns.copy(), columns.idf.copy(), columns.bits)
    assert (again.transform(counts) != columns.transform(counts)).nnz == 0


@pytest.mark.parametrize(
    ("columns", "idf"),
    [
        ([], []),
        ([1, 1], [1, 1]),
        ([2, 1], [1, 1]),
        ([-1, 1], [1, 1]),
        ([1, 256], [1, 1]),
        ([1, 2], [1]),
        ([1, 2], [1, np.nan]),
        ([1, 2], [1, -1]),
        ([[1, 2]], [[1, 2]]),
    ],
)
def test_damaged_arrays_are_refused(columns: list[int], idf: list[float]) -> None:
    with pytest.raises(BundleError, match="damaged"):
        TfidfColumns.from_arrays(np.array(columns, np.int32), np.array(idf, np.float32), 8)


def test_arrays_of_another_type_are_refused() -> None:
    with pytest.raises(BundleError, match="damaged"):
        TfidfColumns.from_arrays(np.array([1, 2]), np.array([1, 2], np.float32), 8)  # type: ignore[arg-type]


def test_rows_in_any_order_of_columns_weigh_the_same() -> None:
    counts = FEATURES.counts(as_products(["jeu video ps 4", "table basse", "jeu de table"]))
    columns = TfidfColumns.fit(counts)
    shuffled = counts.copy()
    rng = np.random.default_rng(2)
    for begin, end in zip(counts.indptr, counts.indptr[1:], strict=False):
        order = begin + rng.permutation(end - begin)
        shuffled.indices[begin:end], shuffled.data[begin:end] = counts.indices[order], counts.data[order]
    shuffled.has_sorted_indices = False
    assert (columns.transform(shuffled) != columns.transform(counts)).nnz == 0


def test_a_title_says_what_the_product_is(shared_data: Path) -> None:
    rows = pl.read_csv(shared_data / "rakuten-14k" / "X_train_update.csv")
    codes = pl.read_csv(shared_data / "rakuten-14k" / "Y_train_CVw08PX.csv")["prdtypecode"].to_numpy()
    counts = TextFeatures(TextConfig()).counts(as_products(rows["designation"].to_list()))
    train, test = slice(0, 8_000), slice(8_000, None)
    columns = TfidfColumns.fit(counts[train])
    model = LinearSVC(C=0.6, class_weight="balanced", random_state=1)
    model.fit(columns.transform(counts[train]), codes[train])
    answers = model.predict(columns.transform(counts[test]))
    assert f1_score(codes[test], answers, average="weighted") > 0.74
