"""From image files to arrays, the same for training, batch and request; a missing or broken image is a row of zeros.

What is learnt, without labels, are a dictionary of windows of edges (`patches`), the scales of all numbers, and two maps to
likeness with landmarks (`image_map`): one of shapes, one of colours and whole-image numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from aisle.errors import BundleError, ImageProblem
from aisle.features.image_config import ImageConfig
from aisle.features.image_description import look_at, windows_of, write_words
from aisle.features.image_map import LandmarkMap, learn_map
from aisle.features.image_parts import ARRAYS, read, written
from aisle.features.patches import PatchDictionary, learn_dictionary

__all__ = ["ARRAYS", "ImageConfig", "ImageFeatures", "ImageRows"]

_WINDOWS = 30
"""Windows of each example that k-means learns from."""

_TOGETHER = 64
"""So many images go through the maps together, while these are in the caches; none depends on those beside it."""

_SHAPE = {"words": 1.5, "edges": 0.5}
_LOOK = {"thumbnail": 0.5, "colours": 0.25, "tones": 0.5, "moments": 0.7, "geometry": 0.3}
"""What the blocks of each map count in its distances, squared."""
_PLAIN = {"tones": 0.5, "moments": 0.7, "geometry": 0.3}
"""Blocks that are columns of their own too, and what they count: trees like them better than any map."""

_AGAIN = "Fetch the bundle again, or train again."


@dataclass(frozen=True, eq=False)
class ImageRows:
    """The features of some products' images.

    Args:
        values: float32, (rows, columns); zeros where no image could be used.
        seen: Whether there is an image that could be used, (rows,).
        problems: Why an image could not be used, in the words of `ImageReason`; `None` where it could, or there is none.
    """

    values: NDArray[np.float32]
    seen: NDArray[np.bool_]
    problems: tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """What was learnt of a catalogue's images, without their labels; several threads may use it at once.

    Args:
        config: How an image becomes features.
        dictionary: Windows of edges that images are made of.
        shape: The map of words and edges.
        look: The map of colours and whole-image numbers.
        mean: Of the numbers that are columns of their own, (plain,).
        scale: What these are multiplied by, (plain,).
    """

    config: ImageConfig
    dictionary: PatchDictionary
    shape: LandmarkMap
    look: LandmarkMap
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @property
    def width(self) -> int:
        """How many columns there are."""
        return self.shape.outputs + self.look.outputs + int(self.mean.size)

    @classmethod
    def learn(cls, examples: Sequence[bytes], config: ImageConfig, *, seed: int) -> "ImageFeatures":
        """Learn from image files; broken ones are passed over.

        Where no file is usable, what comes back was learnt from one white image: it tells images apart, though badly.

        Args:
            examples: Image files; a few thousand do.
            config: How an image becomes features.
            seed: Of the windows and landmarks drawn, and of what k-means begins with.
        """
        generator = np.random.default_rng(seed)
        cells, rows = _seen(examples, config)
        if not rows:
            cells, rows = _seen([_WHITE], config)
        order = generator.permutation(len(rows)).tolist()
        drawn = [windows_of(cells[place])[generator.permutation(config.side**2)[:_WINDOWS]] for place in order]
        described = np.stack([rows[place] for place in order])
        # One thread: sums of several threads depend on their number.
        with threadpool_limits(1):
            dictionary = learn_dictionary(np.concatenate(drawn), directions=config.directions, words=config.words, seed=seed)
            for row, place in zip(described, order, strict=True):
                write_words(cells[place], dictionary, config, row[: config.blocks["words"]])
            scale = _scales(described)
            shape, look = (
                learn_map(
                    described[:, part],
                    scale[part] * _weights(config, blocks),
                    directions=min(directions, part.stop - part.start),
                    landmarks=landmarks,
                    outputs=outputs,
                )
                for part, blocks, directions, landmarks, outputs in (
                    (_part(config, _SHAPE), _SHAPE, config.shape_directions, config.shape_landmarks, config.shape_outputs),
                    (_part(config, _LOOK), _LOOK, config.look_directions, config.look_landmarks, config.look_outputs),
                )
            )
        plain = _part(config, _PLAIN)
        weights = scale[plain] * _weights(config, _PLAIN)
        weights /= np.sqrt(sum(_PLAIN.values()))
        return cls(config, dictionary, shape, look, described[:, plain].mean(axis=0), weights.astype(np.float32))

    def rows(self, images: Sequence[bytes | None]) -> ImageRows:
        """Return the features of image files, each independent of the others.

        Args:
            images: An image file each; `None` where there is none.
        """
        values = np.zeros((len(images), self.width), np.float32)
        problems: list[str | None] = [None] * len(images)
        sizes = self.config.blocks
        room = min(_TOGETHER, len(images))
        numbers = np.zeros((room, sum(sizes.values())), np.float32)
        words = sizes["words"]
        places: list[int] = []
        for row, data in enumerate(images):
            if data is None:
                continue
            try:
                own = numbers[len(places)]
                cells = look_at(data, self.config, words, own)
            except ImageProblem as error:
                problems[row] = error.reason
                continue
            write_words(cells, self.dictionary, self.config, own[:words])
            places.append(row)
            if len(places) == room:
                self._map(numbers, places, values)
                places = []
        self._map(numbers, places, values)
        seen = np.fromiter((data is not None for data in images), np.bool_, len(images))
        seen &= np.fromiter((problem is None for problem in problems), np.bool_, len(images))
        return ImageRows(values, seen, tuple(problems))

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return the features as what a schema says of them, as JSON, and their files' bytes by name."""
        data = written(self.dictionary, {"shape": self.shape, "look": self.look}, self.mean, self.scale)
        return {"config": self.config.to_json()}, {ARRAYS: data}

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], files: Mapping[str, bytes]) -> "ImageFeatures":
        """Return the features that `to_parts` gave.

        Raises:
            BundleError: A part is missing, or is not such as `to_parts` gives.
        """
        try:
            config = ImageConfig.from_json(settings["config"])
        except (KeyError, TypeError) as error:
            raise BundleError(f"schema.json does not say how images are read ({error!r}).", hint=_AGAIN) from error
        plain = _part(config, _PLAIN)
        return cls(config, *read(files, config, plain.stop - plain.start))

    def _map(self, numbers: NDArray[np.float32], places: Sequence[int], values: NDArray[np.float32]) -> None:
        """Fill in the rows of the first described images: as many as there are places."""
        if not places:
            return
        numbers = numbers[: len(places)]
        start = 0
        for learnt, blocks in ((self.shape, _SHAPE), (self.look, _LOOK)):
            mapped = np.empty((len(numbers), learnt.outputs), np.float32)
            learnt.apply(np.ascontiguousarray(numbers[:, _part(self.config, blocks)]), mapped)
            values[places, start : start + learnt.outputs] = mapped[: len(places)]
            start += learnt.outputs
        values[places, start:] = (numbers[: len(places), _part(self.config, _PLAIN)] - self.mean) * self.scale


_WHITE = (
    b"BM"
    + (58).to_bytes(4, "little")
    + bytes(4)
    + (54).to_bytes(4, "little")
    + (40).to_bytes(4, "little")
    + (
        (1).to_bytes(4, "little") * 2
        + (1).to_bytes(2, "little")
        + (24).to_bytes(2, "little")
        + bytes(24)
        + b"\xff\xff\xff\0"
    )
)
"""A bitmap of one white pixel."""


def _seen(examples: Iterable[bytes], config: ImageConfig) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Return the edges of each usable example, and its description without words."""
    cells, rows = [], []
    sizes = config.blocks
    for data in examples:
        numbers = np.zeros(sum(sizes.values()), np.float32)
        try:
            cells.append(look_at(data, config, sizes["words"], numbers))
        except ImageProblem:
            continue
        rows.append(numbers)
    return cells, rows


def _part(config: ImageConfig, blocks: Mapping[str, float]) -> slice:
    """Return where some neighbouring blocks lie in a description."""
    sizes = config.blocks
    names = list(sizes)
    first = sum(sizes[name] for name in names[: min(names.index(block) for block in blocks)])
    return slice(first, first + sum(sizes[block] for block in blocks))


def _weights(config: ImageConfig, blocks: Mapping[str, float]) -> NDArray[np.float32]:
    """Return what each column of some blocks counts when all are of one variance, so that a block counts its weight."""
    parts = [np.full(config.blocks[block], np.sqrt(weight / config.blocks[block])) for block, weight in blocks.items()]
    return np.concatenate(parts).astype(np.float32)


def _scales(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what brings each column to one variance; a column that hardly changes is left out."""
    spread = rows.std(axis=0, dtype=np.float64)
    return np.where(spread > 1e-6, 1 / np.maximum(spread, 1e-4), 0).astype(np.float32)
