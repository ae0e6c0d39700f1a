"""What hashing costs in accuracy: a linear SVM on hashed n-grams of 18 to 22 bits, beside scikit-learn's exact ones.

python -m benchmarks.bench_text_accuracy
"""

import sys
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

from aisle.catalog.product import Product
from aisle.features.text import TextConfig, TextFeatures
from aisle.features.tfidf import TfidfColumns
from benchmarks.catalogues import read_challenge
from benchmarks.reporting import Figure, report
from tests.catalogues import real_catalogues

FOLDS = 3
Split = Callable[[NDArray[np.int64], NDArray[np.int64]], tuple[csr_matrix, csr_matrix]]


def exact(texts: Sequence[str]) -> Split:
    """Return scikit-learn's TF-IDF of the same n-grams, none sharing a column with another."""
    array = np.array(texts, dtype=object)

    def split(train: NDArray[np.int64], test: NDArray[np.int64]) -> tuple[csr_matrix, csr_matrix]:
        union = make_union(
            TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+", sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True),
        )
        return union.fit_transform(array[train]), union.transform(array[test])

    return split


def hashed(products: Sequence[Product], bits: int) -> Split:
    """Return our TF-IDF in 2**bits buckets."""
    counts = TextFeatures(TextConfig(bits=bits)).counts(products)

    def split(train: NDArray[np.int64], test: NDArray[np.int64]) -> tuple[csr_matrix, csr_matrix]:
        columns = TfidfColumns.fit(counts[train])
        return columns.transform(counts[train]), columns.transform(counts[test])

    return split


def weighted_f1(split: Split, codes: NDArray[np.int64]) -> float:
    """Return the mean weighted F1 over the folds."""
    scores = []
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=1).split(codes, codes):
        known, unknown = split(train, test)
        model = LinearSVC(C=0.6, class_weight="balanced", random_state=1).fit(known, codes[train])
        scores.append(f1_score(codes[test], model.predict(unknown), average="weighted"))
    return float(np.mean(scores))


def main() -> int:
    """Run the benchmark and return the exit status; 0 with a word about it where no real catalogue lies."""
    folder = real_catalogues()
    if folder is None:
        print("no real catalogues here (AISLE_TEST_DATA names their folder)")
        return 0
    figures = []
    for name in ("rakuten-14k", "rakuten-raw"):
        products, codes = read_challenge(folder / name)
        best = weighted_f1(exact(TextFeatures(TextConfig()).texts(products)), codes)
        figures.append(Figure(f"{name}, exact", best, "weighted F1"))
        for bits in (18, 20, 21, 22):
            score = weighted_f1(hashed(products, bits), codes)
            bar = best - 0.001 if bits == TextConfig().bits else None
            figures.append(Figure(f"{name}, 2**{bits} buckets", score, "weighted F1", bar))
    return report("text-accuracy", figures, about={"folds": FOLDS, "model": "LinearSVC(C=0.6, balanced)"})


if __name__ == "__main__":
    sys.exit(main())
