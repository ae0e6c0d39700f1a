"""What the compiled n-grams must equal: the same definition in plain Python, one n-gram at a time."""

from collections import Counter
from collections.abc import Iterator

from aisle.features.ngrams import CHAR_SEED, FINISH, STEP, WORD_SEED, Shape

_MASK = (1 << 64) - 1


def reference_counts(text: str, shape: Shape) -> dict[int, int]:
    """Return how often each bucket occurs in one normalised text."""
    word_low, word_high, char_low, char_high, bits = shape
    words = (_bucket(gram, WORD_SEED, bits) for gram in word_ngrams(text, word_low, word_high))
    chars = ((1 << (bits - 1)) + _bucket(gram, CHAR_SEED, bits) for gram in char_ngrams(text, char_low, char_high))
    return dict(Counter([*words, *chars]))


def word_ngrams(text: str, low: int, high: int) -> Iterator[str]:
    """Yield tokens in a row, joined by a space."""
    tokens = text.split()
    for n in range(low, high + 1):
        for first in range(len(tokens) - n + 1):
            yield " ".join(tokens[first : first + n])


def char_ngrams(text: str, low: int, high: int) -> Iterator[str]:
    """Yield what scikit-learn's `char_wb` analyser yields."""
    for token in text.split():
        padded = f" {token} "
        if len(padded) < low:
            yield padded
        for n in range(low, high + 1):
            for first in range(len(padded) - n + 1):
                yield padded[first : first + n]


def _bucket(gram: str, seed: int, bits: int) -> int:
    state = seed
    for character in gram:
        state = ((state ^ ord(character)) * STEP) & _MASK
    state = ((state ^ (state >> 32)) * FINISH) & _MASK
    return state >> (64 - (bits - 1))
