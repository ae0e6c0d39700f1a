"""Where in a framed image edges run and colours are, in compiled code."""

import numpy as np
from numpy.typing import NDArray

from aisle.features.image_frame import Planes, spliced, summing

ORIENTATIONS = 8
"""Directions of an edge, light-to-dark as dark-to-light, over half a turn."""

STEP = 4
"""Width and height of a cell in pixels."""

_TURNS = np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS
_ACROSS, _DOWN = np.cos(_TURNS).astype(np.float32), np.sin(_TURNS).astype(np.float32)
_NARROW = np.float32(np.cos(np.pi / ORIENTATIONS))
"""A gradient counts for an orientation when it is less than one orientation away from it."""
_WHOLE = np.float32(1 / (1 - np.cos(np.pi / ORIENTATIONS)))

COLOURS = 4 * 6 * 6
"""Bins of the colour histogram: of lightness, red against green, yellow against blue."""

TONES = 12 + 9 + 9
"""Bins of the three plain histograms: of lightness, of the strength of edges, and of colourfulness."""

_STRENGTHS = np.digitize((np.arange(128) + 0.5) / 128, (0.01, 0.02, 0.04, 0.07, 0.11, 0.17, 0.26, 0.4)).astype(np.int64)
_COLOURFULNESS = np.digitize((np.arange(128) + 0.5) / 128, (0.02, 0.05, 0.1, 0.16, 0.24, 0.36, 0.5, 0.75)).astype(np.int64)
"""The bin of a value in 128ths: narrow where most values are."""


@summing
def lay_out(planes: Planes, colour_cells: int, cells: NDArray[np.float32], numbers: NDArray[np.float32]) -> None:
    """Fill in edges, thumbnail and both kinds of histograms of an image, one after the other.

    Args:
        planes: (3, size, size).
        colour_cells: Cells from side to side of the thumbnail.
        cells: Filled by `edge_cells`, (grid, grid, ORIENTATIONS).
        numbers: Filled, (numbers,): edges, thumbnail, colours and tones.
    """
    size, grid = planes.shape[1], cells.shape[0]
    numbers[:] = 0
    thumbnail_at = ORIENTATIONS * (grid // 2) * (grid // 2)
    colours_at = thumbnail_at + 3 * colour_cells * colour_cells
    tones_at = colours_at + COLOURS
    strength = np.empty((size, size), np.float32)
    edge_cells(planes, cells, strength)
    edge_layout(cells, numbers[:thumbnail_at])
    thumbnail(planes, colour_cells, numbers[thumbnail_at:colours_at])
    histograms(planes, strength, numbers[colours_at:tones_at], numbers[tones_at:])
    level(numbers[:thumbnail_at])
    level(numbers[colours_at:tones_at])
    level(numbers[tones_at:])


@spliced
def level(values: NDArray[np.float32]) -> None:
    """Take square roots and make the length 1: a few strong words or edges are not to outshout all others.

    Args:
        values: At least 0, changed.
    """
    total = np.float32(0)
    for at in range(values.size):
        total += values[at]
        values[at] = np.sqrt(values[at])
    scale = np.float32(1) / np.sqrt(max(total, np.float32(1e-6)))
    for at in range(values.size):
        values[at] *= scale


@spliced
def edge_cells(planes: Planes, cells: NDArray[np.float32], strength: NDArray[np.float32]) -> None:
    """Fill in the sums of edges by orientation over a grid of cells, of the lightness.

    A gradient of length r and direction t counts r * max(0, (|cos(t - o)| - cos(w)) / (1 - cos(w))) for the orientation o,
    where w is the angle between two orientations: nearly Dalal and Triggs's linear sharing between the two next to it
    ("Histograms of oriented gradients for human detection", 2005), without an arc tangent.

    Args:
        planes: (3, size, size).
        cells: (grid, grid, ORIENTATIONS), where the grid is the size divided by STEP.
        strength: Length of each pixel's gradient, filled, (size, size).
    """
    light, size, grid = planes[0], planes.shape[1], cells.shape[0]
    across, down = np.empty(size, np.float32), np.empty(size, np.float32)
    least = np.empty(size, np.float32)
    sums = np.empty((ORIENTATIONS, size), np.float32)
    for column in range(grid):
        sums[:] = 0
        for x in range(column * STEP, column * STEP + STEP):
            before, line, after, length = light[max(x - 1, 0)], light[x], light[min(x + 1, size - 1)], strength[x]
            for y in range(size):
                across[y] = after[y] - before[y]
            for y in range(1, size - 1):
                down[y] = line[y + 1] - line[y - 1]
            down[0], down[size - 1] = line[1] - line[0], line[size - 1] - line[size - 2]
            for y in range(size):
                length[y] = np.sqrt(across[y] * across[y] + down[y] * down[y])
                least[y] = length[y] * _NARROW
            for orientation in range(ORIENTATIONS):
                cosine, sine, own = _ACROSS[orientation], _DOWN[orientation], sums[orientation]
                for y in range(size):
                    own[y] += max(abs(across[y] * cosine + down[y] * sine) - least[y], np.float32(0))
        for row in range(grid):
            for orientation in range(ORIENTATIONS):
                total = np.float32(0)
                for y in range(STEP):
                    total += sums[orientation, row * STEP + y]
                cells[column, row, orientation] = total * _WHOLE


@spliced
def edge_layout(cells: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Fill in the sums of edges over two by two cells each.

    Args:
        cells: As `edge_cells` gives them, (grid, grid, ORIENTATIONS); the grid is even.
        out: (grid // 2 * grid // 2 * ORIENTATIONS,).
    """
    half = cells.shape[0] // 2
    for column in range(half):
        for row in range(half):
            own = out[(column * half + row) * ORIENTATIONS : (column * half + row + 1) * ORIENTATIONS]
            for at in range(ORIENTATIONS):
                own[at] = (
                    cells[2 * column, 2 * row, at]
                    + cells[2 * column + 1, 2 * row, at]
                    + cells[2 * column, 2 * row + 1, at]
                    + cells[2 * column + 1, 2 * row + 1, at]
                )


@spliced
def thumbnail(planes: Planes, cells: int, out: NDArray[np.float32]) -> None:
    """Fill in the mean of each plane over a grid of cells.

    Args:
        planes: (3, size, size); the size is a multiple of the cells.
        cells: Cells from side to side.
        out: (3 * cells * cells,), zeros.
    """
    size = planes.shape[1]
    step = size // cells
    part = np.float32(1 / (step * step))
    sums = np.empty(size, np.float32)
    for plane in range(3):
        for column in range(cells):
            sums[:] = 0
            for x in range(column * step, column * step + step):
                line = planes[plane, x]
                for y in range(size):
                    sums[y] += line[y]
            own = out[(plane * cells + column) * cells : (plane * cells + column + 1) * cells]
            for row in range(cells):
                for y in range(row * step, row * step + step):
                    own[row] += sums[y]
                own[row] *= part


@spliced
def histograms(
    planes: Planes, strength: NDArray[np.float32], colours: NDArray[np.float32], tones: NDArray[np.float32]
) -> None:
    """Fill in the share of pixels in each bin of colour, lightness, strength of edge and colourfulness.

    One pixel of four is counted: neighbours are much the same, and counting is slow.

    Args:
        planes: (3, size, size).
        strength: Length of each pixel's gradient, (size, size).
        colours: Joint bins of lightness and both oppositions, (COLOURS,), zeros.
        tones: Bins of lightness, strength and colourfulness, one after the other, (TONES,), zeros.
    """
    size = planes.shape[1]
    one = np.float32(1 / ((size + 1) // 2) ** 2)
    joint, lightness = np.empty(size, np.int32), np.empty(size, np.int32)
    strengths, colourfulness = np.empty(size, np.int32), np.empty(size, np.int32)
    for x in range(0, size, 2):
        light, reds, yellows, strong = planes[0, x], planes[1, x], planes[2, x], strength[x]
        for y in range(size):
            # Most colours are pale: the middle bins are narrow, one eighth of the range.
            red = np.int32(min(max(reds[y] * np.float32(8) + np.float32(3), np.float32(0)), np.float32(5)))
            yellow = np.int32(min(max(yellows[y] * np.float32(8) + np.float32(3), np.float32(0)), np.float32(5)))
            bright = max(light[y], np.float32(0))
            joint[y] = (np.int32(min(bright * np.float32(4), np.float32(3))) * np.int32(6) + red) * np.int32(6) + yellow
            lightness[y] = np.int32(min(bright * np.float32(12), np.float32(11)))
            strengths[y] = np.int32(min(strong[y] * np.float32(128), np.float32(127)))
            colourful = max(abs(reds[y]), abs(yellows[y]))
            colourfulness[y] = np.int32(min(colourful * np.float32(128), np.float32(127)))
        for y in range(0, size, 2):
            colours[joint[y]] += one
            tones[lightness[y]] += one
            tones[12 + _STRENGTHS[strengths[y]]] += one
            tones[21 + _COLOURFULNESS[colourfulness[y]]] += one
