"""One image file as numbers: decoded, framed, and described by edges, colours and what it is like as a whole."""

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.images import decode_rgb
from aisle.features.image_config import ImageConfig
from aisle.features.image_frame import GEOMETRY, frame
from aisle.features.image_layout import ORIENTATIONS, lay_out
from aisle.features.image_moments import MOMENTS, moments
from aisle.features.patches import WINDOW, PatchDictionary, edge_windows, word_layout


def look_at(data: bytes, config: ImageConfig, words: int, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill in an image file's description but for the words, and return what the words are made of.

    Args:
        data: The file's bytes.
        config: How an image becomes features.
        words: So many of the numbers, the first ones, are left for the words.
        numbers: (numbers,), in the order of `ImageConfig.blocks`.

    Returns:
        Edges by place and orientation, (grid, grid, ORIENTATIONS).

    Raises:
        ImageProblem: It cannot be decoded, and why.
    """
    pixels = decode_rgb(data, config.decoded)
    cells = np.empty((config.grid, config.grid, ORIENTATIONS), np.float32)
    planes = frame(pixels, config.size, config.white, numbers[-GEOMETRY:])
    lay_out(planes, config.colour_cells, cells, numbers[words : -GEOMETRY - MOMENTS])
    moments(planes, numbers[-GEOMETRY - MOMENTS : -GEOMETRY])
    return cells


def write_words(
    cells: NDArray[np.float32], dictionary: PatchDictionary, config: ImageConfig, words: NDArray[np.float32]
) -> None:
    """Fill in the words of an image's description.

    Args:
        cells: What `look_at` returned.
        dictionary: The words there are.
        config: How an image becomes features.
        words: The first numbers of the description.
    """
    word_layout(cells, dictionary, config.word_cells, words)


def windows_of(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the windows of an image's edges as a dictionary is learnt from them, (windows, numbers).

    Args:
        cells: What `look_at` returned.
    """
    side = cells.shape[0] - WINDOW + 1
    windows = np.empty((side * side, WINDOW**2 * cells.shape[2]), np.float32)
    scales = np.empty(side * side, np.float32)
    edge_windows(cells, windows, scales)
    scaled: NDArray[np.float32] = windows * scales[:, np.newaxis]
    return scaled
