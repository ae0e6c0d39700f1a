"""What a framed image is like as a whole, in compiled code."""

import numpy as np
from numpy.typing import NDArray

from aisle.features.image_frame import Planes, spliced, summing

MOMENTS = 33
"""Numbers that describe an image as a whole."""

_STRIP = 3
"""Width in pixels of the strips along the four sides: a photograph goes on there, a cut-out or a cover ends."""


@summing
def moments(planes: Planes, out: NDArray[np.float32]) -> None:
    """Fill in what an image is like as a whole, each number's square root with its sign.

    These are mean and standard deviation of the planes and of colourfulness (the sum of both oppositions' sizes); the
    shares of white, black and grey; of each side's strip the mean and standard deviation of lightness, the share of white
    and the mean colourfulness; the mean and the share of large steps in lightness both ways; how far the two halves
    differ from each other's mirror image both ways.

    Args:
        planes: (3, size, size).
        out: (MOMENTS,).
    """
    size = planes.shape[1]
    light = planes[0]
    for plane in range(3):
        total, squares = np.float32(0), np.float32(0)
        for x in range(size):
            line = planes[plane, x]
            for y in range(size):
                total += line[y]
                squares += line[y] * line[y]
        out[2 * plane], out[2 * plane + 1] = _spread(total, squares, size * size)
    colourful = np.empty((size, size), np.float32)
    total, squares, white, black, grey = np.float32(0), np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    for x in range(size):
        line, reds, yellows, own = light[x], planes[1, x], planes[2, x], colourful[x]
        for y in range(size):
            own[y] = abs(reds[y]) + abs(yellows[y])
            total += own[y]
            squares += own[y] * own[y]
            white += np.float32(1) if line[y] > np.float32(0.97) else np.float32(0)
            black += np.float32(1) if line[y] < np.float32(0.06) else np.float32(0)
            grey += np.float32(1) if own[y] < np.float32(0.06) else np.float32(0)
    out[6], out[7] = _spread(total, squares, size * size)
    pixels = np.float32(size * size)
    out[8], out[9], out[10] = white / pixels, black / pixels, grey / pixels
    last = size - _STRIP
    for side, (left, right, top, bottom) in enumerate(
        ((0, _STRIP, 0, size), (last, size, 0, size), (0, size, 0, _STRIP), (0, size, last, size))
    ):
        _strip(light, colourful, left, right, top, bottom, out[11 + 4 * side : 15 + 4 * side])
    _steps(light, out[27:33])
    for at in range(MOMENTS):
        out[at] = np.sign(out[at]) * np.sqrt(abs(out[at]))


@spliced
def _strip(
    light: NDArray[np.float32],
    colourful: NDArray[np.float32],
    left: int,
    right: int,
    top: int,
    bottom: int,
    out: NDArray[np.float32],
) -> None:
    total, squares, white, colour = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    for x in range(left, right):
        line, other = light[x], colourful[x]
        for y in range(top, bottom):
            total += line[y]
            squares += line[y] * line[y]
            white += np.float32(1) if line[y] > np.float32(0.97) else np.float32(0)
            colour += other[y]
    pixels = (right - left) * (bottom - top)
    out[0], out[1] = _spread(total, squares, pixels)
    out[2], out[3] = white / np.float32(pixels), colour / np.float32(pixels)


@spliced
def _steps(light: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    size = light.shape[0]
    for at in range(6):
        out[at] = 0
    large = np.float32(0.1)
    for x in range(size):
        line, before, mirrored = light[x], light[max(x - 1, 0)], light[size - 1 - x]
        across, far_across, apart = np.float32(0), np.float32(0), np.float32(0)
        down, far_down, upset = np.float32(0), np.float32(0), np.float32(0)
        for y in range(size):
            step = abs(line[y] - before[y])
            across += step
            far_across += np.float32(1) if step > large else np.float32(0)
            apart += abs(line[y] - mirrored[y])
        for y in range(size - 1):
            step = abs(line[y + 1] - line[y])
            down += step
            far_down += np.float32(1) if step > large else np.float32(0)
        for y in range(size // 2):
            upset += np.float32(2) * abs(line[y] - line[size - 1 - y])
        out[0] += across
        out[1] += down
        out[2] += far_across
        out[3] += far_down
        out[4] += apart
        out[5] += upset
    for at in range(6):
        out[at] /= np.float32(size * size)


@spliced
def _spread(total: np.float32, squares: np.float32, count: int) -> tuple[np.float32, np.float32]:
    """Return mean and standard deviation of values from their sum and the sum of their squares."""
    mean = total / np.float32(count)
    return mean, np.sqrt(max(squares / np.float32(count) - mean * mean, np.float32(0)))
