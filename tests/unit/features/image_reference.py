"""What the compiled image features must equal: the same definitions in plain numpy and Python, slowly."""

import numpy as np
from numpy.typing import NDArray

from aisle.features.image_config import ImageConfig
from aisle.features.image_layout import ORIENTATIONS
from aisle.features.image_map import LandmarkMap
from aisle.features.patches import WINDOW, PatchDictionary

Array = NDArray[np.float64]


def box(pixels: NDArray[np.uint8], white: int) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of what is not white."""
    dark = pixels.min(axis=2) < white
    if not dark.any():
        return 0, 0, pixels.shape[1], pixels.shape[0]
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def axis_matrix(first: int, last: int, size: int, length: int) -> Array:
    """Return the resampling of a line as a matrix, (size, length)."""
    step = (last - first) / size
    reach = max(step / 2, 1.0)
    centres = first + (np.arange(size) + 0.5) * step - 0.5
    weights = np.maximum(0, 1 - np.abs(np.arange(length) - centres[:, None]) / reach)
    weights[:, :first] = 0
    weights[:, last:] = 0
    return weights / weights.sum(axis=1, keepdims=True)


def planes(pixels: NDArray[np.uint8], size: int, white: int) -> Array:
    """Return the planes, the first axis from left to right."""
    left, top, right, bottom = box(pixels, white)
    down = axis_matrix(top, bottom, size, pixels.shape[0])
    across = axis_matrix(left, right, size, pixels.shape[1])
    red, green, blue = np.einsum("yi,xj,ijc->cxy", down, across, pixels.astype(float)) / 255
    return np.stack([(red + green + blue) / 3, red - green, (red + green) / 2 - blue])


def gradient(light: Array) -> tuple[Array, Array]:
    """Return the differences of each pixel's neighbours, across and down; the rim's pixels are their own neighbours."""
    padded = np.pad(light, 1, mode="edge")
    return padded[2:, 1:-1] - padded[:-2, 1:-1], padded[1:-1, 2:] - padded[1:-1, :-2]


def cells(light: Array, grid: int) -> Array:
    """Return the sums of edges by orientation, (grid, grid, ORIENTATIONS)."""
    across, down = gradient(light)
    length, turn = np.hypot(across, down), np.arctan2(down, across)
    narrow = np.cos(np.pi / ORIENTATIONS)
    step = light.shape[0] // grid
    found = []
    for orientation in range(ORIENTATIONS):
        near = np.maximum(0, np.abs(np.cos(turn - orientation * np.pi / ORIENTATIONS)) - narrow) / (1 - narrow) * length
        found.append(near.reshape(grid, step, grid, step).sum(axis=(1, 3)))
    return np.stack(found, axis=-1)


def words(edges: Array, dictionary: PatchDictionary, word_cells: int) -> Array:
    """Return the words of a grid of edges, levelled."""
    side = edges.shape[0] - WINDOW + 1
    found = np.zeros((word_cells, word_cells, dictionary.words.shape[1]))
    for column in range(side):
        for row in range(side):
            window = edges[column : column + WINDOW, row : row + WINDOW].ravel()
            white = np.sqrt(window / (window.sum() + 0.05)) @ dictionary.projection + dictionary.shift
            near = white @ dictionary.words + dictionary.bias
            found[column * word_cells // side, row * word_cells // side] += np.maximum(near, 0)
    return level(found.ravel())


def level(values: Array) -> Array:
    """Return square roots, 1 in length."""
    return np.sqrt(values) / np.sqrt(max(values.sum(), 1e-6))


def histograms(picture: Array) -> tuple[Array, Array]:
    """Return the joint histogram of colours, and the three plain ones, as shares."""
    light, red, yellow = picture[:, ::2, ::2]
    strength = np.hypot(*gradient(picture[0]))[::2, ::2]
    joint = np.zeros((4, 6, 6))
    bins = [
        np.clip(np.trunc(value), 0, most).astype(int)
        for value, most in ((light * 4, 3), (np.maximum(red * 8 + 3, 0), 5), (np.maximum(yellow * 8 + 3, 0), 5))
    ]
    np.add.at(joint, tuple(bins), 1)
    strong = np.digitize(
        (np.minimum(np.floor(strength * 128), 127) + 0.5) / 128, [0.01, 0.02, 0.04, 0.07, 0.11, 0.17, 0.26, 0.4]
    )
    colourful = np.maximum(np.abs(red), np.abs(yellow))
    vivid = np.digitize(
        (np.minimum(np.floor(colourful * 128), 127) + 0.5) / 128, [0.02, 0.05, 0.1, 0.16, 0.24, 0.36, 0.5, 0.75]
    )
    tones = [
        np.bincount(found.ravel(), minlength=most)
        for found, most in ((np.clip((light * 12).astype(int), 0, 11), 12), (strong, 9), (vivid, 9))
    ]
    return joint.ravel() / light.size, np.concatenate(tones) / light.size


def moments(picture: Array) -> Array:
    """Return what an image is like as a whole, the numbers' square roots with their signs."""
    light = picture[0]
    colourful = np.abs(picture[1]) + np.abs(picture[2])
    found = [value for plane in (*picture, colourful) for value in (plane.mean(), plane.std())]
    found += [(light > 0.97).mean(), (light < 0.06).mean(), (colourful < 0.06).mean()]
    for strip in (np.s_[:3], np.s_[-3:], np.s_[:, :3], np.s_[:, -3:]):
        part = light[strip]
        found += [part.mean(), part.std(), (part > 0.97).mean(), colourful[strip].mean()]
    across, down = np.abs(np.diff(light, axis=0)), np.abs(np.diff(light, axis=1))
    found += [part.sum() / light.size for part in (across, down, across > 0.1, down > 0.1)]
    found += [np.abs(light - light[::-1]).mean(), np.abs(light - light[:, ::-1]).mean()]
    return np.sign(found) * np.sqrt(np.abs(found))


def description(pixels: NDArray[np.uint8], dictionary: PatchDictionary, config: ImageConfig) -> Array:
    """Return an image's description."""
    picture = planes(pixels, config.size, config.white)
    edges = cells(picture[0], config.grid)
    half = edges.reshape(config.grid // 2, 2, config.grid // 2, 2, ORIENTATIONS).sum(axis=(1, 3))
    step = config.size // config.colour_cells
    thumbnail = picture.reshape(3, config.colour_cells, step, config.colour_cells, step).mean(axis=(2, 4))
    colours, tones = histograms(picture)
    left, top, right, bottom = box(pixels, config.white)
    wide, high = (right - left) / pixels.shape[1], (bottom - top) / pixels.shape[0]
    geometry = [left / pixels.shape[1], top / pixels.shape[0], wide, high, np.log(wide / high), wide * high]
    return np.concatenate(
        [
            words(edges, dictionary, config.word_cells),
            level(half.ravel()),
            thumbnail.ravel(),
            level(colours),
            level(tones),
            moments(picture),
            geometry,
        ]
    )


def mapped(row: Array, learnt: LandmarkMap) -> Array:
    """Return the map of one row of features."""
    point = row @ learnt.projection + learnt.shift
    squares = np.square(point[:, None] - learnt.landmarks).sum(axis=0)
    return (1 + squares / 16) ** -16.0 @ learnt.transform + learnt.offset
