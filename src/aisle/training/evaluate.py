"""Judging a bundle on gold rows, the same for the champion and whoever challenges it."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.catalog.product import Product
from aisle.errors import TrainingError
from aisle.models.bundle import Bundle
from aisle.settings import Training
from aisle.training.metrics import Scores
from aisle.training.rows import ImageReader, labelled_rows, product_blocks
from aisle.training.split import split_rows

Answer = Callable[[Sequence[Product]], NDArray[np.float32]]
"""Products in, (products, codes) probabilities out."""


def gold_rows(frame: pl.DataFrame, options: Training, *, level: int | None = None) -> pl.DataFrame:
    """Return the rows of a snapshot on which models are judged: the same for everyone who asks.

    Args:
        frame: All rows of the snapshot.
        options: The gold share and the seed.
        level: How many levels of the labels count; all by default.
    """
    rows = labelled_rows(frame, level)
    parts = split_rows(rows, gold_share=options.gold_share, validation_share=options.validation_share, seed=options.seed)
    return rows.filter(pl.Series(parts == "gold", dtype=pl.Boolean))


def evaluate(bundle: Bundle, rows: pl.DataFrame, images: ImageReader | None = None) -> Scores:
    """Return a bundle's answers to rows whose categories are known, held against them at the bundle's own level.

    Args:
        bundle: What is judged.
        rows: Gold rows of a snapshot.
        images: Gives their images; they are judged without, by default or where the bundle does not look at any.

    Raises:
        TrainingError: No row has a label.
    """
    rows = labelled_rows(rows, bundle.level)
    if not rows.height:
        raise TrainingError("There is no labelled row to judge by.", hint="Take the gold rows of a snapshot with labels.")
    reader = images if "image" in bundle.modalities else None
    return score_rows(bundle.probabilities, list(bundle.categories), rows, reader)


def score_rows(answer: Answer, codes: Sequence[str], rows: pl.DataFrame, images: ImageReader | None = None) -> Scores:
    """Return answers to labelled rows, in the rows' order.

    Args:
        answer: The model.
        codes: What its probabilities stand for, in their order.
        rows: Rows with a label, at least one.
        images: Gives their images, where the model looks at them.
    """
    probabilities = np.concatenate([answer(block) for block in product_blocks(rows, images)])
    ids = rows.select(pl.concat_str("source", "split", "id", separator="/"))
    return Scores(
        ids=tuple(ids.to_series().to_list()),
        correct=tuple(rows["label"].to_list()),
        predicted=tuple(codes[place] for place in probabilities.argmax(axis=1)),
        codes=tuple(codes),
        probabilities=probabilities,
    )
