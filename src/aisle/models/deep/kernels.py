"""A net's answer in compiled code, one row at a time: a row's scores do not depend on the rows beside it."""

import numpy as np
from numpy.typing import NDArray

from aisle.features.ngrams import compiled
from aisle.models.family import Floats

EPSILON = 1e-5
"""What is added to a variance before its root is divided by."""


@compiled
def score_rows(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: Floats,
    numbers: Floats,
    present: Floats,
    text: tuple[Floats, Floats, Floats, Floats],
    image: tuple[Floats, Floats, Floats, Floats],
    hidden: tuple[Floats, Floats, Floats],
    out: tuple[Floats, Floats],
    scores: Floats,
) -> None:
    """Set the scores of rows, (rows, classes), to the mean over the heads of the logarithms of their softmax.

    Args:
        indptr: Where each row's n-grams begin, (rows + 1,).
        indices: Which of the net's n-grams they are.
        values: What they count.
        numbers: Standardised numbers of the images, (rows, numbers).
        present: Whether there is an image, (rows,).
        text: Weights (n-grams, heads * width), intercepts, gains and shifts, (heads * width,) each.
        image: Weights (numbers, heads * width), intercepts, gains and shifts, (heads * width,) each.
        hidden: Weights (heads, 2 * width, width), gains and shifts, (heads, width) each.
        out: Weights (heads, width, classes), intercepts (heads, classes).
        scores: What is set.
    """
    heads, width = hidden[1].shape
    classes = scores.shape[1]
    left, right = np.zeros(heads * width, np.float32), np.zeros(heads * width, np.float32)
    middle, own = np.empty(width, np.float32), np.empty(classes, np.float32)
    for row in range(scores.shape[0]):
        scores[row] = 0
        if text[0].shape[0]:
            left[:] = text[1]
            for at in range(indptr[row], indptr[row + 1]):
                _add(left, text[0][indices[at]], values[at])
        seen = image[0].shape[0] > 0 and present[row] != 0
        right[:] = 0
        if seen:
            right[:] = image[1]
            for number in range(image[0].shape[0]):
                _add(right, image[0][number], numbers[row, number])
        for head in range(heads):
            first, last = head * width, (head + 1) * width
            # A side that is not there stays zero: what is added of it below is nothing.
            if text[0].shape[0]:
                _norm(left[first:last], text[2][first:last], text[3][first:last])
            if seen:
                _norm(right[first:last], image[2][first:last], image[3][first:last])
            middle[:] = 0
            for unit in range(width):
                _add(middle, hidden[0][head, unit], left[first + unit])
                _add(middle, hidden[0][head, width + unit], right[first + unit])
            _norm(middle, hidden[1][head], hidden[2][head])
            own[:] = out[1][head]
            for unit in range(width):
                _add(own, out[0][head, unit], middle[unit] + left[first + unit] + right[first + unit])
            _add_logarithms(scores[row], own, np.float32(1) / np.float32(heads))


@compiled
def _add_logarithms(total: Floats, own: Floats, share: np.float32) -> None:
    """Add a share of the logarithms of a softmax."""
    highest, mass = own.max(), np.float32(0)
    for value in own:
        mass += np.exp(value - highest)
    shift = highest + np.log(mass)
    for label in range(own.size):
        total[label] += (own[label] - shift) * share


@compiled
def _add(total: Floats, line: Floats, value: np.float32) -> None:
    for place in range(total.size):
        total[place] += value * line[place]


@compiled
def _norm(units: Floats, gains: Floats, shifts: Floats) -> None:
    """Standardise units, stretch and shift them, and cut off what is below zero."""
    mean = np.float32(0)
    for value in units:
        mean += value
    mean /= np.float32(units.size)
    variance = np.float32(0)
    for value in units:
        variance += (value - mean) * (value - mean)
    scale = np.float32(1) / np.sqrt(variance / np.float32(units.size) + np.float32(EPSILON))
    for place in range(units.size):
        units[place] = max((units[place] - mean) * scale * gains[place] + shifts[place], np.float32(0))
