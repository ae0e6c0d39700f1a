"""The features of all labelled rows, laid out once, and candidates fitted and scored on some of them.

The arrays lie in a folder and are mapped into memory, so that worker processes share one copy.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import orjson
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from aisle.features.sparse import SparseRows
from aisle.features.text import TextConfig
from aisle.models.component import Component, Modality, joined
from aisle.models.deep.names import column_names
from aisle.models.families import family_named
from aisle.models.family import Floats, Labels, Matrix
from aisle.models.text_space import TextSpace
from aisle.models.text_space_fit import TextOptions, fit_text_space
from aisle.training.search.trial import Trial

Rows = NDArray[np.intp]
"""Places of rows on the bench, rising."""

IMAGE_WEIGHT = 1.0
"""What features of images are multiplied by beside n-grams."""

_ARRAYS = ("values", "buckets", "indptr", "pictures", "seen", "labels")
_PLAIN = ("min_rows", "char_weight", "specificity", "max_weights")


@dataclass(frozen=True)
class Fitted:
    """A fitted candidate.

    Args:
        space: The features of texts that it was fitted on; nothing where it looks at images alone.
        component: The fitted classifier.
    """

    space: TextSpace | None
    component: Component


class Workbench:
    """The features of all labelled rows.

    Args:
        options: How texts become features.
        classes: How many classes there are.
        labels: Each row's class, (rows,).
        counts: Counted n-grams, (rows, 2**bits).
        pictures: Features of images, zeros where there is none, (rows, columns).
        seen: Whether a row has an image, (rows,).
    """

    def __init__(
        self,
        options: TextOptions,
        classes: int,
        labels: Labels,
        counts: csr_matrix,
        pictures: Floats,
        seen: NDArray[np.bool_],
    ) -> None:
        self.options = options
        self.classes = classes
        self.labels = labels
        self.counts = counts
        self.pictures = pictures
        self.seen = seen
        self.written: NDArray[np.bool_] = np.diff(counts.indptr) > 0
        # Candidates come in a row for the same rows, and the text features are the same for all of them.
        self._latest: tuple[bytes, TextSpace, csr_matrix] | None = None

    def save(self, folder: Path) -> None:
        """Write the arrays into a folder, for `opened`."""
        arrays = (self.counts.data, self.counts.indices, self.counts.indptr, self.pictures, self.seen, self.labels)
        for name, array in zip(_ARRAYS, arrays, strict=True):
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        about = {
            "classes": self.classes,
            "buckets": self.counts.shape[1],
            "config": self.options.config.to_json(),
            "options": {name: getattr(self.options, name) for name in _PLAIN},
        }
        (folder / "about.json").write_bytes(orjson.dumps(about))

    def usable(self, modality: str) -> NDArray[np.bool_]:
        """Return which rows have what a modality looks at, (rows,)."""
        if modality == "text":
            return self.written
        return self.seen if modality == "image" else self.written | self.seen

    def entries(self, modality: str, rows: Rows) -> int:
        """Return about how many numbers the features of some rows are made of: what the time of a fit grows with."""
        usable = rows[self.usable(modality)[rows]]
        text = int(np.diff(self.counts.indptr)[usable].sum()) if modality != "image" else 0
        image = int(self.seen[usable].sum()) * self.pictures.shape[1] if modality != "text" else 0
        return text + image

    def columns(self, modality: str) -> int:
        """Return about how many columns the features of all rows have."""
        if modality == "image":
            return int(self.pictures.shape[1])
        often = np.count_nonzero(np.bincount(self.counts.indices, minlength=1) >= self.options.min_rows)
        text = min(int(often), self.options.max_weights // self.classes)
        return text if modality == "text" else text + int(self.pictures.shape[1]) + 1

    def fit(self, trial: Trial, rows: Rows, *, seed: int) -> Fitted:
        """Fit a candidate on those of some rows that it can use.

        Args:
            trial: The candidate.
            rows: The rows to learn from.
            seed: Seed of whatever is random.

        Raises:
            TrainingError: It cannot be fitted on these rows; the message says why.
        """
        family = family_named(trial.family)
        modality = cast("Modality", trial.modality)
        space, text = self._text(rows) if modality != "image" else (None, None)
        usable = self.usable(modality)[rows]
        known, labels = np.unique(self.labels[rows[usable]], return_inverse=True)
        options = dict(trial.options)
        weight = float(options.pop("image_weight", IMAGE_WEIGHT))
        matrix = self._joined(text, rows, modality, weight)[np.flatnonzero(usable)]
        # One thread: trials run side by side, and sums of several threads depend on their number.
        with threadpool_limits(1):
            names = column_names(space, matrix.shape[1]) if space is not None else None
            scorer = family.fit(matrix, labels, known.size, family.options(**options), seed=seed, jobs=1, names=names)
        complete = known.size == self.classes
        name = f"{modality}-{trial.family}"
        return Fitted(space, Component(name, trial.family, modality, scorer, weight, None if complete else known))

    def scores(self, fitted: Fitted, rows: Rows) -> Floats:
        """Return a fitted candidate's scores of some rows, (rows, classes); of no meaning where it cannot use a row."""
        component = fitted.component
        text = fitted.space.matrix(self.counts[rows]) if fitted.space is not None else None
        with threadpool_limits(1):
            own = component.scorer.scores(self._joined(text, rows, component.modality, component.image_weight))
        return component.spread(own, self.classes)

    def space(self, rows: Rows) -> TextSpace:
        """Return the text features fitted on some rows."""
        return self._text(rows)[0]

    def _text(self, rows: Rows) -> tuple[TextSpace, csr_matrix]:
        key = rows.tobytes()
        if self._latest is None or self._latest[0] != key:
            counts = self.counts[rows]
            space = fit_text_space(counts, self.labels[rows], self.classes, self.options)
            self._latest = (key, space, space.matrix(counts))
        return self._latest[1], self._latest[2]

    def _joined(self, text: csr_matrix | None, rows: Rows, modality: Modality, weight: float) -> Matrix:
        pictures = np.ascontiguousarray(self.pictures[rows]) if modality != "text" else self.pictures[:0]
        if modality == "both":
            pictures *= np.float32(weight)
        if modality == "text":
            return text
        found = joined(lambda: SparseRows.of(text), pictures, self.seen[rows], modality)
        return found.as_matrix() if isinstance(found, SparseRows) else found


@lru_cache(maxsize=1)
def opened(folder: Path) -> Workbench:
    """Return the workbench that was saved in a folder, its arrays mapped into memory; one is kept by each process."""
    about = orjson.loads((folder / "about.json").read_bytes())
    arrays: dict[str, NDArray[Any]] = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
    counts = csr_matrix(
        (arrays["values"], arrays["buckets"], arrays["indptr"]), shape=(arrays["labels"].size, about["buckets"]), copy=False
    )
    counts.has_canonical_format = True
    options = TextOptions(config=TextConfig.from_json(about["config"]), **about["options"])
    return Workbench(options, about["classes"], arrays["labels"], counts, arrays["pictures"], arrays["seen"])
