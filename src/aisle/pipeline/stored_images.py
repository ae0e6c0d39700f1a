"""The images of a snapshot's rows, fetched from the object store, many at once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from aisle.catalog.image_keys import image_key
from aisle.catalog.snapshot import Snapshot
from aisle.digest import sha256
from aisle.errors import ObjectNotFound
from aisle.storage.objects import Bucket


class StoredImages:
    """Gives rows their images; an `aisle.training.rows.ImageReader`.

    An image that is gone, or no longer the one that the snapshot saw, counts as missing: its row is judged by its text.

    Args:
        bucket: Where the images are.
        snapshot: Says what stands before the keys of each source.
        concurrency: Requests under way at once.

    Attributes:
        missing: Images that the snapshot names and that could not be had, so far.
    """

    def __init__(self, bucket: Bucket, snapshot: Snapshot, concurrency: int) -> None:
        self._bucket = bucket
        self._prefixes = snapshot.sources
        self._concurrency = concurrency
        self.missing = 0

    def __call__(self, rows: pl.DataFrame) -> Sequence[bytes | None]:
        """Return each row's image, in their order."""
        wanted = rows.select("source", "split", "image_name", "image_sha256").rows()
        if not any(digest for *_, digest in wanted):
            return [None] * len(wanted)
        with ThreadPoolExecutor(self._concurrency, "image") as pool:
            images = list(pool.map(lambda row: self._read(*row), wanted))
        self.missing += sum(image is None and digest is not None for image, (*_, digest) in zip(images, wanted, strict=True))
        return images

    def _read(self, source: str, split: str, name: str | None, digest: str | None) -> bytes | None:
        if name is None or digest is None:
            return None
        try:
            data = self._bucket.get(image_key(self._prefixes[source], split, name))
        except ObjectNotFound:
            return None
        return data if sha256(data) == digest else None
