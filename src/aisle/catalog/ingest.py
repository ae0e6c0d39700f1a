"""Ingest: a source's rows and images into the catalogue, in batches that are stored whole or not at all."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aisle.catalog.image_load import ImageLoader
from aisle.catalog.load_run import LoadRun
from aisle.catalog.loads import Load, Sample, open_load, register_source, rows_taken
from aisle.catalog.order import taking_order
from aisle.catalog.source import Source
from aisle.errors import IngestError
from aisle.settings import Catalog
from aisle.storage.database import Database
from aisle.storage.objects import Bucket

Progress = Callable[[str, int, int], None]
"""Called with a split, the rows of it that were handled since the last call, and the rows of its load."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did.

    Args:
        source: The source's name.
        loads: The loads that it worked on, as they ended; none when there was nothing to do.
        exhausted: Whether every row of the source has been taken.
    """

    source: str
    loads: tuple[Load, ...]
    exhausted: bool


@dataclass(frozen=True)
class Ingest:
    """Takes sources into one catalogue.

    Args:
        database: Where rows go.
        images: The bucket where images go.
        options: Batch size and limits.
        concurrency: Images under way at once.
    """

    database: Database
    images: Bucket
    options: Catalog
    concurrency: int = 16

    def run(
        self,
        source: Source,
        *,
        share: float = 0.2,
        next_rows: int | None = None,
        upto: Mapping[str, int] | None = None,
        splits: Collection[str] = (),
        sample: Sample = "head",
        progress: Progress | None = None,
    ) -> IngestReport:
        """Take in a share of every split, or the next rows of each; finish first what was cut short.

        Running it again with the same files does nothing; with changed files it compares and takes the changes. Several
        processes may run it at once.

        Args:
            source: Where rows come from; it is never modified.
            share: The share of each split's rows to have in the end, above 0 and up to 1: `int(rows * share)` rows.
            next_rows: Instead of a share, take so many rows of each split beyond those taken so far.
            upto: Instead of either, the rows of each split to have in the end; a split that is not named keeps to the share.
            splits: The splits to take, of those that the source has; all of them by default.
            sample: The order in which rows are taken.
            progress: Told after every batch.

        Raises:
            IngestError: The share or number of rows is out of range, or the source was begun in another order.
            SourceError: A file cannot be read.
        """
        if next_rows is not None and next_rows < 1:
            raise IngestError(f"--next {next_rows} takes no rows.", hint="Give a whole number above 0.")
        if not 0 < share <= 1:
            raise IngestError(f"--share {share} is no share.", hint="Give a number above 0 and up to 1.")
        source.check()
        prefix = register_source(self.database, source, sample)
        done: list[Load] = []
        with ThreadPoolExecutor(self.concurrency, "image") as pool:
            limits = (self.options.max_image_bytes, self.options.max_image_pixels)
            by_split = source.mapping.layout == "challenge"
            loader = ImageLoader(source.images, by_split, self.images, prefix, pool, *limits)
            for split in source.splits:
                if splits and split not in splits:
                    continue
                rows = None if upto is None else upto.get(split)
                order = taking_order(source, split, sample, self.options.batch_rows)
                while (
                    load := open_load(
                        self.database, source, split, sample=sample, share=share, next_rows=next_rows, upto=rows
                    )
                ) is not None:
                    run = LoadRun(self.database, source, load, loader, self.options, order)
                    done.append(run.work(progress))
                    # A load that was cut short counts as this call's next rows; a share may need another load after it.
                    if next_rows is not None:
                        break
        exhausted = all(rows_taken(self.database, source, split) >= source.rows(split) for split in source.splits)
        return IngestReport(source.name, tuple(done), exhausted)
