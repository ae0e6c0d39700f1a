"""Taking images in: read, inspect and upload those of a batch, many at once."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl

from aisle.catalog.archive import ImageArchive
from aisle.catalog.image_keys import image_key
from aisle.catalog.images import ImageInfo, inspect_image
from aisle.catalog.rejects import Reject
from aisle.errors import ImageProblem
from aisle.storage.objects import Bucket

INFO_SCHEMA: dict[str, type[pl.DataType]] = {
    "image_sha256": pl.String,
    "image_width": pl.Int32,
    "image_height": pl.Int32,
}
"""The columns that an image adds to its product; null where there is no usable image."""


@dataclass(frozen=True)
class ImageLoader:
    """Moves images from an archive to the bucket.

    Args:
        archive: Where they come from; nothing where the source has none.
        by_split: Whether the archive keeps a folder for each split, as the challenge's does.
        bucket: Where they go.
        prefix: What stands before the keys of this source.
        pool: Threads that do the work; the bound of images in memory at once.
        max_bytes: Largest file accepted.
        max_pixels: Largest image accepted.
    """

    archive: ImageArchive | None
    by_split: bool
    bucket: Bucket
    prefix: str
    pool: ThreadPoolExecutor
    max_bytes: int
    max_pixels: int

    def load(self, frame: pl.DataFrame, split: str) -> tuple[pl.DataFrame, list[Reject]]:
        """Upload the images of a batch; return `INFO_SCHEMA`'s columns row by row, and what was wrong."""
        if self.archive is None:
            nothing = [
                pl.repeat(None, frame.height, dtype=kind(), eager=True).alias(name) for name, kind in INFO_SCHEMA.items()
            ]
            return pl.DataFrame(nothing), []
        names = frame["image_name"].to_list()
        outcomes = list(self.pool.map(lambda name: self._one(split, name), names))
        rejects = [
            Reject(row, product, "image", outcome.reason, outcome.message, name)
            for row, product, name, outcome in zip(frame["row"], frame["id"], names, outcomes, strict=True)
            if isinstance(outcome, ImageProblem)
        ]
        return _info_frame(outcome if isinstance(outcome, ImageInfo) else None for outcome in outcomes), rejects

    def _one(self, split: str, name: str | None) -> ImageInfo | ImageProblem | None:
        if name is None or self.archive is None:
            return None
        try:
            data = self.archive.read(split if self.by_split else "", name, self.max_bytes)
            info = inspect_image(data, max_bytes=self.max_bytes, max_pixels=self.max_pixels)
        except ImageProblem as problem:
            return problem
        self.bucket.put(image_key(self.prefix, split, name), data)
        return info


def _info_frame(infos: Iterable[ImageInfo | None]) -> pl.DataFrame:
    rows = [(None, None, None) if info is None else (info.sha256, info.width, info.height) for info in infos]
    return pl.DataFrame(rows, schema=INFO_SCHEMA, orient="row")
