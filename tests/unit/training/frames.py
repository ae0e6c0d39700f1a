"""Snapshots made up for the tests of training."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from aisle.catalog.snapshot import SCHEMA
from tests.unit.models.examples import WORDS


def frame(titles: Sequence[str | None], labels: Sequence[str | None], **columns: Sequence[object]) -> pl.DataFrame:
    """Return rows of a snapshot with these titles and labels; other columns are empty unless given."""
    rows = len(titles)
    every: dict[str, Sequence[object]] = {
        **dict.fromkeys(SCHEMA, [None] * rows),
        "source": ["shop"] * rows,
        "split": ["train"] * rows,
        "id": [str(number) for number in range(rows)],
        "title": titles,
        "label": labels,
        **columns,
    }
    return pl.DataFrame(every, schema=SCHEMA)


def catalogue(rows: int, seed: int = 0, noise: float = 0.1) -> pl.DataFrame:
    """Return labelled rows whose words tell the category, except for a share of wrong labels.

    Each title ends with three random numbers, so that few are near duplicates.
    """
    generator = np.random.default_rng(seed)
    codes = sorted(WORDS)
    right = generator.integers(0, len(codes), rows)
    titles = [
        " ".join([*generator.choice(WORDS[codes[place]], 2), *(str(n) for n in generator.integers(10_000, 99_999, 3))])
        for place in right
    ]
    shown = np.where(generator.random(rows) < noise, generator.integers(0, len(codes), rows), right)
    return frame(titles, [codes[place] for place in shown])
