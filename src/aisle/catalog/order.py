"""The order in which a split's rows are taken: as they stand, or so that every stretch has the classes' shares."""

import numpy as np
import numpy.typing as npt

from aisle.catalog.loads import Sample
from aisle.catalog.source import Source


def taking_order(source: Source, split: str, sample: Sample, batch_rows: int) -> npt.NDArray[np.int64] | None:
    """Return the rank of each row of a split in the order of taking; nothing where rows are taken as they stand.

    Args:
        source: The source.
        split: One of its splits.
        sample: `head`, or `stratified`.
        batch_rows: Rows to read at a time.

    Returns:
        For `stratified`, an array (rows of the split,): rows of a class are shuffled by a hash of their number and dealt
        out evenly, so that the first n rows hold each class in its share, for every n. 8 bytes a row.
    """
    if sample == "head":
        return None
    total = source.rows(split)
    codes = np.zeros(total, dtype=np.int32)
    numbers: dict[str | None, int] = {None: 0}
    for batch in source.products(split, batch_rows=batch_rows):
        labels = [numbers.setdefault(label, len(numbers)) for label in batch.frame["label"].to_list()]
        codes[batch.frame["row"].to_numpy()] = labels
    return deal_evenly(codes)


def deal_evenly(codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return the rank of each row when the rows of every class are dealt out evenly over the whole.

    Args:
        codes: Class numbers (n,).

    >>> order = deal_evenly(np.array([0] * 8 + [1] * 4, dtype=np.int32))
    >>> sorted((np.flatnonzero(order < 6) < 8).tolist())
    [False, False, True, True, True, True]
    """
    mixed = _mix(np.arange(len(codes), dtype=np.uint64))
    by_class = np.lexsort((mixed, codes))
    sizes = np.bincount(codes)
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    grouped = codes[by_class]
    place = np.empty(len(codes))
    place[by_class] = (np.arange(len(codes)) - starts[grouped] + 0.5) / sizes[grouped]
    ranks = np.empty(len(codes), dtype=np.int64)
    ranks[np.lexsort((mixed, place))] = np.arange(len(codes))
    return ranks


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Hash whole numbers; the finalizer of SplitMix64 (Steele, Lea and Flood, 2014)."""
    values = (values + np.uint64(0x9E3779B97F4A7C15)) & np.uint64(0xFFFFFFFFFFFFFFFF)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
