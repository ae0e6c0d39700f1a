"""A curved map of features, learnt without labels, on which a linear classifier does what a kernel machine does.

An image is told by how alike it is to landmarks, some of the images that were learnt from (Williams and Seeger, "Using the
Nystroem method to speed up kernel machines", 2001). Alike is the rational quadratic kernel (1 + d**2 / 16)**-16, in
principal directions of the features, with distances d in units of the mean distance of two images: almost the Gaussian
kernel exp(-d**2), without an exponential function.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aisle.features.image_frame import spliced, summing


@dataclass(frozen=True, eq=False)
class LandmarkMap:
    """Features x become kernel(x projection + shift, landmarks) transform + offset.

    Args:
        projection: float32, (columns, directions).
        shift: float32, (directions,).
        landmarks: float32, (directions, landmarks).
        transform: float32, (landmarks, outputs).
        offset: float32, (outputs,).
    """

    projection: NDArray[np.float32]
    shift: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    transform: NDArray[np.float32]
    offset: NDArray[np.float32]

    @property
    def outputs(self) -> int:
        """How many numbers an image becomes."""
        return int(self.offset.size)

    @cached_property
    def lengths(self) -> NDArray[np.float32]:
        """The landmarks' squared lengths, (landmarks,)."""
        lengths: NDArray[np.float32] = np.square(self.landmarks).sum(axis=0)
        return lengths

    def apply(self, rows: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Fill in the map of some rows of features.

        Args:
            rows: (rows, columns), in one piece.
            out: (rows, outputs), in one piece.
        """
        parts = self.projection, self.shift, self.landmarks, self.lengths, self.transform, self.offset
        _apply(rows, *parts, out)


def learn_map(
    rows: NDArray[np.float32], weights: NDArray[np.float32], *, directions: int, landmarks: int, outputs: int
) -> LandmarkMap:
    """Learn a map; the caller keeps BLAS to one thread.

    Where there are fewer rows than landmarks, or fewer than outputs, there are fewer of these.

    Args:
        rows: Features of images in random order, (rows, columns); the first ones become landmarks.
        weights: What each column is multiplied by, (columns,).
        directions: Principal directions that are kept.
        landmarks: How many landmarks.
        outputs: How many numbers an image becomes.
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    moved = ((rows - mean) * weights).astype(np.float32)
    variances, axes = np.linalg.eigh((moved.T @ moved).astype(np.float64) / len(rows))
    axes = axes[:, ::-1][:, :directions]
    # Two images are on average twice the sum of variances apart, squared: that is 1 from here on.
    unit = 1 / np.sqrt(max(2 * float(variances.sum()), 1e-12))
    projection = _stored(weights[:, np.newaxis] * axes * unit)
    shift = -(mean @ projection).astype(np.float32)
    points = _stored(rows[:landmarks] @ projection + shift).T
    alike = _kernel(points.T, points).astype(np.float64)
    values, vectors = np.linalg.eigh(alike)
    values, vectors = values[::-1][:outputs], vectors[:, ::-1][:, :outputs]
    kept = values > 1e-4 * values[0]
    transform = vectors[:, kept] / np.sqrt(values[kept])
    images = _kernel(rows @ projection + shift, points) @ transform
    centre = images.mean(axis=0)
    spread = float(np.square(images - centre).sum(axis=1).mean())
    # Of a single image, or of images all alike, there is no spread to bring to 1.
    size = np.sqrt(spread) if spread > 1e-5 else 1.0
    small = _stored(transform / size)
    offset = -(_kernel(rows @ projection + shift, points) @ small).mean(axis=0, dtype=np.float64).astype(np.float32)
    return LandmarkMap(projection, shift, np.ascontiguousarray(points), small, offset)


def _stored(array: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return numbers rounded to what float16 holds, so that saving loses nothing."""
    return np.ascontiguousarray(array.astype(np.float16), np.float32)


def _kernel(points: NDArray[np.float32], landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    squares = np.square(points).sum(axis=1)[:, np.newaxis] - 2 * (points @ landmarks) + np.square(landmarks).sum(axis=0)
    alike: NDArray[np.float32] = np.power(1 + np.maximum(squares, 0) / 16, -16, dtype=np.float32)
    return alike


@summing
def _apply(
    rows: NDArray[np.float32],
    projection: NDArray[np.float32],
    shift: NDArray[np.float32],
    landmarks: NDArray[np.float32],
    lengths: NDArray[np.float32],
    transform: NDArray[np.float32],
    offset: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    directions, count = landmarks.shape
    points, alike = np.empty((len(rows), directions), np.float32), np.empty((len(rows), count), np.float32)
    _multiply(rows, projection, points)
    for row in range(len(rows)):
        for direction in range(directions):
            points[row, direction] += shift[direction]
    _multiply(points, landmarks, alike)
    for row in range(len(rows)):
        own, square = alike[row], np.float32(0)
        for direction in range(directions):
            square += points[row, direction] * points[row, direction]
        for at in range(count):
            distance = max(square - np.float32(2) * own[at] + lengths[at], np.float32(0))
            ratio = np.float32(1) / (np.float32(1) + distance * np.float32(1 / 16))
            ratio *= ratio
            ratio *= ratio
            ratio *= ratio
            own[at] = ratio * ratio
    _multiply(alike, transform, out)
    for row in range(len(rows)):
        for at in range(offset.size):
            out[row, at] += offset[at]


@spliced
def _multiply(left: NDArray[np.float32], right: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    """Fill in left @ right, each row by the same steps in the same order, whichever rows are beside it.

    BLAS is faster, but rounds a row by where in a block it stands, on some processors. Four lines of the right matrix at a
    time go through all rows: they stay in the nearest cache, and each number is fetched and kept once for four products.
    """
    rows, inner = left.shape
    columns = right.shape[1]
    out[:] = 0
    whole = inner - inner % 4
    for first in range(0, whole, 4):
        one, two, three, four = right[first], right[first + 1], right[first + 2], right[first + 3]
        for row in range(rows):
            a, b, c, d = left[row, first], left[row, first + 1], left[row, first + 2], left[row, first + 3]
            target = out[row]
            for column in range(columns):
                target[column] += (a * one[column] + b * two[column]) + (c * three[column] + d * four[column])
    for first in range(whole, inner):
        line = right[first]
        for row in range(rows):
            a, target = left[row, first], out[row]
            for column in range(columns):
                target[column] += a * line[column]
