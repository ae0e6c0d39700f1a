"""Fitting the text features on counted n-grams: which n-grams become columns, and what each tells of the classes."""

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_matrix

from aisle.features.text import TextConfig
from aisle.features.tfidf import TfidfColumns
from aisle.models.family import Labels
from aisle.models.options import within
from aisle.models.specificity import specificity
from aisle.models.text_space import TextSpace


@dataclass(frozen=True, slots=True)
class TextOptions:
    """What the fit is steered by; the defaults were chosen by cross-validation.

    Args:
        config: How a product's text becomes n-grams.
        min_rows: An n-gram becomes a column when it occurs in so many rows.
        char_weight: What character n-grams count beside word n-grams.
        specificity: How much more a column counts that occurs in one class only than one that occurs in all alike.
        max_weights: Columns times classes at most; columns of the fewest rows go first. 10 million are 20 MB on disk.

    Raises:
        ModelError: A number makes no sense.
    """

    config: TextConfig = field(default_factory=TextConfig)
    min_rows: int = 2
    char_weight: float = 1.3
    specificity: float = 2.0
    max_weights: int = 10_000_000

    def __post_init__(self) -> None:
        within(
            self, min_rows=(1, 1_000_000), char_weight=(1e-6, 1e6), specificity=(0, 1_000), max_weights=(1, 1_000_000_000)
        )


def fit_text_space(counts: csr_matrix, labels: Labels, classes: int, options: TextOptions) -> TextSpace:
    """Choose the columns and weigh them.

    Args:
        counts: Counted n-grams of the rows to learn from, (rows, 2**bits).
        labels: Each row's class, (rows,), from 0.
        classes: How many classes there are, at least 2.
        options: What the fit is steered by.

    Raises:
        TrainingError: No n-gram occurs in enough rows.
    """
    columns = TfidfColumns.fit(counts, word_min_df=options.min_rows, char_min_df=options.min_rows)
    columns = _limited(columns, counts, options.max_weights // classes)
    # Only whether a column is there counts, which TF-IDF says as well as occurrences do.
    gain = specificity(columns.transform(counts), labels, classes, options.specificity)
    weighed = TfidfColumns.from_arrays(columns.columns, columns.idf * gain, columns.bits)
    return TextSpace(options.config, weighed, float(options.char_weight))


def _limited(columns: TfidfColumns, counts: csr_matrix, most: int) -> TfidfColumns:
    """Return the columns that occur in the most rows, `most` of them."""
    if columns.columns.size <= most:
        return columns
    rows = np.bincount(counts.indices, minlength=counts.shape[1])[columns.columns]
    kept = np.sort(np.argsort(-rows, kind="stable")[: max(most, 1)])
    return TfidfColumns.from_arrays(columns.columns[kept], columns.idf[kept], columns.bits)
