"""Batches of rows: what a reader yields, and cutting them so that memory stays bounded."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from aisle.catalog.mapping import ROW_NUMBER

BATCH_BYTES = 16 << 20
"""Bytes of text from which a batch is not made longer, whatever its rows."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read: its number, a reason of one word, a detail for people, and its raw content."""

    row: int
    reason: str
    detail: str
    raw: str


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Some consecutive rows of a file.

    Args:
        start: The first row's number.
        stop: The number after the last row's, bad rows included.
        frame: The readable rows: `@row` (Int64) and the wanted columns as nullable text.
        bad: The unreadable rows.
    """

    start: int
    stop: int
    frame: pl.DataFrame
    bad: tuple[BadRow, ...]


def regroup(pieces: Iterator[RowBatch], batch_rows: int) -> Iterator[RowBatch]:
    """Join small pieces and cut large ones, so that a batch is bounded by rows and by bytes."""
    held: list[RowBatch] = []
    for piece in pieces:
        held.append(piece)
        if piece.stop - held[0].start >= batch_rows:
            whole = _joined(held)
            start = whole.start
            while whole.stop - start >= batch_rows:
                yield cut(whole, start, start + batch_rows)
                start += batch_rows
            held = [cut(whole, start, whole.stop)] if start < whole.stop else []
        elif sum(part.frame.estimated_size() for part in held) >= BATCH_BYTES:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _joined(parts: list[RowBatch]) -> RowBatch:
    return RowBatch(
        parts[0].start,
        parts[-1].stop,
        pl.concat([part.frame for part in parts]),
        tuple(bad for part in parts for bad in part.bad),
    )


def cut(batch: RowBatch, start: int, stop: int) -> RowBatch:
    """Return the rows of a batch from `start` up to `stop`."""
    # Rows are in order, so a stretch of them is a slice, which copies nothing.
    first, last = (batch.frame[ROW_NUMBER].search_sorted(row) for row in (start, stop))
    bad = tuple(entry for entry in batch.bad if start <= entry.row < stop)
    return RowBatch(start, stop, batch.frame.slice(first, last - first), bad)
