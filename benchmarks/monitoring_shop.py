"""Answers of one model to a large made-up catalogue, from which windows with and without a drift are drawn.

Every product is answered once as it is and once with each drift done to it; a window takes so many of either. The
catalogue's classes have the challenge's shares. What windows are drawn from was neither learnt nor seen by the reference.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from aisle.catalog.product import Product
from aisle.catalog.sample.blocks import draw_blocks
from aisle.catalog.sample.classes import CODES
from aisle.catalog.sample.dice import Dice
from aisle.catalog.sample.pictures import draw_picture
from aisle.models.bundle import Bundle
from aisle.models.reference import Reference, category_reference, number_reference
from aisle.monitoring.answers import Answered, LookBudget, answer_rows
from aisle.monitoring.drifts import DRIFTS, chosen
from aisle.monitoring.look import Look, gather, look
from aisle.monitoring.policy import read_policy
from aisle.monitoring.window import Asked, Window, watched
from aisle.settings import Training
from aisle.storage.schema import predictions
from aisle.training.fit import train

__all__ = ["DRIFTS", "Shop", "open_shop"]

_LEARNT, _POOL, _PICTURED, _CHANGED = 6_000, 40_000, 4_000, 4_000
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_NOTHING_SAID = pl.DataFrame(schema={"code": pl.String, "predicted": pl.String, "confidence": pl.Float64})
_COLUMNS = {column.name: column.type.python_type for column in predictions.columns}
_KINDS: dict[type, Any] = {
    str: pl.String,
    int: pl.Int64,
    float: pl.Float64,
    bool: pl.Boolean,
    object: pl.Datetime("us", "UTC"),
}
_IMAGES = ("image_bytes", "image_aspect", "image_brightness", "image_white", "image_sketch")


@dataclass(frozen=True)
class Shop:
    """What windows are drawn from.

    Args:
        reference: Of the model's bundle, with images.
        pool: Answers to products as they are.
        changed: Answers to products with each drift, by its name.
        bundle: The model.
        products: Some of the products, as they are.
        pictures: Some image files.
    """

    reference: Reference
    pool: pl.DataFrame
    changed: dict[str, pl.DataFrame]
    bundle: Bundle
    products: list[Product]
    pictures: list[bytes]

    def quiet(self, rows: int, draw: np.random.Generator) -> pl.DataFrame:
        """Return a window in which nothing has changed."""
        return self.pool[np.sort(draw.choice(self.pool.height, rows, replace=False))]

    def drifted(self, name: str, rows: int, draw: np.random.Generator) -> pl.DataFrame:
        """Return a window with a drift of its stated share."""
        some = int(draw.binomial(rows, DRIFTS[name].share))
        other = self.changed[name]
        return pl.concat([self.quiet(rows - some, draw), other[draw.integers(0, other.height, some)]])

    def look(self, rows: pl.DataFrame) -> Look:
        """Look at a window."""
        window = Window(Asked(rows=rows.height), 1, 1, rows.height, _NOW, _NOW, rows.height, 0, 0)
        gathered = gather([rows], self.reference, rows.height)
        return look(gathered, self.reference, read_policy(), window=window, said=_NOTHING_SAID, ages={}, now=_NOW)


@contextmanager
def open_shop() -> Iterator[Shop]:
    """Train a quick model and answer the catalogue."""
    with TemporaryDirectory(prefix="aisle-shop-") as place:
        folder = Path(place, "bundle")
        learnt, codes = _products(_LEARNT, seed=1)
        frame = pl.DataFrame(
            {
                "source": ["shop"] * len(learnt),
                "split": ["train"] * len(learnt),
                "id": [product.id for product in learnt],
                "title": [product.title for product in learnt],
                "description": [product.description for product in learnt],
                "brand": pl.Series([None] * len(learnt), dtype=pl.String),
                "label": codes,
                "image_sha256": pl.Series([None] * len(learnt), dtype=pl.String),
            }
        )
        options = Training(families="logistic", modalities="text", folds=2, jobs=1, budget="10m", gold_share=0.3)
        train(frame, "0" * 64, options, folder=folder, commit="unknown")
        yield _answered(Bundle.load(folder))


def _answered(bundle: Bundle) -> Shop:
    products, codes = _products(_POOL, seed=2)
    pictures = [draw_picture(CODES.index(code), Dice(2, 7, row)) for row, code in enumerate(codes[: 2 * _PICTURED])]
    draw = np.random.default_rng(4)
    pictured = [replace(product, image=image) for product, image in zip(products, pictures, strict=False)]
    looked = _rows(bundle, pictured)
    # Half of the images are the reference's; the others are lent to every product, for drawing costs more than all else.
    before, lent = looked[:_PICTURED], looked[_PICTURED:]
    pool = _with_images(_rows(bundle, products), lent, draw)
    profile = Reference.from_json(bundle.profile)
    images = watched(before).select("image_bytes", "image_aspect", "image_brightness", "image_white")
    columns = {
        **profile.columns,
        **{name: number_reference(images[name]) for name in images.columns},
        "with_image": category_reference([True] * before.height),
    }
    reference = replace(profile, columns=columns, sketches=before["image_sketch"].to_list()[:1_000])
    changed = {}
    for name, drift in DRIFTS.items():
        if drift.choice is not None:
            places = chosen(drift.choice, products, codes)
            changed[name] = pool[places]
        elif drift.change is not None and name.endswith("images"):
            again = [drift.change(product, draw) for product in pictured[_PICTURED:]]
            changed[name] = _rows(bundle, again)
        elif drift.change is not None:
            again = [drift.change(product, draw) for product in products[:_CHANGED]]
            changed[name] = _with_images(_rows(bundle, again), lent, draw)
    return Shop(reference, pool, changed, bundle, products[:_CHANGED], pictures)


def _with_images(rows: pl.DataFrame, lent: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    others = lent[draw.integers(0, lent.height, rows.height)]
    return rows.with_columns(others.select(_IMAGES))


def _rows(bundle: Bundle, products: list[Product]) -> pl.DataFrame:
    parts = [products[start : start + 2_000] for start in range(0, len(products), 2_000)]
    answered = [Answered("r", _NOW, 0.001, 1, bundle.digest, part, bundle.predict(part)) for part in parts]
    rows = answer_rows(answered, keep_text=False, looks=LookBudget(10_000))
    return pl.DataFrame([{"id": 1, **row} for row in rows], schema={name: _KINDS[kind] for name, kind in _COLUMNS.items()})


def _products(rows: int, seed: int) -> tuple[list[Product], list[str]]:
    products, codes = [], []
    for block in draw_blocks("train", rows, seed):
        for title, description in zip(block.titles, block.descriptions, strict=True):
            products.append(Product(f"{seed}-{len(products)}", title=title, description=description))
        codes += [str(CODES[label]) for label in block.label.tolist()]
    return products, codes
