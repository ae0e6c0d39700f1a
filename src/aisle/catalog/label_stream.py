"""Labels in a file of their own, joined to rows by id while both are read, in bounded memory.

Two files of the challenge list the same ids in the same order: then a batch of labels is held at a time. Where they do
not, the labels' file is read whole once, as a table from id to label; an id with two different labels has none then.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from aisle.catalog.rows import read_rows

CONFLICT = "\0conflict"
"""What stands for the label of an id that the file gives several different labels; no real label can hold NUL."""


class LabelStream:
    """The labels of a file, asked for in the order of the rows.

    Args:
        path: The file.
        id_column: Its column of ids.
        label_column: Its column of labels.
        batch_rows: Rows to read at a time.
    """

    def __init__(self, path: Path, id_column: str, label_column: str, batch_rows: int) -> None:
        self._path, self._id, self._label, self._batch_rows = path, id_column, label_column, batch_rows
        self._batches = self._read()
        self._held = next(self._batches, None)
        self._table: dict[str, str] | None = None

    def of(self, ids: pl.Series) -> pl.Series:
        """Return the labels of the next ids: null where the file has none, `CONFLICT` where it has several."""
        if self._table is None and (aligned := self._aligned(ids)) is not None:
            return aligned
        if self._table is None:
            self._table = self._read_whole()
        return pl.Series("label", [self._table.get(value) for value in ids.to_list()], dtype=pl.String)

    def _aligned(self, ids: pl.Series) -> pl.Series | None:
        """Take the next labels if their ids are exactly these; null ids and rows that were skipped break the order."""
        while self._held is not None and self._held.height < len(ids):
            more = next(self._batches, None)
            if more is None:
                break
            self._held = pl.concat([self._held, more])
        if self._held is None or self._held.height < len(ids):
            return None
        head = self._held.head(len(ids))
        if ids.null_count() or not (head["id"] == ids).all():
            return None
        self._held = self._held.slice(len(ids))
        return head["label"]

    def _read(self) -> Iterator[pl.DataFrame]:
        for batch in read_rows(self._path, (self._id, self._label), batch_rows=self._batch_rows):
            yield batch.frame.select(pl.col(self._id).alias("id"), pl.col(self._label).alias("label"))

    def _read_whole(self) -> dict[str, str]:
        table: dict[str, str] = {}
        for batch in self._read():
            for key, label in batch.drop_nulls().iter_rows():
                if table.setdefault(key, label) != label:
                    table[key] = CONFLICT
        return table
