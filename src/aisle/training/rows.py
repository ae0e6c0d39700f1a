"""The rows of a snapshot as training sees them: labelled, at one level of the labels, as products and codes."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import polars as pl

from aisle.catalog.mapping import LEVEL_SEPARATOR
from aisle.catalog.product import Product

ImageReader: TypeAlias = Callable[[pl.DataFrame], Sequence[bytes | None]]
"""Rows of a snapshot in, each one's image file out; nothing where it has none or where it cannot be had."""

_TEXTS = ("title", "description", "brand")
_AT_ONCE = 10_000
_IMAGES_AT_ONCE = 1_000


def labelled_rows(frame: pl.DataFrame, level: int | None = None) -> pl.DataFrame:
    """Return the rows that have a label, in the order of source and id, with the label cut to its first levels.

    Args:
        frame: Rows of a snapshot.
        level: How many levels of the label count; all by default.
    """
    rows = frame.filter(pl.col("label").is_not_null() & (pl.col("label") != ""))
    if level is not None:
        rows = rows.with_columns(pl.col("label").str.split(LEVEL_SEPARATOR).list.head(level).list.join(LEVEL_SEPARATOR))
    return rows.sort("source", "split", "id")


def products(frame: pl.DataFrame, images: ImageReader | None = None) -> list[Product]:
    """Return a product for each row, with its image's bytes where there is a way to get them."""
    columns = (frame[name].to_list() for name in ("id", *_TEXTS))
    pictures = images(frame) if images else [None] * frame.height
    return [Product(i, title=t, description=d, brand=b, image=p) for i, t, d, b, p in zip(*columns, pictures, strict=True)]


def product_blocks(frame: pl.DataFrame, images: ImageReader | None = None) -> Iterator[list[Product]]:
    """Yield the rows' products, ten thousand at once, or a thousand with their images."""
    for block in frame.iter_slices(_IMAGES_AT_ONCE if images else _AT_ONCE):
        yield products(block, images)
