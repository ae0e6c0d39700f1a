"""Products to measure on: real catalogues where their files lie, else the synthetic one."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.catalog.product import Product
from aisle.catalog.sample.blocks import draw_blocks


def read_challenge(folder: Path) -> tuple[list[Product], NDArray[np.int64]]:
    """Return the labelled products of a folder in the challenge's layout, and their codes."""
    rows = pl.read_csv(folder / "X_train_update.csv")
    codes = pl.read_csv(folder / "Y_train_CVw08PX.csv")["prdtypecode"].to_numpy()
    fields = rows.select("productid", "designation", "description").iter_rows()
    return [Product(str(key), title=title, description=description) for key, title, description in fields], codes


def draw_products(rows: int, seed: int) -> list[Product]:
    """Return synthetic products."""
    return [
        Product(str(key), title=title, description=description)
        for block in draw_blocks("train", rows, seed)
        for key, title, description in zip(block.product_ids, block.titles, block.descriptions, strict=True)
    ]
