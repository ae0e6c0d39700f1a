"""Working on one load: read, check, bring images in, store, batch by batch, ready to be killed at any moment."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from aisle.catalog.checks import check_batch, reject_empty
from aisle.catalog.image_load import ImageLoader
from aisle.catalog.loads import RUNNING, Load, current_position, finish
from aisle.catalog.rejects import Reject
from aisle.catalog.source import ProductBatch, Source
from aisle.catalog.store import encode_products, store_batch
from aisle.settings import Catalog
from aisle.storage.bulk import EncodedFrame
from aisle.storage.database import Database

_ROWS_WITH_IMAGES = 1_000
"""Rows in a batch where each brings an image: about a second's work, which is what a kill can cost."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A batch ready to be stored: what rows `start` to `stop` of the file hold for this load."""

    start: int
    stop: int
    frame: pl.DataFrame
    rejects: list[Reject]
    encoded: EncodedFrame | None

    def after(self, start: int) -> "_Prepared":
        """Return what is left behind a row; the images of these rows are in the bucket already."""
        rejects = [reject for reject in self.rejects if reject.row >= start]
        return _Prepared(start, self.stop, self.frame.filter(pl.col("row") >= start), rejects, None)


@dataclass(frozen=True)
class LoadRun:
    """The work on one load.

    Args:
        database: Where rows go.
        source: Where they come from.
        load: The stretch of rows to take.
        loader: Brings images in.
        options: Batch size and limits.
        order: Each row's rank in the order of taking; nothing where rows are taken as they stand.
    """

    database: Database
    source: Source
    load: Load
    loader: ImageLoader
    options: Catalog
    order: npt.NDArray[np.int64] | None

    def work(self, progress: Callable[[str, int, int], None] | None) -> Load:
        """Go on from the load's position to its end, and return the load as it stands then."""
        load, position = self.load, self.load.position
        with ThreadPoolExecutor(1, "prepare") as ahead:
            # The next batch is read, checked and its images are brought in while the database stores this one.
            batches = self._prepared(position)
            waiting = ahead.submit(next, batches, None)
            while (prepared := waiting.result()) is not None:
                waiting = ahead.submit(next, batches, None)
                handled = prepared.frame.height + sum(reject.kind == "row" for reject in prepared.rejects)
                while position < prepared.stop and not self._store(position, prepared):
                    # Another process stored some of these rows: keep the ones behind them.
                    position, state = current_position(self.database, load)
                    if state != RUNNING:
                        waiting.cancel()
                        return finish(self.database, load)
                    prepared = prepared.after(position)
                position = max(position, prepared.stop)
                if progress is not None:
                    progress(load.split, handled, load.rows_expected)
        return finish(self.database, load)

    def _store(self, position: int, prepared: _Prepared) -> bool:
        # A crash of the database may take the last batches back, whole and with the position that they moved.
        with self.database.transaction(relaxed=True) as connection:
            return store_batch(
                connection,
                self.load,
                expected=position,
                position=prepared.stop,
                frame=prepared.frame,
                refused=prepared.rejects,
                encoded=prepared.encoded,
            )

    def _prepared(self, start: int) -> Iterator[_Prepared]:
        load = self.load
        last = load.high if self.order is None else load.rows_in_source
        rows = self.options.batch_rows
        if self.loader.archive is not None:
            rows = min(rows, _ROWS_WITH_IMAGES)
        for batch in self.source.products(load.split, batch_rows=rows, start=start):
            if batch.start >= last:
                return
            yield self._prepare(batch, start)

    def _prepare(self, batch: ProductBatch, start: int) -> _Prepared:
        """Check the rows that belong to this load, and bring their images to the bucket."""
        rows = batch.frame["row"].to_numpy()
        frame = batch.frame.filter(pl.Series(self._mine(rows) & (rows >= start)))
        bad_rows = np.array([entry.row for entry in batch.bad], dtype=np.int64)
        mine = self._mine(bad_rows) & (bad_rows >= start)
        bad = tuple(entry for entry, keep in zip(batch.bad, mine, strict=True) if keep)
        checked = check_batch(
            replace(batch, frame=frame, bad=bad), self.source.mapping, max_text_chars=self.options.max_text_chars
        )
        infos, rejects = self.loader.load(checked.frame, self.load.split)
        usable, empty = reject_empty(checked.frame.hstack(infos), infos["image_sha256"].is_not_null())
        encoded = encode_products(self.load, usable) if self.database.is_postgresql else None
        return _Prepared(max(batch.start, start), batch.stop, usable, checked.rejects + rejects + empty, encoded)

    def _mine(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        ranks = rows if self.order is None else self.order[rows]
        return (ranks >= self.load.low) & (ranks < self.load.high)
