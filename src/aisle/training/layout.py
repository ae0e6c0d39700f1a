"""From a snapshot's rows to a workbench: who may be learnt from, and the features of every text and image, computed once."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.errors import TrainingError
from aisle.features.image import ImageConfig, ImageFeatures
from aisle.features.text import TextFeatures
from aisle.models.component import Modality
from aisle.models.family import Floats
from aisle.models.text_space_fit import TextOptions
from aisle.settings import Training
from aisle.training.rows import ImageReader, products
from aisle.training.split import PARTS, Part, row_groups, split_rows
from aisle.training.workbench import Rows, Workbench

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told how far a training has come: what it does, how much was done since the last call, and how much there is in all."""

_DICTIONARY_IMAGES = 4_000
"""Images from which the features of images are learnt; more of them did not score better."""
_AT_ONCE = 512


@dataclass(frozen=True)
class Layout:
    """Labelled rows, split, with their features.

    Args:
        rows: The rows, as the snapshot has them.
        names: The code of each class.
        places: The rows of each part of the split.
        groups: Each row's group of duplicates, (rows,).
        bench: Their features.
        images: How features of images are computed; nothing where there are no images to learn from.
        problems: Why images could not be used, counted.
    """

    rows: pl.DataFrame
    names: tuple[str, ...]
    places: Mapping[Part, Rows]
    groups: NDArray[np.int64]
    bench: Workbench
    images: ImageFeatures | None
    problems: Mapping[str, int]

    @property
    def learnable(self) -> Rows:
        """The rows of training and validation, rising."""
        return np.sort(np.concatenate([self.places["train"], self.places["validation"]]))

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What there is to learn from."""
        learnable = self.learnable
        text = bool(self.bench.written[learnable].any())
        image = bool(self.bench.seen[learnable].any())
        if text and image:
            return ("text", "image", "both")
        return ("text",) if text else ("image",) if image else ()


def lay_out(rows: pl.DataFrame, options: Training, text: TextOptions, images: ImageReader | None, told: Progress) -> Layout:
    """Split labelled rows and compute their features.

    Args:
        rows: Labelled rows of a snapshot.
        options: Seed and shares.
        text: How texts become features.
        images: Gives the rows' images; they are done without, by default.
        told: Progress what is being done.

    Raises:
        TrainingError: The rows cannot be learnt from; the message says what to change.
    """
    _refuse_hopeless(rows)
    told(f"parting {rows.height:,} labelled rows", 0, 0)
    groups = row_groups(rows)
    parts = split_rows(
        rows, gold_share=options.gold_share, validation_share=options.validation_share, seed=options.seed, groups=groups
    )
    places = {part: np.flatnonzero(parts == part) for part in PARTS}
    _refuse_unjudged(places["gold"], rows.height)
    codes, labels = np.unique(rows["label"].to_numpy().astype(str), return_inverse=True)
    told("counting n-grams", 0, 0)
    counts = TextFeatures(text.config).counts(products(rows))
    features, pictures, seen, problems = _images(rows, places, options, images, told)
    bench = Workbench(text, len(codes), labels.astype(np.intp), counts, pictures, seen)
    layout = Layout(rows, tuple(codes.tolist()), places, groups, bench, features, problems)
    if not layout.modalities:
        raise TrainingError(
            "No labelled product has any text or any usable image to learn from.",
            hint="Check that the title is mapped to the right column, and that the images were taken in.",
        )
    return layout


def _images(
    rows: pl.DataFrame, places: Mapping[Part, Rows], options: Training, images: ImageReader | None, told: Progress
) -> tuple[ImageFeatures | None, Floats, NDArray[np.bool_], Mapping[str, int]]:
    """Return the image features, those of every row, which rows have an image, and what was wrong with the others."""
    nothing = np.zeros((rows.height, 0), np.float32), np.zeros(rows.height, np.bool_)
    pictured = np.flatnonzero(rows["image_sha256"].is_not_null().to_numpy())
    if images is None or not pictured.size:
        return None, *nothing, {}
    # Gold rows are not learnt from, not even their images without their labels.
    learnable = np.setdiff1d(pictured, places["gold"])
    drawn = np.random.default_rng(options.seed).permutation(learnable)[:_DICTIONARY_IMAGES]
    told(f"learning what images are made of from {drawn.size:,} of them", 0, 0)
    examples = [image for image in images(rows[np.sort(drawn)]) if image is not None]
    if not examples:
        return None, *nothing, {"missing": int(pictured.size)} if drawn.size else {}
    features = ImageFeatures.learn(examples, ImageConfig(), seed=options.seed)
    values = np.zeros((rows.height, features.width), np.float32)
    seen = np.zeros(rows.height, np.bool_)
    problems: Counter[str] = Counter()
    jobs = options.jobs or 2
    with ThreadPoolExecutor(jobs, "image") as pool:
        for start in range(0, pictured.size, _AT_ONCE):
            some = pictured[start : start + _AT_ONCE]
            files = images(rows[some])
            problems["missing"] += sum(file is None for file in files)
            step = -(-len(files) // jobs)
            chunks = [files[first : first + step] for first in range(0, len(files), step)]
            found = list(pool.map(features.rows, chunks))
            values[some] = np.concatenate([part.values for part in found])
            seen[some] = np.concatenate([part.seen for part in found])
            told("looking at images", some.size, pictured.size)
            problems.update(problem for part in found for problem in part.problems if problem is not None)
    return features, values, seen, {reason: count for reason, count in sorted(problems.items()) if count}


def _refuse_hopeless(rows: pl.DataFrame) -> None:
    if not rows.height:
        raise TrainingError(
            "No row of the snapshot has a label.", hint="Ingest a catalogue with labels, or check which column is mapped."
        )
    if rows["label"].n_unique() == 1:
        raise TrainingError(
            f"All {rows.height:,} labelled rows are of the category {rows['label'][0]!r}.",
            hint="Two categories are the least that can be told apart: add rows, or learn more levels of the label.",
        )
    alike = rows.height > 1 and rows.select("title", "description", "brand").n_unique() == 1
    if alike and rows["image_sha256"].null_count() == rows.height:
        raise TrainingError(
            f"All {rows.height:,} labelled rows have the same text.",
            hint="Check which columns are mapped to title and description.",
        )


def _refuse_unjudged(gold: Rows, rows: int) -> None:
    if not len(gold):
        raise TrainingError(
            f"Of {rows:,} labelled rows none falls into the gold split, so nothing could be judged.",
            hint="Add rows, raise AISLE_TRAINING_GOLD_SHARE, or check whether the titles are all alike.",
        )
