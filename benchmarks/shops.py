"""Catalogues taken in as anyone takes them in, for benchmarks that begin with a snapshot."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from aisle.bootstrap import Application
from aisle.catalog import snapshot as snapshots
from aisle.configuration import load_settings
from aisle.pipeline.context import Context
from aisle.pipeline.messages import IngestInput, SnapshotInput
from aisle.pipeline.steps import ingest, snapshot
from aisle.pipeline.stored_images import StoredImages


@dataclass(frozen=True)
class Shop:
    """A frozen catalogue in a home of its own.

    Args:
        context: What steps work with.
        snapshot: The snapshot's digest.
    """

    context: Context
    snapshot: str

    def rows(self) -> pl.DataFrame:
        """Return the snapshot's rows."""
        return snapshots.read(self.context.artifacts, self.snapshot)

    def images(self) -> StoredImages:
        """Return what gives rows their images."""
        known = snapshots.describe(self.context.artifacts, self.snapshot)
        return StoredImages(self.context.images, known, self.context.settings.objects.concurrency)


@contextmanager
def opened_shop(folders: Sequence[Path], *, mapping: Path | None = None, **variables: str) -> Iterator[Shop]:
    """Take whole catalogues into an embedded home that is removed afterwards, and freeze them.

    Args:
        folders: The catalogues' folders.
        mapping: A mapping file, for another catalogue than the challenge's.
        variables: Settings, by their environment names.
    """
    with TemporaryDirectory(prefix="aisle-shop-") as place:
        application = Application(load_settings({"AISLE_HOME": place, **variables}, folder=Path(place)))
        try:
            context = application.context()
            for folder in folders:
                ingest(context, IngestInput(folder=folder, share=1, mapping=mapping))
            yield Shop(context, snapshot(context, SnapshotInput()).snapshot)
        finally:
            application.close()
