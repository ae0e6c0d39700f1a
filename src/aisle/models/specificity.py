"""What a column of n-grams tells of the classes: those that occur in one class only count more.

Chosen by cross-validation on 11,050 product titles of 27 classes: logistic regression on columns so weighted scored 0.766
weighted and 0.734 macro F1, without it 0.758 and 0.724.
"""

import numpy as np
from scipy.sparse import csr_matrix

from aisle.models.family import Floats, Labels


def specificity(counts: csr_matrix, labels: Labels, classes: int, strength: float) -> Floats:
    """Return a weight for each column: 1 + strength * (1 - H), where H is how evenly the classes share the column.

    H is the entropy of the classes, each at the share of its rows that hold the column (a tenth of the mean share is
    added to each), divided by its largest value. A column of one class counts 1 + strength, one of all classes alike 1.

    Args:
        counts: How often each column occurs in each row, (rows, columns).
        labels: Each row's class, (rows,).
        classes: How many classes there are, at least 2; each has a row.
        strength: What a column of a single class gains.

    Returns:
        Weights, (columns,).
    """
    rows = np.bincount(labels, minlength=classes)
    # One row per class and one column per row of `counts`: the product adds up the rows of each class.
    members = csr_matrix((1 / rows[labels], (labels, np.arange(len(labels)))), shape=(classes, len(labels)))
    shares = (members @ (counts > 0).astype(np.float64)).toarray()
    shares += 0.1 * shares.mean(axis=0)
    shares /= np.maximum(shares.sum(axis=0), np.finfo(np.float64).tiny)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    entropy = -(shares * logs).sum(axis=0) / np.log(classes)
    weights: Floats = (1 + strength * (1 - entropy)).astype(np.float32)
    return weights
