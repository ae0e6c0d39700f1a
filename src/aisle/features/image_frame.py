"""From a decoded image to the picture that features are computed from: the white border cut off, one size for all.

A shop's photograph shows its product on white, large or small. What is left when the border is cut off is stretched to a
square, so that products of one kind lie upon each other whatever their frame; how much was cut and the shape of what is
left are features of their own.
"""

from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray


def summing(function: Any) -> Any:
    """Compile a function for later processes too, free of the interpreter's lock and of the order in which sums are written.

    A processor adds up sixteen numbers at once; on one machine it always does so in the same order. What is compiled is
    kept until the function's own file changes: compiled functions call compiled functions of their own file only.
    """
    return njit(cache=True, nogil=True, fastmath={"reassoc", "nsz", "contract"})(function)


def spliced(function: Any) -> Any:
    """Compile a function into those that call it, as if it were written out there.

    Two compiled functions that share a third one have two versions of it, whose sums may differ in the last bit; which one
    both get would depend on which was loaded first. What is spliced in is each one's own.
    """
    return njit(inline="always", cache=True, nogil=True, fastmath={"reassoc", "nsz", "contract"})(function)


Planes: TypeAlias = NDArray[np.float32]
"""Lightness, red against green, and yellow against blue, each (size, size), the first axis from left to right."""

GEOMETRY = 6
"""Numbers that describe the frame: left, top, width and height of what is left, its shape, and its share of the pixels."""

_LINES = 16
"""Lines that are turned at once; the size of the planes is a multiple of it."""


@spliced
def content_box(pixels: NDArray[np.uint8], white: int) -> tuple[int, int, int, int]:
    """Return the box of what is not white border: left, top, right, bottom, the last two just outside.

    The whole image is returned where all of it is white.

    Args:
        pixels: Red, green and blue, (height, width, 3).
        white: From this value of its darkest colour on, a pixel is white.
    """
    height, width, _ = pixels.shape
    darkest = np.full(width * 3, np.uint8(255))
    lines = np.empty(height, np.uint8)
    for y in range(height):
        line, least = pixels[y].reshape(-1), np.uint8(255)
        for at in range(line.size):
            value = line[at]
            darkest[at] = min(darkest[at], value)
            least = min(least, value)
        lines[y] = least
    columns = np.empty(width, np.uint8)
    for x in range(width):
        columns[x] = min(darkest[3 * x], darkest[3 * x + 1], darkest[3 * x + 2])
    if lines.min() >= white:
        return 0, 0, width, height
    top, bottom, left, right = 0, height, 0, width
    while lines[top] >= white:
        top += 1
    while lines[bottom - 1] >= white:
        bottom -= 1
    while columns[left] >= white:
        left += 1
    while columns[right - 1] >= white:
        right -= 1
    return left, top, right, bottom


@spliced
def axis_weights(first: int, last: int, size: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return how pixels first to last of a line become `size` of them, by a triangle as wide as the step.

    The triangle is two pixels wide at least.

    Args:
        first: The first pixel.
        last: Just behind the last pixel.
        size: Pixels afterwards.

    Returns:
        The first pixel that counts for each, (size,), and the weights from there on, (size, taps), 1 in sum.
    """
    step = (last - first) / size
    reach = max(step / 2, 1.0)
    taps = min(int(np.ceil(2 * reach)), last - first)
    starts, weights = np.empty(size, np.int32), np.zeros((size, taps), np.float32)
    for place in range(size):
        centre = first + (place + 0.5) * step - 0.5
        # The first pixel within reach; a number is never so small that cutting off its fraction rounds it up.
        start = min(max(int(centre - reach + 1.0 + taps) - taps, first), last - taps)
        starts[place] = start
        total = 0.0
        for tap in range(taps):
            weight = max(0.0, 1.0 - abs(start + tap - centre) / reach)
            weights[place, tap] = weight
            total += weight
        part = np.float32(1.0 / total)
        for tap in range(taps):
            weights[place, tap] *= part
    return starts, weights


@summing
def frame(pixels: NDArray[np.uint8], size: int, white: int, geometry: NDArray[np.float32]) -> Planes:
    """Return what is within the border as planes of one size, and describe the frame.

    The planes are L = (R + G + B) / 3, R - G and (R + G) / 2 - B, over 255: an opponent space without square roots.

    Args:
        pixels: Red, green and blue, (height, width, 3).
        size: Width and height of the planes, a multiple of 16.
        white: As in `content_box`.
        geometry: Filled, (GEOMETRY,).
    """
    height, width, _ = pixels.shape
    left, top, right, bottom = content_box(pixels, white)
    wide, high = (right - left) / width, (bottom - top) / height
    geometry[0], geometry[1], geometry[2], geometry[3] = left / width, top / height, wide, high
    geometry[4], geometry[5] = np.log(wide / high), wide * high
    turned = _narrowed(pixels, left, top, right, bottom, size)
    columns, column_weights = axis_weights(left, right, size)
    taps = column_weights.shape[1]
    planes = np.zeros((3, size, size), np.float32)
    for plane in range(3):
        for x in range(size):
            own, first = planes[plane, x], columns[x] - left
            for tap in range(0, taps, 2):
                other = min(tap + 1, taps - 1)
                weight = column_weights[x, tap]
                second = column_weights[x, other] if other > tap else np.float32(0)
                line, next_line = turned[plane, first + tap], turned[plane, first + other]
                for y in range(size):
                    own[y] += weight * line[y] + second * next_line[y]
    scale = np.float32(1 / 255)
    for x in range(size):
        for y in range(size):
            red, green, blue = planes[0, x, y] * scale, planes[1, x, y] * scale, planes[2, x, y] * scale
            planes[0, x, y] = (red + green + blue) * np.float32(1 / 3)
            planes[1, x, y] = red - green
            planes[2, x, y] = (red + green) * np.float32(0.5) - blue
    return planes


@spliced
def _narrowed(pixels: NDArray[np.uint8], left: int, top: int, right: int, bottom: int, size: int) -> NDArray[np.float32]:
    """Return a box of pixels made `size` high, as (colours, columns of the box, size)."""
    rows, row_weights = axis_weights(top, bottom, size)
    # Down first, where neighbours in memory go through the same sum; then turned, so that they do so again. Sixteen lines
    # at once, for they stay in the nearest cache while they are turned.
    lines = pixels.reshape((pixels.shape[0], pixels.shape[1] * 3))
    wide_line = (right - left) * 3
    narrow = np.empty((_LINES, wide_line), np.float32)
    turned = np.empty((3, right - left, size), np.float32)
    for first in range(0, size, _LINES):
        for place in range(_LINES):
            own, y = narrow[place], first + place
            # Two taps in one go: half as many passes over the line.
            for tap in range(0, row_weights.shape[1], 2):
                other = min(tap + 1, row_weights.shape[1] - 1)
                weight = row_weights[y, tap]
                second = row_weights[y, other] if other > tap else np.float32(0)
                line = lines[rows[y] + tap, left * 3 : right * 3]
                next_line = lines[rows[y] + other, left * 3 : right * 3]
                _mix(line, weight, next_line, second, own, tap == 0)
        for plane in range(3):
            for x in range(right - left):
                at = 3 * x + plane
                for place in range(_LINES):
                    turned[plane, x, first + place] = narrow[place, at]
    return turned


@spliced
def _mix(
    line: NDArray[np.uint8],
    weight: np.float32,
    other: NDArray[np.uint8],
    second: np.float32,
    out: NDArray[np.float32],
    new: bool,
) -> None:
    # A function of its own, for within the loops around it the compiler finds no way to take many pixels at once.
    if new:
        out[:] = 0
    for at in range(out.size):
        out[at] += weight * np.float32(line[at]) + second * np.float32(other[at])
