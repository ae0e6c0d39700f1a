"""A dictionary of patches, learnt without labels, and how images are written in its words.

After Coates and Ng, "Learning feature representations with k-means" (2012): patches are whitened and told by how near they
are to the centres that k-means found, and only nearer-than-average counts. Here the distances are squared, which makes
the average over all words a matter of the dictionary alone: nearness is one matrix product.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.features.image_frame import spliced, summing
from aisle.features.image_layout import ORIENTATIONS

WINDOW = 4
"""Cells from side to side of a window of edges."""

_EVEN = np.float32(0.05)
"""Added to the sum of a window's edges, so that the noise of an even surface does not look like a pattern."""

_WHITENING = 1e-2
"""Added to the variance of a direction before whitening, as a share of the mean variance."""

_ROUNDS = 12
_KEPT = 4_096
_AT_ONCE = 43
"""Rows of one matrix product: so few that BLAS uses one thread, and all of one shape, so that no row depends on others."""


@dataclass(frozen=True, eq=False)
class PatchDictionary:
    """Patches that images are made of: the nearness of a patch x to each is (x projection + shift) words + bias.

    Args:
        projection: Whitening, float32, (numbers of a patch, directions).
        shift: Added after whitening, float32, (directions,).
        words: Centres minus their mean, float32, (directions, words).
        bias: Half of the centres' squared lengths, the mean minus the own, float32, (words,).
    """

    projection: NDArray[np.float32]
    shift: NDArray[np.float32]
    words: NDArray[np.float32]
    bias: NDArray[np.float32]


def learn_dictionary(patches: NDArray[np.float32], *, directions: int, words: int, seed: int) -> PatchDictionary:
    """Learn a dictionary by whitening and k-means; the caller keeps BLAS to one thread.

    Args:
        patches: (patches, numbers); without any, the words are noise.
        directions: Principal directions that are kept.
        words: How many words to learn.
        seed: Of the patches that k-means begins with.
    """
    numbers = patches.shape[1]
    mean = patches.mean(axis=0, dtype=np.float64) if len(patches) else np.zeros(numbers)
    moved = patches - mean.astype(np.float32)
    variances, axes = np.linalg.eigh((moved.T @ moved).astype(np.float64) / max(len(moved), 1))
    variances, axes = variances[::-1][:directions], axes[:, ::-1][:, :directions]
    scaled = axes / np.sqrt(np.maximum(variances, 0) + _WHITENING * max(float(variances.mean()), 1e-6))
    projection, shift = scaled.astype(np.float32), -(mean @ scaled).astype(np.float32)
    centres = _k_means(patches @ projection + shift, words, seed).astype(np.float64)
    lengths = np.square(centres).sum(axis=1) / 2
    nearness = np.ascontiguousarray((centres - centres.mean(axis=0)).T, np.float32)
    return PatchDictionary(projection, shift, nearness, (lengths.mean() - lengths).astype(np.float32))


def _k_means(points: NDArray[np.float32], words: int, seed: int) -> NDArray[np.float32]:
    generator = np.random.default_rng(seed)
    if len(points) < words:
        noise = generator.normal(size=(words - len(points), points.shape[1]))
        points = np.concatenate([points, noise.astype(np.float32)])
    centres = points[np.sort(generator.permutation(len(points))[:words])]
    for _ in range(_ROUNDS):
        half = np.square(centres).sum(axis=1) / 2
        blocks = (points[first : first + _KEPT] for first in range(0, len(points), _KEPT))
        nearest = np.concatenate([(block @ centres.T - half).argmax(axis=1) for block in blocks])
        sizes = np.bincount(nearest, minlength=words)
        order = np.argsort(nearest, kind="stable")
        taken = np.flatnonzero(sizes)
        starts = np.cumsum(sizes)[taken] - sizes[taken]
        sums = np.add.reduceat(points[order], starts, axis=0, dtype=np.float64)
        # A word that no patch is nearest to begins again at another patch.
        centres = points[generator.integers(len(points), size=words)]
        centres[taken] = (sums / sizes[taken, np.newaxis]).astype(np.float32)
    return centres


@summing
def edge_windows(cells: NDArray[np.float32], windows: NDArray[np.float32], scales: NDArray[np.float32]) -> None:
    """Fill in every window of neighbouring cells, as `word_layout` sees them; the arguments are those of `_fill`."""
    _fill(cells, windows, scales)


@spliced
def _fill(cells: NDArray[np.float32], windows: NDArray[np.float32], scales: NDArray[np.float32]) -> None:
    """Fill in every window of neighbouring cells: the square roots of its edges, and what makes their length about 1.

    Lowe's descriptor ("Distinctive image features from scale-invariant keypoints", 2004) at every place, of one size and
    upright, with the square roots of Arandjelovic and Zisserman ("Three things everyone should know to improve object
    retrieval", 2012).

    Args:
        cells: Edges by place and orientation, (grid, grid, orientations).
        windows: ((grid - WINDOW + 1)**2, WINDOW**2 * orientations), column after column.
        scales: 1 / sqrt(sum of the window's edges + a little), one per window.
    """
    grid = cells.shape[0]
    side = grid - WINDOW + 1
    part = WINDOW * ORIENTATIONS
    roots, sums = np.empty((grid, grid * ORIENTATIONS), np.float32), np.empty((grid, grid), np.float32)
    for column in range(grid):
        own, root = cells[column].reshape(-1), roots[column]
        for at in range(grid * ORIENTATIONS):
            root[at] = np.sqrt(own[at])
        for row in range(grid):
            total = np.float32(0)
            for at in range(ORIENTATIONS):
                total += cells[column, row, at]
            sums[column, row] = total
    for column in range(side):
        for row in range(side):
            place = column * side + row
            total = np.float32(0)
            for shift in range(WINDOW):
                for other in range(WINDOW):
                    total += sums[column + shift, row + other]
                begin = row * ORIENTATIONS
                for at in range(part):
                    windows[place, shift * part + at] = roots[column + shift, begin + at]
            scales[place] = np.float32(1) / np.sqrt(total + _EVEN)


def word_layout(cells: NDArray[np.float32], dictionary: PatchDictionary, quarters: int, out: NDArray[np.float32]) -> None:
    """Fill in how much of each word there is in each part of an image: sums of max(0, nearness), levelled.

    Levelled is square roots, 1 in length: a few strong words are not to outshout all others.

    Args:
        cells: Edges by place and orientation, (grid, grid, orientations).
        dictionary: The words there are.
        quarters: Parts of the image from side to side.
        out: (quarters * quarters * words,).
    """
    # The products are NumPy's: a compiled function would take those of SciPy, which a server does not have.
    windows = (cells.shape[0] - WINDOW + 1) ** 2
    blocks = -(-windows // _AT_ONCE)
    patches = np.zeros((blocks, _AT_ONCE, len(dictionary.projection)), np.float32)
    scales = np.empty(windows, np.float32)
    edge_windows(cells, patches.reshape(blocks * _AT_ONCE, -1), scales)
    white = np.matmul(patches, dictionary.projection)
    _whiten(white.reshape(blocks * _AT_ONCE, -1), scales, dictionary.shift)
    near = np.matmul(white, dictionary.words)
    _pool(near.reshape(blocks * _AT_ONCE, -1), dictionary.bias, quarters, cells.shape[0] - WINDOW + 1, out)


@summing
def _whiten(white: NDArray[np.float32], scales: NDArray[np.float32], shift: NDArray[np.float32]) -> None:
    """Bring projected windows to their lengths, and shift them; what lies behind the last window stays as it is."""
    for place in range(scales.size):
        own, scale = white[place], scales[place]
        for direction in range(shift.size):
            own[direction] = own[direction] * scale + shift[direction]


@summing
def _pool(near: NDArray[np.float32], bias: NDArray[np.float32], quarters: int, side: int, out: NDArray[np.float32]) -> None:
    """Add up the words of the windows in each part of an image, and level the sums."""
    out[:] = 0
    count = bias.size
    for place in range(side * side):
        begin = ((place // side * quarters // side) * quarters + place % side * quarters // side) * count
        target = out[begin : begin + count]
        own = near[place]
        for word in range(count):
            target[word] += max(own[word] + bias[word], np.float32(0))
    total = np.float32(0)
    for at in range(out.size):
        total += out[at]
        out[at] = np.sqrt(out[at])
    level = np.float32(1) / np.sqrt(max(total, np.float32(1e-6)))
    for at in range(out.size):
        out[at] *= level
