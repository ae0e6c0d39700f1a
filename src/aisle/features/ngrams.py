"""Hashed n-grams of normalised texts, in compiled code: one enumeration for all that count or score them.

Of each text are taken, as scikit-learn's `TfidfVectorizer` does with `analyzer="word"` (every token counts, single
characters too) and `analyzer="char_wb"`:

- word n-grams: n tokens in a row, with a space between them;
- character n-grams inside each token with a space on either side; a token too short for the smallest n counts whole.

An n-gram's code points go through a multiplicative 64-bit hash, seeded by its kind, and the hash's upper bits are its
bucket: word n-grams have the lower half of the 2**bits buckets, character n-grams the upper half. `count_ngrams` makes a
sparse matrix of the buckets; `linear_texts` goes straight to the scores of linear models and makes no matrix at all.

Compiled code is kept beside this file, or under `NUMBA_CACHE_DIR`, and read back by the next process.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.uint32]
"""The code points of texts, with a line feed before, between and after them."""
Shape: TypeAlias = tuple[int, int, int, int, int]
"""Smallest and largest word n, smallest and largest character n, bits."""

WORD_SEED = 0x9AE16A3B2F90404F
CHAR_SEED = 0xC949C7DEFA5C2B17
STEP = 0x9E3779B97F4A7C15
FINISH = 0xD6E8FEB86659FD93
"""The hash: h = seed; for each code point h = (h ^ code) * STEP; h = (h ^ h >> 32) * FINISH; all modulo 2**64."""

_WORD_SEED, _CHAR_SEED, _STEP, _FINISH = (np.uint64(value) for value in (WORD_SEED, CHAR_SEED, STEP, FINISH))
_HALF = np.uint64(32)
_WIDTH = np.uint64(64)
_ONE = np.uint64(1)


@dataclass(frozen=True, slots=True)
class Counts:
    """How often each bucket occurs in each text, as the three arrays of a compressed sparse row matrix.

    Args:
        indptr: Where each text's entries begin, int64, (texts + 1,).
        indices: Buckets, int32, rising and unique within a text.
        values: Occurrences, float32.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: NDArray[np.float32]


def count_ngrams(texts: Sequence[str], shape: Shape) -> Counts:
    """Count the hashed n-grams of normalised texts.

    Args:
        texts: What `normalise` returned.
        shape: Which n-grams, and how many bits.
    """
    return Counts(*_count(codes_of(texts), len(texts), shape))


def codes_of(texts: Sequence[str]) -> Codes:
    """Return the code points of normalised texts as the compiled code takes them."""
    return np.frombuffer("\n".join(("", *texts, "")).encode("utf-32-le"), dtype=np.uint32)


def compiled(function: Any) -> Any:
    """Compile a function at its first call, free of the interpreter's lock; what is compiled stays for later processes."""
    return njit(cache=True, nogil=True)(function)


@compiled
def _bucket(state: np.uint64, bits: int) -> np.int64:
    mixed = (state ^ (state >> _HALF)) * _FINISH
    return np.int64(mixed >> (_WIDTH - np.uint64(bits - 1)))


@compiled
def end_of(codes: Codes, start: int, mark: int) -> int:
    """Return where the next separator is: a line feed (10) ends a text, a space (32) a token; nothing else is as small."""
    end = start
    while codes[end] > mark:
        end += 1
    return end


@compiled
def room_for(codes: Codes, shape: Shape) -> int:
    """Return a number that no text's n-grams exceed: were each character a token, each would count with both its spaces."""
    longest, start = 0, 1
    while start < codes.size:
        stop = end_of(codes, start, 10)
        longest = max(longest, stop - start)
        start = stop + 1
    return (longest + 1) * (2 * (shape[3] - shape[2] + 1) + shape[1] - shape[0] + 1)


@compiled
def enumerate_ngrams(codes: Codes, start: int, stop: int, shape: Shape, found: NDArray[np.int32]) -> int:
    """Put the buckets of a text's n-grams into `found`, as often as they occur, and return how many they are."""
    word_low, word_high, char_low, char_high, bits = shape
    half = 1 << (bits - 1)
    n = 0
    token = start
    while token < stop:
        token_end = end_of(codes, token, 32)
        state = _WORD_SEED
        words = 0
        at = token
        while words < word_high and at <= stop:
            if codes[at] <= 32:
                words += 1
                if words >= word_low:
                    found[n] = _bucket(state, bits)
                    n += 1
            state = (state ^ np.uint64(codes[at])) * _STEP
            at += 1
        for first in range(token - 1, token_end + 1):
            state = _CHAR_SEED
            # The spaces on either side; at a text's ends they are line feeds, and count as spaces.
            for at in range(first, min(first + char_high, token_end + 1)):
                state = (state ^ np.uint64(max(codes[at], 32))) * _STEP
                if at - first + 1 >= char_low:
                    found[n] = half + _bucket(state, bits)
                    n += 1
            if first == token - 1 and token_end - token + 2 < char_low:
                found[n] = half + _bucket(state, bits)
                n += 1
                break
        token = token_end + 1
    return n


@compiled
def tally(found: NDArray[np.int32], n: int, times: NDArray[np.int32], spare: NDArray[np.int32], bits: int) -> int:
    """Sort found[:n] by radix; move what is distinct to its front, and how often it occurs to that of `times`.

    Return how many are distinct.
    """
    ends = np.empty(129, np.int32)
    for shift in range(0, bits, 7):
        ends[:] = 0
        for position in range(n):
            ends[(found[position] >> shift & 127) + 1] += 1
        for digit in range(127):
            ends[digit + 1] += ends[digit]
        for position in range(n):
            digit = found[position] >> shift & 127
            spare[ends[digit]] = found[position]
            ends[digit] += 1
        # A slice assigned to a slice takes seconds to compile, for the errors that it may have to spell.
        for position in range(n):
            found[position] = spare[position]
    distinct = 0
    for position in range(n):
        if distinct and found[position] == found[distinct - 1]:
            times[distinct - 1] += 1
        else:
            found[distinct], times[distinct] = found[position], 1
            distinct += 1
    return distinct


@compiled
def _count(codes: Codes, texts: int, shape: Shape) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    room = room_for(codes, shape)
    found, times, spare = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    indptr = np.zeros(texts + 1, np.int64)
    # Titles have some three distinct n-grams per character; what is not filled is never touched, and costs nothing.
    expected = max(room, 4 * codes.size)
    indices, values = np.empty(expected, np.int32), np.empty(expected, np.float32)
    used, start = 0, 1
    for text in range(texts):
        stop = end_of(codes, start, 10)
        distinct = tally(found, enumerate_ngrams(codes, start, stop, shape, found), times, spare, shape[4])
        start = stop + 1
        if used + distinct > indices.size:
            grown = max(2 * indices.size, used + distinct)
            more_indices, more_values = np.empty(grown, np.int32), np.empty(grown, np.float32)
            for position in range(used):
                more_indices[position], more_values[position] = indices[position], values[position]
            indices, values = more_indices, more_values
        for position in range(distinct):
            indices[used + position] = found[position]
            values[used + position] = times[position]
        used += distinct
        indptr[text + 1] = used
    return indptr, indices[:used], values[:used]
