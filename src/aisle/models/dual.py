"""Fitting linear classifiers by dual coordinate ascent, in compiled code: softmax regression and the linear SVM.

One row of the matrix is taken at a time, in a random order that depends on the seed alone. Its scores of all classes, and
then the change of the weights of its columns, are one pass each over rows of the weights, (columns, classes), which lie in
one piece: a processor works on many classes at once, and a catalogue of hundreds of classes costs memory bandwidth, not
arithmetic. Nothing depends on the number of threads.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from aisle.features.ngrams import compiled
from aisle.features.sparse import entries
from aisle.models.family import Floats, Labels, Matrix

LANES = 32
"""So many one-versus-rest problems are solved side by side; a constant, so that the outcome depends on no machine."""

_STILL = 1e-3
"""A pass in which no row's distribution was this far (squared) from its softmax is the last one."""

_FLAT = 1e-2
"""A pass in which no row of any class found a steeper slope is the last one; liblinear's own choice is 0.1."""


def importance(labels: Labels, classes: int, balance: float) -> Floats:
    """Return what each row counts by its class's size, (rows,); the mean over classes is about 1.

    Args:
        labels: Each row's class, (rows,).
        classes: How many classes there are.
        balance: 0 counts every row alike, 1 every class alike.
    """
    sizes = np.bincount(labels, minlength=classes)
    present = int(np.count_nonzero(sizes))
    weights = (len(labels) / (present * np.maximum(sizes, 1))) ** balance
    return weights[labels].astype(np.float32)


def mean_square(matrix: Matrix) -> float:
    """Return the mean squared Euclidean length of the rows of a matrix, (rows, columns); 1 where all are zeros."""
    values = matrix.data if issparse(matrix) else np.asarray(matrix)
    total = float(np.square(values, dtype=np.float64).sum()) / max(matrix.shape[0], 1)
    return total if total > 0 else 1.0


def solve_softmax(
    matrix: Matrix, labels: Labels, classes: int, *, counts: Floats, penalty: float, smoothing: float, passes: int, seed: int
) -> tuple[Floats, Floats]:
    """Return weights (columns, classes) and intercepts (classes,) of multinomial logistic regression.

    It minimises sum_i counts_i * crossentropy(targets_i, softmax(x_i W + b)) + penalty / 2 * (|W|^2 + |b|^2) by proximal
    stochastic dual coordinate ascent (Shalev-Shwartz and Zhang, "Accelerated proximal stochastic dual coordinate ascent",
    2014): each row keeps a distribution q, the weights are sum_i counts_i x_i (targets_i - q_i) / penalty, and a step
    moves q towards the softmax p of the row's scores. How far is the best step under the bound that the entropy is
    strongly convex: (KL(q, p) + |p - q|_1^2 / 2) / (|p - q|_1^2 + counts |p - q|_2^2 |x|^2 / penalty), at most 1.

    Args:
        matrix: Features, (rows, columns).
        labels: Each row's class, (rows,).
        classes: How many classes there are.
        counts: What each row counts, (rows,).
        penalty: Weight of half the squared norm, positive.
        smoothing: Share of each row's target that is spread over all classes.
        passes: How often each row is taken at most.
        seed: Decides the order of the rows.
    """
    indptr, indices, values, columns = entries(matrix)
    weights = np.zeros((columns + 1, classes), np.float32)
    orders = _orders(len(labels), passes, seed)
    own = labels.astype(np.int64)
    _softmax_passes(indptr, indices, values, own, counts, penalty, smoothing, orders, _STILL, weights)
    return weights[:-1], weights[-1]


def solve_hinge(
    matrix: Matrix, labels: Labels, lanes: slice, *, counts: Floats, cost: float, passes: int, seed: int
) -> tuple[Floats, Floats]:
    """Return weights and intercepts of some classes' linear support vector machines, each against all other classes.

    It minimises (|w|^2 + b^2) / 2 + cost * sum_i counts_i * max(0, 1 - y_i (w x_i + b))^2, as liblinear does with an
    intercept, by dual coordinate descent (Hsieh et al., "A dual coordinate descent method for large-scale linear SVM",
    2008).

    Args:
        matrix: Features, (rows, columns).
        labels: Each row's class, (rows,).
        lanes: The classes.
        counts: What each row counts, (rows,).
        cost: What an error costs beside the squared norm, positive.
        passes: How often each row is taken at most.
        seed: Decides the order of the rows.
    """
    indptr, indices, values, columns = entries(matrix)
    weights = np.zeros((columns + 1, lanes.stop - lanes.start), np.float32)
    own = labels.astype(np.int64) - lanes.start
    ridge = (0.5 / (cost * counts)).astype(np.float32)
    _hinge_passes(indptr, indices, values, own, ridge, _orders(len(labels), passes, seed), _FLAT, weights)
    return weights[:-1], weights[-1]


def _orders(rows: int, passes: int, seed: int) -> NDArray[np.int32]:
    generator = np.random.default_rng(seed)
    return np.stack([generator.permutation(rows).astype(np.int32) for _ in range(passes)])


@compiled
def _softmax_passes(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: Floats,
    labels: NDArray[np.int64],
    counts: Floats,
    penalty: float,
    smoothing: float,
    orders: NDArray[np.int32],
    tolerance: float,
    weights: Floats,
) -> None:
    rows, classes = labels.size, weights.shape[1]
    dense = indices.size == 0
    squares = _squares(indptr, values)
    held = np.full((rows, classes), np.float32(smoothing / classes))
    for row in range(rows):
        held[row, labels[row]] += np.float32(1 - smoothing)
    scores = np.empty(classes, np.float32)
    for order in orders:
        most = np.float32(0)
        for row in order:
            own, first, last = held[row], indptr[row], indptr[row + 1]
            _score(first, last, indices, values, dense, weights, scores)
            divergence, distance, squared = _gap(scores, own)
            if distance < np.float32(1e-10):
                continue
            most = max(most, distance)
            inverse = counts[row] / np.float32(penalty)
            curvature = distance + inverse * squared * squares[row]
            step = min((divergence + np.float32(0.5) * distance) / curvature, np.float32(1))
            for label in range(classes):
                own[label] += step * scores[label]
                scores[label] *= -step * inverse
            _add(first, last, indices, values, dense, weights, scores)
        if most < tolerance:
            break


@compiled
def _hinge_passes(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: Floats,
    labels: NDArray[np.int64],
    ridge: Floats,
    orders: NDArray[np.int32],
    tolerance: float,
    weights: Floats,
) -> None:
    rows, lanes = labels.size, weights.shape[1]
    dense = indices.size == 0
    squares = _squares(indptr, values)
    held = np.zeros((rows, lanes), np.float32)
    scores = np.empty(lanes, np.float32)
    for order in orders:
        most = np.float32(0)
        for row in order:
            own, first, last = held[row], indptr[row], indptr[row + 1]
            _score(first, last, indices, values, dense, weights, scores)
            curvature = squares[row] + ridge[row]
            moved = np.float32(0)
            for lane in range(lanes):
                side = np.float32(1) if labels[row] == lane else np.float32(-1)
                slope = side * scores[lane] - np.float32(1) + ridge[row] * own[lane]
                after = max(own[lane] - slope / curvature, np.float32(0))
                change = after - own[lane]
                own[lane] = after
                scores[lane] = change * side
                moved = max(moved, abs(change))
            if moved > 0:
                most = max(most, moved * curvature)
                _add(first, last, indices, values, dense, weights, scores)
        if most < tolerance:
            break


@compiled
def _squares(indptr: NDArray[np.int64], values: Floats) -> Floats:
    """Return each row's squared length, with a one for the intercept."""
    squares = np.ones(indptr.size - 1, np.float32)
    for row in range(squares.size):
        for at in range(indptr[row], indptr[row + 1]):
            squares[row] += values[at] * values[at]
    return squares


@compiled
def _score(
    first: int, last: int, indices: NDArray[np.int32], values: Floats, dense: bool, weights: Floats, scores: Floats
) -> None:
    """Set the scores to those of the row whose entries are first to last; the last line of weights is the intercepts."""
    for output in range(scores.size):
        scores[output] = weights[-1, output]
    for at in range(first, last):
        line = weights[at - first if dense else indices[at]]
        value = values[at]
        for label in range(scores.size):
            scores[label] += value * line[label]


@compiled
def _add(
    first: int, last: int, indices: NDArray[np.int32], values: Floats, dense: bool, weights: Floats, change: Floats
) -> None:
    """Add a change, times each of a row's entries, to the weights of the entry's column."""
    for at in range(first, last):
        line = weights[at - first if dense else indices[at]]
        value = values[at]
        for label in range(change.size):
            line[label] += value * change[label]
    line = weights[-1]
    for label in range(change.size):
        line[label] += change[label]


@compiled
def _gap(scores: Floats, own: Floats) -> tuple[np.float32, np.float32, np.float32]:
    """Turn scores into softmax - own; return KL(own, softmax), and the squared L1 and L2 norms of the gap."""
    highest, total = scores.max(), np.float32(0)
    for label in range(scores.size):
        scores[label] -= highest
        total += np.exp(scores[label])
    shift = np.log(total)
    divergence, distance, squared = np.float32(0), np.float32(0), np.float32(0)
    for label in range(scores.size):
        log = scores[label] - shift
        gap = np.exp(log) - own[label]
        if own[label] > np.float32(1e-12):
            divergence += own[label] * (np.log(own[label]) - log)
        distance += abs(gap)
        squared += gap * gap
        scores[label] = gap
    return max(divergence, np.float32(0)), distance * distance, squared
