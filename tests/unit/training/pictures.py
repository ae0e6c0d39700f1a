"""Snapshots with images, made up for the tests of training."""

from collections.abc import Mapping, Sequence

import polars as pl

from aisle.digest import sha256
from aisle.training.rows import ImageReader
from tests.unit.models.examples import picture


def pictured(rows: pl.DataFrame, files: Mapping[int, bytes | None]) -> tuple[pl.DataFrame, ImageReader]:
    """Return rows of which some have an image, and what reads it.

    Args:
        rows: Rows of a snapshot.
        files: The image file of each row that names one; `None` where it cannot be had.
    """
    names = [f"image {row}" if row in files else None for row in range(rows.height)]
    known = {f"image {row}": data for row, data in files.items()}
    digests = [None if name is None else sha256(known[name] or name.encode()) for name in names]

    def read(some: pl.DataFrame) -> Sequence[bytes | None]:
        return [None if name is None else known[name] for name in some["image_name"]]

    return rows.with_columns(
        image_name=pl.Series(names, dtype=pl.String), image_sha256=pl.Series(digests, dtype=pl.String)
    ), read


def drawn(rows: pl.DataFrame, places: Sequence[int]) -> dict[int, bytes | None]:
    """Return an image for each of some rows, of the colour of its label."""
    return {place: picture(rows["label"][place], place) for place in places}
