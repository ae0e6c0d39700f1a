"""How fast titles become features and scores, beside scikit-learn's union of TfidfVectorizers on the same texts and core.

python -m benchmarks.bench_text
"""

import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, make_union

from aisle.catalog.product import Product
from aisle.features.language import detect_language
from aisle.features.linear_texts import LinearTexts, Stepped, stepped
from aisle.features.ngrams import count_ngrams
from aisle.features.normalise import normalise
from aisle.features.text import TextConfig, TextFeatures
from aisle.features.tfidf import TfidfColumns
from benchmarks.catalogues import draw_products, read_challenge
from benchmarks.reporting import Figure, report
from tests.catalogues import real_catalogues
from tests.unit.features.ngram_reference import reference_counts

CLASSES = 27
REPEATS = 5
SAMPLE = 500


def rates(*works: Callable[[], int]) -> list[float]:
    """Return documents per second of this process's own time on a core, for works that return their number of documents.

    The works take turns, so that a busy machine troubles them alike; each one's best turn counts.
    """
    best = [0.0] * len(works)
    for _ in range(REPEATS):
        for position, work in enumerate(works):
            begin = time.process_time()
            documents = work()
            best[position] = max(best[position], documents / (time.process_time() - begin))
    return best


def vectorizers() -> FeatureUnion:
    """Return scikit-learn's own way to the same features."""
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True),
    )


def equal_to_reference(texts: Sequence[str], config: TextConfig) -> float:
    """Return the share of texts whose compiled counts are those of the plain Python reference."""
    counts = count_ngrams(texts, config.shape)
    equal = 0
    for row, text in enumerate(texts):
        part = slice(counts.indptr[row], counts.indptr[row + 1])
        equal += dict(zip(counts.indices[part].tolist(), counts.values[part].tolist(), strict=True)) == reference_counts(
            text, config.shape
        )
    return equal / len(texts)


def throughput(products: list[Product]) -> list[Figure]:
    """Measure rates on titles."""
    titles = [product.title or "" for product in products]
    features = TextFeatures(TextConfig())
    columns = TfidfColumns.fit(features.counts(products))
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(columns.columns.size, CLASSES)).astype(np.float32)
    model = Stepped(*stepped(weights), np.zeros(CLASSES, np.float32))
    linear = LinearTexts.of(features.config.shape, columns, [model])
    pair = LinearTexts.of(features.config.shape, columns, [model, model])
    linear.scores(features.texts(products[:1]))
    union = vectorizers().fit(titles)
    union_weights = rng.normal(size=(len(union.get_feature_names_out()), CLASSES))

    few = titles[:2_000]
    theirs_rows, theirs_scores, ours_rows, ours_scores, ours_twice, ours_singly, normalised, told = rates(
        lambda: union.transform(few).shape[0],
        lambda: (union.transform(few) @ union_weights).shape[0],
        lambda: columns.transform(features.counts(products)).shape[0],
        lambda: linear.scores(features.texts(products))[0].shape[0],
        lambda: pair.scores(features.texts(products))[0].shape[0],
        lambda: len([linear.scores(features.texts([product])) for product in products[:2_000]]),
        lambda: len([normalise(title) for title in titles]),
        lambda: len([detect_language(title) for title in titles]),
    )
    sample = products[:SAMPLE]
    sparse = columns.transform(features.counts(sample)) @ (model.whole * model.steps[:, np.newaxis])
    apart = np.abs(linear.scores(features.texts(sample))[0] - sparse).max()
    return [
        Figure("normalise", normalised, "titles/s", 150_000),
        Figure("detect language", told, "titles/s", 100_000),
        Figure("title to TF-IDF row", ours_rows, "titles/s"),
        Figure("title to TF-IDF row, scikit-learn", theirs_rows, "titles/s"),
        Figure("title to TF-IDF row, ratio", ours_rows / theirs_rows, "", 10),
        Figure("title to 27 scores", ours_scores, "titles/s", 40_000),
        Figure("title to 27 scores of each of two models", ours_twice, "titles/s", 40_000),
        Figure("title to 27 scores, one at a time", ours_singly, "titles/s"),
        Figure("title to 27 scores, scikit-learn", theirs_scores, "titles/s"),
        Figure("title to 27 scores, ratio", ours_scores / theirs_scores),
        Figure("equal to the plain reference", equal_to_reference(features.texts(sample), features.config), "", 1),
        Figure("scores apart from the sparse path", float(apart), "", 1e-3, higher_is_better=False),
    ]


def on_real_text() -> list[Figure]:
    """Measure what only real catalogues tell."""
    folder = real_catalogues()
    if folder is None:
        return []
    products, _ = read_challenge(folder / "rakuten-raw")
    features = TextFeatures(TextConfig())
    known = pl.read_csv(folder / "rakuten-labels" / "train_ids_labels.csv").select("productid", "lang_detected")
    languages = dict(known.iter_rows())
    pairs = [(languages.get(int(p.id)), detect_language(f"{p.title} {p.description or ''}")) for p in products]
    told = [(theirs, ours) for theirs, ours in pairs if theirs in {"fr", "en", "de", "es", "it"} and ours != "unknown"]
    agreement = sum(theirs == ours for theirs, ours in told) / len(told)
    return [
        Figure("raw product with description to counts", rates(lambda: features.counts(products).shape[0])[0], "products/s"),
        Figure("language told", sum(ours != "unknown" for _, ours in pairs) / len(pairs)),
        Figure("language as another detector (noisy)", agreement),
    ]


def main() -> int:
    """Run the benchmark and return the exit status."""
    folder = real_catalogues()
    products = read_challenge(folder / "rakuten-14k")[0] if folder else draw_products(12_000, seed=1)
    titles = [Product(product.id, title=product.title) for product in products]
    about = {"data": "rakuten-14k" if folder else "synthetic", "titles": len(titles)}
    return report("text", [*throughput(titles), *on_real_text()], about=about)


if __name__ == "__main__":
    sys.exit(main())
