"""One fitted classifier among those of an ensemble: what it looks at, and how its features lie in its matrix."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from aisle.errors import BundleError
from aisle.features.ngrams import compiled
from aisle.features.sparse import SparseRows
from aisle.models.family import Files, Floats, Scorer
from aisle.models.weights import LinearScorer

Modality: TypeAlias = Literal["text", "image", "both"]
"""What of a product a component looks at."""

MODALITIES: tuple[Modality, ...] = get_args(Modality)
"""Every modality, the plainest first."""

Loader: TypeAlias = Callable[[Mapping[str, Any], Files, int, int], Scorer]

_AGAIN = "Fetch the bundle again, or train again."


def joined(
    text: Callable[[], SparseRows], pictures: Floats, seen: NDArray[np.bool_], modality: Modality
) -> SparseRows | Floats:
    """Return the features that a modality has: n-grams, those of the image, or both and whether there is an image.

    Args:
        text: Gives the features of the texts, (rows, text columns); asked only if needed.
        pictures: Features of the images, zeros where there is none, (rows, image columns).
        seen: Whether there is an image, (rows,).
        modality: What is looked at.
    """
    if modality == "image":
        return pictures
    if modality == "text":
        return text()
    left = text()
    found, places, ends = _beside(left.indptr.astype(np.int64), left.indices, left.data, left.shape[1], pictures, seen)
    return SparseRows((left.shape[0], left.shape[1] + pictures.shape[1] + 1), ends, places, found)


@dataclass(frozen=True)
class Component:
    """A fitted classifier and what it looks at; several threads may use it at once.

    Args:
        name: Its name in the bundle and in reports, as `text-logistic`.
        family: The family that it is of.
        modality: What of a product it looks at.
        scorer: The fitted classifier.
        image_weight: What features of images were multiplied by beside n-grams.
        known: The classes that it was fitted on, as places among all; every class when `None`.
    """

    name: str
    family: str
    modality: Modality
    scorer: Scorer
    image_weight: float = 1.0
    known: NDArray[np.intp] | None = None

    def usable(self, written: NDArray[np.bool_], seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which products it has something to go by, (products,)."""
        if self.modality == "text":
            return written
        return seen if self.modality == "image" else written | seen

    def matrix(self, text: Callable[[], SparseRows], pictures: Floats, seen: NDArray[np.bool_]) -> SparseRows | Floats:
        """Return its features of some products; the arguments are those of `joined`."""
        weighed = pictures * np.float32(self.image_weight) if self.modality == "both" else pictures
        return joined(text, weighed, seen, self.modality)

    def picture_scores(self, pictures: Floats, seen: NDArray[np.bool_]) -> Floats:
        """Return what the image half of a linear component on both adds to its text half, (products, known classes)."""
        assert isinstance(self.scorer, LinearScorer)
        weights = self.scorer.lines(slice(-pictures.shape[1] - 1, None))
        added: Floats = pictures @ (weights[:-1] * np.float32(self.image_weight))
        added += seen[:, np.newaxis] * weights[-1]
        return added

    def spread(self, scores: Floats, classes: int) -> Floats:
        """Return scores of all classes; a class that it does not know gets its row's least score.

        Args:
            scores: Of the known classes, (rows, known).
            classes: How many classes there are.
        """
        if self.known is None:
            return scores
        every = np.repeat(scores.min(axis=1, keepdims=True), classes, axis=1)
        every[:, self.known] = scores
        return every

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return the component as what a schema says of it, as JSON, and its files' bytes by name."""
        settings, files = self.scorer.to_parts()
        return {
            "name": self.name,
            "family": self.family,
            "modality": self.modality,
            "image_weight": float(self.image_weight),
            "known": None if self.known is None else self.known.tolist(),
            "scorer": settings,
        }, files

    @classmethod
    def from_parts(
        cls, settings: Mapping[str, Any], files: Files, widths: tuple[int, int], classes: int, load: Loader
    ) -> "Component":
        """Return the component that `to_parts` gave.

        Args:
            settings: What the schema says of it.
            files: Its files.
            widths: Columns of text and of image features.
            classes: How many classes there are.
            load: Returns the scorer from settings, files, columns and classes.

        Raises:
            BundleError: A part is missing, or is not such as `to_parts` gives.
        """
        missing = {"name", "family", "modality", "image_weight", "known", "scorer"} - settings.keys()
        if missing:
            raise BundleError(f"A component does not tell its {', '.join(sorted(missing))}.", hint=_AGAIN)
        name, modality, weight = settings["name"], settings["modality"], settings["image_weight"]
        if modality not in MODALITIES or not (isinstance(weight, float) and np.isfinite(weight) and weight > 0):
            raise BundleError(f"The component {name!r} has the modality {modality!r} and weight {weight!r}.", hint=_AGAIN)
        known = None if settings["known"] is None else _places(settings["known"], classes)
        if known is not None and known.size < 2:
            raise BundleError(f"The component {name!r} knows classes that there are not.", hint=_AGAIN)
        text, image = widths
        columns = {"text": text, "image": image, "both": text + image + 1}[modality]
        scorer = load(settings["scorer"], files, columns, classes if known is None else known.size)
        return cls(str(name), str(settings["family"]), modality, scorer, weight, known)


def _places(known: Any, classes: int) -> NDArray[np.intp]:
    """Return known classes as an array, empty where they are no rising places among all."""
    whole = isinstance(known, list) and all(type(place) is int and 0 <= place < classes for place in known)
    rising = whole and all(one < other for one, other in pairwise(known))
    return np.array(known if rising else [], np.intp)


@compiled
def _beside(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: Floats,
    columns: int,
    pictures: Floats,
    seen: NDArray[np.bool_],
) -> tuple[Floats, NDArray[np.int32], NDArray[np.int64]]:
    """Return sparse rows with dense ones, and whether there are any, behind them; zeros are not stored.

    Hundreds of dense columns are most of what is stored: to make them sparse first and join then takes ten times the room.
    """
    rows, width = pictures.shape
    ends = np.zeros(rows + 1, np.int64)
    for row in range(rows):
        more = np.int64(1 if seen[row] else 0)
        for column in range(width):
            more += 1 if pictures[row, column] != 0 else 0
        ends[row + 1] = ends[row] + indptr[row + 1] - indptr[row] + more
    places, found = np.empty(ends[rows], np.int32), np.empty(ends[rows], np.float32)
    for row in range(rows):
        at = ends[row]
        for entry in range(indptr[row], indptr[row + 1]):
            places[at], found[at] = indices[entry], values[entry]
            at += 1
        for column in range(width):
            if pictures[row, column] != 0:
                places[at], found[at] = columns + column, pictures[row, column]
                at += 1
        if seen[row]:
            places[at], found[at] = columns + width, 1
    return found, places, ends
