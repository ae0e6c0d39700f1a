"""What a fit costs, in seconds of one core and bytes, and what an answer costs: rough, and the same on every machine.

Times of fits were measured with both cores of a small virtual machine busy, on 16,665 rows of text, image and both in 27
classes; how they grow with rows and classes is from 9,419 to 50,000 rows, and 405 classes, on one core. They err on the dear
side, several times over for linear models on images: a plan that fits by them is seldom cut short by the clock.
"""

from aisle.models.component import Modality
from aisle.models.options import BoostingOptions, ForestOptions, LogisticOptions, SvmOptions

_FLOAT = 4


def logistic_seconds(rows: int, nonzeros: int, classes: int, options: LogisticOptions) -> float:
    """Return the seconds of logistic regression; passes end early, most often after ten."""
    passes = min(options.passes, 12)
    return 0.1 + passes * (nonzeros * _reach(classes) + 1.5e-8 * rows * classes)


def logistic_bytes(rows: int, nonzeros: int, columns: int, classes: int, options: LogisticOptions) -> int:
    """Return the bytes of logistic regression: weights thrice (fitted, rounded, half), and a distribution per row."""
    del nonzeros
    return _FLOAT * classes * (3 * columns + rows) + _FLOAT * rows * options.passes


def svm_seconds(rows: int, nonzeros: int, classes: int, options: SvmOptions) -> float:
    """Return the seconds of the linear support vector machine."""
    return 0.1 + options.passes * (nonzeros * _reach(classes) + 2e-9 * rows * classes)


def _reach(classes: int) -> float:
    """Return the seconds that one value of a row takes: its column's weights are anywhere in memory, and in one piece."""
    return 6e-8 + 6e-10 * classes


def svm_bytes(rows: int, nonzeros: int, columns: int, classes: int, options: SvmOptions) -> int:
    """Return the bytes of the linear support vector machine: weights in parts, joined and rounded."""
    del nonzeros
    return _FLOAT * classes * (3 * columns + rows) + _FLOAT * rows * options.passes


def forest_seconds(rows: int, nonzeros: int, classes: int, options: ForestOptions) -> float:
    """Return the seconds of the forest."""
    del classes
    per_row = min(nonzeros / max(rows, 1), options.tries)
    return 0.2 + options.trees * rows * (1.4e-7 * per_row + 3.5e-8 * options.tries)


def forest_bytes(rows: int, nonzeros: int, columns: int, classes: int, options: ForestOptions) -> int:
    """Return the bytes of the forest: copies of the matrix to choose and split, and a node for most rows of each tree."""
    return _choice_bytes(nonzeros, columns, classes) + 40 * options.trees * rows


def boosting_seconds(rows: int, nonzeros: int, classes: int, options: BoostingOptions) -> float:
    """Return the seconds of gradient boosting: a tree per round and class, each of which looks at all values."""
    per_tree = 3e-4 + 5e-8 * rows + 3.3e-9 * nonzeros * (0.5 + options.column_share)
    return 0.5 + 1e-7 * nonzeros + options.rounds * classes * per_tree * (options.depth + 2) / 8


def boosting_bytes(rows: int, nonzeros: int, columns: int, classes: int, options: BoostingOptions) -> int:
    """Return the bytes of gradient boosting: its columns twice, gradients and scores of every class, histograms."""
    histograms = (16 * min(options.columns, columns) * options.bins) << options.depth
    return _choice_bytes(nonzeros, columns, classes) + 24 * rows * classes + histograms


def _choice_bytes(nonzeros: int, columns: int, classes: int) -> int:
    """Return the bytes of choosing columns: the matrix in double precision, what is chosen of it, and sums by class."""
    return 24 * nonzeros + 12 * min(nonzeros, columns * classes)


def linear_micros(modality: Modality, classes: int, options: LogisticOptions | SvmOptions) -> float:
    """Return the microseconds that a linear classifier takes beside another: n-grams are hashed once for all of them."""
    del options
    return (0.1 if modality == "text" else 0.15) * classes


def forest_micros(modality: Modality, classes: int, options: ForestOptions) -> float:
    """Return the microseconds of a forest: trees on n-grams are deep, and lie all over the memory."""
    del classes
    return _matrix_micros(modality) + (0.3 if modality == "image" else 0.8) * options.trees


def boosting_micros(modality: Modality, classes: int, options: BoostingOptions) -> float:
    """Return the microseconds of gradient boosting: a tree per round and class."""
    return _matrix_micros(modality) + 0.006 * options.rounds * classes * options.depth


def _matrix_micros(modality: Modality) -> float:
    """Return the microseconds of a text's sparse row: linear classifiers are scored without it, trees are not."""
    return 0.0 if modality == "image" else 25.0
