"""Linear models on TF-IDF, scored without the matrix, and laid out for how memory is reached.

A title has some two hundred n-grams, each anywhere among hundreds of thousands of columns: what an answer costs is reaching
into memory, not adding up. So a weight is one byte, a whole number of its column's steps, and the weights that a column has
in all models lie side by side: an n-gram costs one cache line where it would cost four. Which column a bucket has is told
by one bit for each bucket and a count before each 64 of them, which stay in the cache nearest to the processor.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.errors import ModelError
from aisle.features.lanes import LANES, add_lines, fetch
from aisle.features.ngrams import Codes, Shape, codes_of, compiled, end_of, enumerate_ngrams, room_for, tally
from aisle.features.tfidf import TfidfColumns

LEVELS = 127
"""A weight is at most so many steps, up or down."""

FEW = 16
"""What an n-gram counts for that comes so often is worked out when it comes, and once a call where it comes less often."""

LINE = 64
"""Bytes of a cache line."""

_M1, _M2, _M4, _H1 = (np.uint64(v) for v in (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F, 0x0101010101010101))
_ONE, _TWO, _FOUR, _SIX, _TOP, _LOW = (np.uint64(value) for value in (1, 2, 4, 6, 56, 63))


@dataclass(frozen=True, slots=True)
class Stepped:
    """A linear model whose weights are whole numbers of their column's step.

    Args:
        whole: Weights in steps, int8, -127 to 127, (columns, outputs).
        steps: The step of each column, float32, (columns,).
        bias: Intercepts, float32, (outputs,).
    """

    whole: NDArray[np.int8]
    steps: NDArray[np.float32]
    bias: NDArray[np.float32]


def stepped(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return weights in steps of a 127th of each column's largest, and the steps.

    A weight is off by half a step at most; a score sums hundreds of them, whose errors are independent.

    Args:
        weights: Finite, (columns, outputs).
    """
    steps = (np.abs(weights).max(axis=1, initial=0) / np.float32(LEVELS)).astype(np.float32)
    # A step too small for a normal number would not divide; such a column is nothing.
    steps[steps < np.finfo(np.float32).tiny] = 0
    inverse = np.divide(np.float32(1), steps, out=np.zeros_like(steps), where=steps > 0)
    whole = np.clip(np.rint(weights * inverse[:, np.newaxis]), -LEVELS, LEVELS).astype(np.int8)
    return whole, steps


@dataclass(frozen=True)
class LinearTexts:
    """Linear models on one TF-IDF, side by side; several threads may use it at once.

    Args:
        shape: Which n-grams, and how many bits.
        marks: A bit for each bucket that has a column, (2**bits / 64,).
        ranks: Columns before each 64 buckets, (2**bits / 64,).
        factors: Of each column its idf, and the step of each model's weights, (columns, 1 + models).
        lines: Weights of all models in steps, each model's part filled up to a whole number of lanes, (columns, lanes).
        ends: Where each model's part of a line ends, (models,).
        biases: Intercepts of each model.
    """

    shape: Shape
    marks: NDArray[np.uint64]
    ranks: NDArray[np.int32]
    factors: NDArray[np.float32]
    lines: NDArray[np.int8]
    ends: NDArray[np.int64]
    biases: tuple[NDArray[np.float32], ...]

    @classmethod
    def of(
        cls, shape: Shape, columns: TfidfColumns, models: Sequence[Stepped], scale: NDArray[np.float32] | None = None
    ) -> "LinearTexts":
        """Lay models out.

        Args:
            shape: Which n-grams, and how many bits.
            columns: The fitted TF-IDF, of as many bits.
            models: Linear models on its columns.
            scale: What each column is multiplied by after TF-IDF, (columns,); nothing for 1.

        Raises:
            ModelError: The arrays do not fit each other.
        """
        count = columns.columns.size
        for model in models:
            sizes = (model.whole.shape, model.steps.shape)
            kinds = (model.whole.dtype, model.steps.dtype, model.bias.dtype)
            if (
                columns.bits != shape[4]
                or sizes != ((count, model.bias.size), (count,))
                or kinds != (np.dtype("i1"), np.dtype("f4"), np.dtype("f4"))
            ):
                raise ModelError(
                    f"Weights {kinds[0]}{sizes[0]} with steps {kinds[1]}{sizes[1]} and bias {kinds[2]}{model.bias.shape} do "
                    f"not fit {count} columns of {columns.bits} bits, counted with {shape[4]} bits.",
                    hint="Take them all from one bundle.",
                )
        widths = [-(-model.bias.size // LANES) * LANES for model in models]
        ends = np.cumsum(widths, dtype=np.int64)
        lines = _aligned(count, int(ends[-1]))
        factors = np.empty((count, 1 + len(models)), np.float32)
        factors[:, 0] = columns.idf
        for place, (model, width) in enumerate(zip(models, widths, strict=True)):
            first = int(ends[place]) - width
            lines[:, first : first + model.bias.size] = model.whole
            factors[:, 1 + place] = model.steps if scale is None else model.steps * scale
        marks, ranks = _marked(columns)
        return cls(shape, marks, ranks, factors, lines, ends, tuple(model.bias for model in models))

    def scores(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Return each model's scores of normalised texts, float32, (texts, outputs).

        They are those of TF-IDF times weights plus bias, up to rounding; a text's do not depend on the texts beside it.

        Args:
            texts: What `normalise` returned.
        """
        every = _score(codes_of(texts), len(texts), self.shape, self.marks, self.ranks, self.factors, self.lines, self.ends)
        found, first = [], 0
        for bias, end in zip(self.biases, self.ends.tolist(), strict=True):
            found.append(every[:, first : first + bias.size] + bias)
            first = end
        return found


def _aligned(rows: int, width: int) -> NDArray[np.int8]:
    """Return zeros, (rows, width), that begin where a cache line does: no row of 64 is then in two of them."""
    room = np.zeros(rows * width + 64, np.int8)
    first = -room.ctypes.data % 64
    return room[first : first + rows * width].reshape(rows, width)


def _marked(columns: TfidfColumns) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Return which buckets have a column, a bit each, and how many columns come before each 64 of them."""
    there = np.zeros(max(1 << columns.bits, 64), np.uint8)
    there[columns.columns] = 1
    marks = np.packbits(there, bitorder="little").view("<u8").astype(np.uint64)
    before = np.zeros(marks.size, np.int32)
    np.cumsum(there.reshape(-1, 64).sum(axis=1, dtype=np.int32)[:-1], out=before[1:])
    return marks, before


@compiled
def _column(bucket: int, marks: NDArray[np.uint64], ranks: NDArray[np.int32]) -> int:
    """Return a bucket's column, -1 where it has none."""
    word, bit = bucket >> 6, np.uint64(bucket) & _LOW
    mark = marks[word]
    if not (mark >> bit) & _ONE:
        return -1
    lower = mark & ((_ONE << bit) - _ONE)
    # The number of ones, by halves (Warren, "Hacker's Delight", 5-1); the compiler knows it and takes one instruction.
    lower -= (lower >> _ONE) & _M1
    lower = (lower & _M2) + ((lower >> _TWO) & _M2)
    lower = (lower + (lower >> _FOUR)) & _M4
    column: int = ranks[word] + np.int64((lower * _H1) >> _TOP)
    return column


@compiled
def _score(
    codes: Codes,
    texts: int,
    shape: Shape,
    marks: NDArray[np.uint64],
    ranks: NDArray[np.int32],
    factors: NDArray[np.float32],
    lines: NDArray[np.int8],
    ends: NDArray[np.int64],
) -> NDArray[np.float32]:
    room = room_for(codes, shape)
    found, times, spare = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    width, half, line_bytes = lines.shape[1], 1 << (shape[4] - 1), lines.reshape(-1)
    each, flat = factors.shape[1], factors.reshape(-1)
    sums, values, steps = np.empty(width, np.float32), np.empty(room, np.float32), np.empty(room, np.float32)
    weights = np.empty(FEW, np.float32)
    for often in range(1, FEW):
        weights[often] = np.float32(1 + np.log(often))
    scores = np.zeros((texts, width), np.float32)
    start = 1
    for text in range(texts):
        stop = end_of(codes, start, 10)
        distinct = tally(found, enumerate_ngrams(codes, start, stop, shape, found), times, spare, shape[4])
        start = stop + 1
        # First all columns, and what will be read of them is asked for: these looks do not wait for each other.
        words, known = 0, 0
        for position in range(distinct):
            column = _column(found[position], marks, ranks)
            if column >= 0:
                fetch(flat, column * each)
                for first in range(0, width, LINE):
                    fetch(line_bytes, column * width + first)
                words += 1 if found[position] < half else 0
                spare[known], times[known] = column, times[position]
                known += 1
        # Buckets rise, so words come first: each kind is summed up, and divided by its norm when that is known.
        for first, last in ((0, words), (words, known)):
            squares = 0.0
            for position in range(first, last):
                value, often = factors[spare[position], 0], times[position]
                if often > 1:
                    value *= weights[often] if often < FEW else np.float32(1 + np.log(often))
                squares += value * value
                values[position] = value
            if squares > 0:
                sums[:] = 0
                begin = 0
                for model in range(ends.size):
                    for position in range(first, last):
                        steps[position] = values[position] * factors[spare[position], 1 + model]
                    while begin < ends[model]:
                        add_lines(sums, begin, line_bytes, begin, width, spare, steps, first, last)
                        begin += LANES
                scores[text] += sums * np.float32(1 / np.sqrt(squares))
    return scores
