"""Marks: a title's words and an image's look in a few bytes each, enough to tell two populations apart and no more.

A word becomes one of 4,096 numbers, so many words share a number and none can be read back from it; it is written as two
characters. An image becomes 24 numbers of one byte: where it is light and dark, its mean colour, how much of it is white.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.images import decode_rgb

MARKS = 4_096
"""Numbers that a word may become."""

LOOK = 24
"""Numbers that an image becomes."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]
_MOST = 24
_SIDE = 32
_WHITE = 245
_VALUE = np.full(256, 255, np.uint8)
_VALUE[np.frombuffer(_LETTERS.encode(), np.uint8)] = np.arange(64)


def title_marks(words: Iterable[str]) -> str:
    """Return a normalised title's words as marks: each once, in order of their numbers, 24 at most.

    >>> title_marks(["jeu", "de", "jeu"]) == title_marks(["de", "jeu"])
    True
    """
    numbers = sorted({crc32(word.encode("utf-8", "surrogatepass")) & (MARKS - 1) for word in words})
    return "".join([_PAIRS[number] for number in numbers[:_MOST]])


def read_marks(texts: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the numbers that titles' marks stand for: those of all titles in a row, and how many each title has.

    Args:
        texts: What `title_marks` returned; what it cannot have returned counts as no word.
    """
    lengths = np.fromiter((len(text) // 2 for text in texts), np.intp, len(texts))
    whole = "".join(text[: 2 * length] for text, length in zip(texts, lengths.tolist(), strict=True))
    values = _VALUE[np.frombuffer(whole.encode("ascii", "replace"), np.uint8)].reshape(-1, 2).astype(np.intp)
    known = (values < 64).all(axis=1)
    if not known.all():
        of = np.repeat(np.arange(len(texts)), lengths)
        values, lengths = values[known], np.bincount(of[known], minlength=len(texts))
    return values[:, 0] * 64 + values[:, 1], lengths


@dataclass(frozen=True, slots=True)
class ImageLook:
    """What an image looks like at a glance.

    Args:
        brightness: Mean lightness, 0 for black to 1 for white.
        white: Share of its square that is white: background, and what makes it a square.
        sketch: Its numbers, as text.
    """

    brightness: float
    white: float
    sketch: str


def image_look(data: bytes) -> ImageLook:
    """Return what an image file looks like at a glance.

    Raises:
        ImageProblem: It cannot be decoded, and why.
    """
    pixels = decode_rgb(data, _SIDE)
    light = pixels @ np.array([0.299, 0.587, 0.114])
    white = float((pixels.min(axis=2) >= _WHITE).mean())
    blocks = light.reshape(4, _SIDE // 4, 4, _SIDE // 4).mean(axis=(1, 3)).reshape(-1)
    across, down = np.abs(np.diff(light, axis=1)).mean(), np.abs(np.diff(light, axis=0)).mean()
    colour = pixels.reshape(-1, 3).mean(axis=0)
    numbers = [*blocks, *colour, 2 * light.std(), 255 * white, 4 * across, 4 * down, 2 * np.ptp(colour)]
    sketch = b64encode(np.clip(np.rint(numbers), 0, 255).astype(np.uint8).tobytes()).decode("ascii")
    return ImageLook(float(light.mean() / 255), white, sketch)


def read_sketches(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the numbers of images' sketches, (images, 24), each from 0 to 255.

    Args:
        texts: What `image_look` wrote.

    Raises:
        ValueError: One is no sketch.
    """
    whole = b"".join(b64decode(text, validate=True) for text in texts)
    return np.frombuffer(whole, np.uint8).reshape(len(texts), LOOK).astype(np.float64)
