"""Fitting the linear text classifier on counted n-grams: which columns, what they weigh, and the regression on them."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from aisle.features.text import TextConfig
from aisle.features.tfidf import TfidfColumns
from aisle.models.linear import LinearText
from aisle.models.logistic import LogisticOptions, fit_logistic, specificity

Labels = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class LinearOptions:
    """What the fit is steered by; the defaults were chosen by cross-validation.

    Args:
        text: How a product's text becomes n-grams.
        logistic: The regression's options.
        min_rows: An n-gram becomes a column when it occurs in so many rows.
        char_weight: What character n-grams count beside word n-grams.
        max_weights: Columns times classes at most; columns of the fewest rows go first. 10 million are 20 MB on disk.
    """

    text: TextConfig = field(default_factory=TextConfig)
    logistic: LogisticOptions = field(default_factory=LogisticOptions)
    min_rows: int = 2
    char_weight: float = 1.3
    max_weights: int = 10_000_000


def fit_linear_text(counts: csr_matrix, labels: Labels, classes: int, options: LinearOptions) -> LinearText:
    """Fit the classifier, with a temperature of 1.

    Args:
        counts: Counted n-grams of the rows to learn from, (rows, 2**bits).
        labels: Each row's class, (rows,), from 0; each class has a row.
        classes: How many classes there are, at least 2.
        options: What the fit is steered by.

    Raises:
        TrainingError: No n-gram occurs in enough rows.
    """
    columns = TfidfColumns.fit(counts, word_min_df=options.min_rows, char_min_df=options.min_rows)
    columns = _weighed(_limited(columns, counts, options.max_weights // classes), counts, labels, classes, options)
    matrix = columns.transform(counts)
    # The block's weight is not part of TF-IDF: it scales the features here, and the weights below.
    scale = np.ones(columns.columns.size, np.float32)
    scale[columns.word_columns :] = options.char_weight
    matrix.data *= scale[matrix.indices]
    weights, bias = fit_logistic(matrix, labels, classes, options.logistic)
    weights *= scale[:, np.newaxis]
    prior = np.bincount(labels, minlength=classes) / len(labels)
    return LinearText(
        options.text, columns, weights.astype(np.float16).astype(np.float32), bias, prior.astype(np.float32), 1.0
    )


def _limited(columns: TfidfColumns, counts: csr_matrix, most: int) -> TfidfColumns:
    """Return the columns that occur in the most rows, `most` of them."""
    if columns.columns.size <= most:
        return columns
    rows = np.bincount(counts.indices, minlength=counts.shape[1])[columns.columns]
    kept = np.sort(np.argsort(-rows, kind="stable")[: max(most, 1)])
    return TfidfColumns.from_arrays(columns.columns[kept], columns.idf[kept], columns.bits)


def _weighed(
    columns: TfidfColumns, counts: csr_matrix, labels: Labels, classes: int, options: LinearOptions
) -> TfidfColumns:
    """Return the columns with their idf multiplied by how much each tells of the classes."""
    used = columns.table[counts.indices] >= 0
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))[used]
    there = csr_matrix(
        (counts.data[used], (rows, columns.table[counts.indices][used])), shape=(counts.shape[0], columns.columns.size)
    )
    gain = specificity(there, labels, classes, options.logistic.specificity)
    return TfidfColumns.from_arrays(columns.columns, columns.idf * gain, columns.bits)
