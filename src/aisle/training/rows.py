"""The rows of a snapshot as training sees them: labelled, at one level of the labels, as products and codes."""

from collections.abc import Iterator

import polars as pl

from aisle.catalog.mapping import LEVEL_SEPARATOR
from aisle.catalog.product import Product

_TEXTS = ("title", "description", "brand")
_AT_ONCE = 10_000


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


def products(frame: pl.DataFrame) -> list[Product]:
    """Return a product, without its image's bytes, for each row."""
    columns = (frame[name].to_list() for name in ("id", *_TEXTS))
    return [Product(i, title=t, description=d, brand=b) for i, t, d, b in zip(*columns, strict=True)]


def product_blocks(frame: pl.DataFrame) -> Iterator[list[Product]]:
    """Yield the rows' products, ten thousand at once."""
    for block in frame.iter_slices(_AT_ONCE):
        yield products(block)
