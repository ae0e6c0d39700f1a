"""What training rows look like from outside: the reference that a catalogue in use is held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.errors import ImageProblem
from aisle.features.marks import ImageLook, image_look
from aisle.features.properties import ImageProperties, describe
from aisle.models.reference import ColumnReference, Reference, category_reference, number_reference
from aisle.training.metrics import Scores
from aisle.training.rows import ImageReader, products

TITLES, PICTURES = 2_000, 1_000
"""Rows whose title marks are kept, and rows whose images are looked at."""

_AT_ONCE = 200


@dataclass(frozen=True)
class _Picture:
    """An image of a training row: its file's properties and, where it can be decoded, its look."""

    properties: ImageProperties
    look: ImageLook | None


def reference_profile(rows: pl.DataFrame, gold: Scores, images: ImageReader | None = None) -> dict[str, Any]:
    """Return the reference for a bundle's `profile.json`: the same rows give the same bytes.

    Answers and their confidence are those on the gold rows: on rows that it learnt from a model is surer than it will be.

    Args:
        rows: The training rows, at least one.
        gold: The model's answers to the gold rows.
        images: Gives the rows' images, where the model looks at them; a sample of them is looked at.
    """
    found = [describe(product) for product in products(rows)]
    confidence = gold.probabilities.max(axis=1).astype(np.float64)
    numbers: dict[str, Any] = {
        "title_chars": [one.title_chars for one in found],
        "title_words": [one.title_words for one in found],
        "description_chars": [None if one.missing_description else one.description_chars for one in found],
        "confidence": confidence,
    }
    categories: dict[str, Sequence[str | bool | None]] = {
        "language": [one.language for one in found],
        "missing_description": [one.missing_description for one in found],
        "html_residue": [one.html_residue for one in found],
        "predicted": gold.predicted,
        "label": rows["label"].to_list(),
    }
    columns: dict[str, ColumnReference] = {name: category_reference(values) for name, values in categories.items()}
    order = _drawn(rows)
    pictures = [] if images is None else _pictures(rows, order, images)
    if images is not None:
        columns["with_image"] = category_reference(rows["image_sha256"].is_not_null())
    if pictures:
        numbers |= _image_numbers(pictures)
    columns |= {name: number_reference(pl.Series(values, dtype=pl.Float64)) for name, values in numbers.items()}
    hits = np.asarray(gold.correct) == np.asarray(gold.predicted)
    reference = Reference(
        rows=len(found),
        columns=columns,
        marks=[found[place].title_marks for place in order[:TITLES]],
        sketches=[one.look.sketch for one in pictures if one.look is not None],
        judged={"rows": len(hits), "accuracy": float(hits.mean()), "confidence": float(confidence.mean())}
        if len(hits)
        else {},
    )
    return reference.to_json()


def _drawn(rows: pl.DataFrame) -> NDArray[np.intp]:
    """Return the rows' places in an order of their own that no other rows change."""
    named = rows.select(pl.concat_str("source", "split", "id", separator="/")).to_series()
    ranks = [blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest() for name in named.to_list()]
    return np.array(sorted(range(rows.height), key=ranks.__getitem__), np.intp)


def _pictures(rows: pl.DataFrame, order: NDArray[np.intp], images: ImageReader) -> list[_Picture]:
    there = rows["image_sha256"].is_not_null().to_numpy()
    some = rows[order[there[order]][:PICTURES]]
    files = (data for block in some.iter_slices(_AT_ONCE) for data in images(block))
    return [_picture(data) for data in files if data is not None]


def _picture(data: bytes) -> _Picture:
    try:
        return _Picture(ImageProperties.of(data), image_look(data))
    except ImageProblem:
        return _Picture(ImageProperties.of(data), None)


def _image_numbers(pictures: Sequence[_Picture]) -> dict[str, list[float | None]]:
    return {
        "image_bytes": [one.properties.size for one in pictures],
        "image_aspect": [one.properties.aspect or None for one in pictures],
        "image_brightness": [None if one.look is None else one.look.brightness for one in pictures],
        "image_white": [None if one.look is None else one.look.white for one in pictures],
    }
