"""A source: one catalogue's files under its name, with the mapping that explains them."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from aisle.catalog.archive import ImageArchive, open_image_path, open_images
from aisle.catalog.challenge import challenge_mapping, is_challenge
from aisle.catalog.label_stream import LabelStream
from aisle.catalog.mapping import LEVEL_SEPARATOR, ROW_NUMBER, Mapping, read_mapping, require_columns
from aisle.catalog.row_batch import BadRow
from aisle.catalog.rows import FileFacts, column_names, inspect_file, read_rows
from aisle.digest import json_digest
from aisle.errors import SourceError

TEXTS = ("title", "description", "brand", "product_ref", "image_ref", "image_name")
"""The columns of a product that are text, besides its id."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class ProductBatch:
    """Some consecutive rows as products: `row`, `id`, `TEXTS` and `label`, and the rows that could not be read."""

    start: int
    stop: int
    frame: pl.DataFrame
    bad: tuple[BadRow, ...]


@dataclass(frozen=True)
class Source:
    """A catalogue's folder, read through its mapping and never modified.

    Args:
        name: The name under which its products are kept.
        folder: Where its files lie.
        mapping: What its files and columns mean.
    """

    name: str
    folder: Path
    mapping: Mapping

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that the source has, training rows first."""
        return tuple(split for split in ("train", "test") if split in self.mapping.files)

    def path(self, split: str) -> Path:
        """Return the file that holds a split's rows."""
        return self.folder / dict(self.mapping.files)[split]  # type: ignore[index]

    @cached_property
    def facts(self) -> dict[str, FileFacts]:
        """Rows and sha256 of every file, labels' files included, by path below the folder."""
        names = [*dict.fromkeys(self.mapping.files.values()), *self.mapping.label.files.values()]
        with ThreadPoolExecutor(len(names)) as pool:
            return dict(zip(names, pool.map(lambda name: inspect_file(self.folder / name), names), strict=True))

    def rows(self, split: str) -> int:
        """Return the number of rows of a split, unreadable ones included."""
        return self.facts[dict(self.mapping.files)[split]].rows  # type: ignore[index]

    def digest(self, split: str) -> str:
        """Return the digest of everything that decides a split's products: rows, labels, images and mapping."""
        files = [dict(self.mapping.files)[split]]  # type: ignore[index]
        files += [name for key, name in self.mapping.label.files.items() if key == split]
        return json_digest(
            {
                "files": [self.facts[name].sha256 for name in files],
                "images": self.images.digest() if self.images else None,
                "mapping": self.mapping.model_dump(mode="json"),
            }
        )

    @cached_property
    def images(self) -> ImageArchive | None:
        """The source's images, or nothing where the mapping names none."""
        if self.mapping.images is None:
            return None
        if self.mapping.layout == "challenge":
            return open_images(self.folder)
        return open_image_path(self.folder / self.mapping.images.path)

    def check(self) -> None:
        """Make sure that every file is there and has the columns that the mapping names.

        Raises:
            SourceError: One is missing, of another kind, or lacks a column.
        """
        for split in self.splits:
            require_columns(self.path(split), column_names(self.path(split)), self.mapping.wanted(split))
        for name in self.mapping.label.files.values():
            wanted = (self.mapping.columns.id, *self.mapping.columns.label)
            require_columns(self.folder / name, column_names(self.folder / name), wanted)

    def products(self, split: str, *, batch_rows: int, start: int = 0) -> Iterator[ProductBatch]:
        """Read a split's rows as products with their labels, in order and in bounded memory.

        Args:
            split: One of `splits`.
            batch_rows: Rows in a batch, at most.
            start: The first row wanted; batches that end before it are passed over.

        Raises:
            SourceError: A file is missing, of another kind, or lacks a column.
        """
        labels = self._labels(split, batch_rows)
        for batch in read_rows(self.path(split), self.mapping.wanted(split), batch_rows=batch_rows):
            frame = batch.frame.select(
                pl.col(ROW_NUMBER).alias("row"), pl.lit(None, pl.String).alias("label"), *self._texts(batch.frame)
            )
            if labels is not None:
                frame = frame.with_columns(labels.of(frame["id"]))
            elif self.mapping.labels_beside(split):
                frame = frame.with_columns(self._label_path(batch.frame))
            if batch.stop > start:
                yield ProductBatch(batch.start, batch.stop, frame, batch.bad)

    def close(self) -> None:
        """Close the archive of images, if it was opened."""
        if "images" in self.__dict__ and self.images is not None:
            self.images.close()

    def _labels(self, split: str, batch_rows: int) -> LabelStream | None:
        name = self.mapping.label.files.get(split)
        if name is None:
            return None
        return LabelStream(self.folder / name, self.mapping.columns.id, self.mapping.columns.label[0], batch_rows)

    def _texts(self, frame: pl.DataFrame) -> list[pl.Expr]:
        columns = self.mapping.columns
        identity = pl.col(columns.id).cast(pl.String)
        missing = [*self.mapping.values.missing]
        picked = [identity.alias("id")]
        for name in TEXTS[:-1]:
            column = getattr(columns, name)
            empty = pl.lit(None, pl.String)
            value = pl.col(column) if column is not None else empty
            if column is not None:
                blank = value.str.strip_chars().is_in(["", *missing])
                value = pl.when(blank).then(empty).otherwise(value)
            picked.append(value.alias(name))
        picked.append(self._image_name().alias("image_name"))
        return picked

    def _image_name(self) -> pl.Expr:
        if self.mapping.images is None:
            return pl.lit(None, pl.String)
        # concat_str is null as soon as one of its parts is: a row without an image id has no image name.
        parts: list[pl.Expr] = []
        rest = self.mapping.images.name
        while match := re.search(r"\{([^{}]+)\}", rest):
            parts += [pl.lit(rest[: match.start()]), pl.col(match.group(1)).cast(pl.String)]
            rest = rest[match.end() :]
        return pl.concat_str([*parts, pl.lit(rest)])

    def _label_path(self, frame: pl.DataFrame) -> pl.Series:
        """Join the levels of each row's label; the first empty level ends the path."""
        mapping = self.mapping
        if len(mapping.columns.label) == 1:
            label = frame[mapping.columns.label[0]]
            if mapping.label.separator is None:
                label = label.str.strip_chars()
                return pl.select(pl.when(label != "").then(label)).to_series().alias("label")
            levels = label.str.split(mapping.label.separator).to_list()
        else:
            levels = list(zip(*(frame[name].to_list() for name in mapping.columns.label), strict=True))
        return pl.Series("label", [_join_levels(row) for row in levels], dtype=pl.String)


def open_source(folder: Path, *, name: str | None = None, mapping: Path | None = None) -> Source:
    """Open a catalogue's folder: by a given mapping, by `catalog.toml` in it, or as the challenge's layout.

    Args:
        folder: Where the files lie.
        name: The name to keep it under; the folder's own by default.
        mapping: A mapping file; needed where the folder neither has one nor is the challenge's.

    Raises:
        SourceError: There is no such folder, no way to read it, or the name is not usable.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} is no folder.", hint="Name the folder that holds the catalogue's files.")
    name = folder.resolve().name.lower() if name is None else name
    if not _NAME.fullmatch(name):
        raise SourceError(
            f"{name!r} cannot be a catalogue's name.",
            hint="Give --name with small letters, digits, dots, dashes and underscores, 63 at most.",
        )
    own = folder / "catalog.toml"
    if mapping is not None or (own.is_file() and not is_challenge(folder)):
        return Source(name, folder, read_mapping(mapping or own))
    return Source(name, folder, challenge_mapping(folder))


def _join_levels(levels: "tuple[str | None, ...] | list[str] | None") -> str | None:
    path: list[str] = []
    for level in levels or ():
        if level is None or not level.strip():
            break
        path.append(level.strip())
    return LEVEL_SEPARATOR.join(path) or None
