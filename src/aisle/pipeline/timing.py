"""How fast two bundles answer beside each other, told so that noise cannot pass for speed."""

import time
from collections.abc import Callable, Sequence
from math import ceil

import polars as pl

from aisle.catalog.product import Product
from aisle.models.bundle import Bundle
from aisle.training.rows import ImageReader, labelled_rows, products

ROUNDS = 9
"""Rounds in which two bundles are timed: the interval of their median's ratio then bears one outlier on either side."""

_PRODUCTS = 256
"""Gold products that are answered in a round, spread over all of them."""
_ROUND_S = 0.03
"""Least seconds of a bundle's part of a round: less would time the clock."""


def timing_products(rows: pl.DataFrame, images: ImageReader | None = None) -> list[Product]:
    """Return the gold products on which bundles are timed: 256 of them at most, evenly spread, the same for everyone.

    Args:
        rows: Gold rows of a snapshot.
        images: Gives their images.
    """
    rows = labelled_rows(rows)
    return products(rows.gather_every(max(rows.height // _PRODUCTS, 1)).head(_PRODUCTS), images)


def time_in_turns(
    challenger: Bundle,
    champion: Bundle,
    items: Sequence[Product],
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Time two bundles on the same products, in rounds in which both take turns, first one and then the other in front.

    Whatever slows the machine for longer than a round slows both; the gate looks at the rounds' ratios.

    Args:
        challenger: One bundle.
        champion: The other.
        items: The products, at least one.
        clock: Seconds that pass.

    Returns:
        Seconds per product in each of `ROUNDS` rounds, of the one and of the other.
    """
    pair = (challenger, champion)
    # The first answers compile and fill caches; the second tell how often a bundle has to answer to fill a round.
    for bundle in pair:
        _seconds(bundle, items, 1, clock)
    repeats = [ceil(_ROUND_S / max(_seconds(bundle, items, 1, clock) * len(items), 1e-6)) for bundle in pair]
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS):
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            seconds[which].append(_seconds(pair[which], items, repeats[which], clock))
    return tuple(seconds[0]), tuple(seconds[1])


def _seconds(bundle: Bundle, items: Sequence[Product], repeats: int, clock: Callable[[], float]) -> float:
    begin = clock()
    for _ in range(repeats):
        bundle.probabilities(items)
    return (clock() - begin) / repeats / len(items)
