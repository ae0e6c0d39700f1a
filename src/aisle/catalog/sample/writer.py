"""Writes the files of a synthetic catalogue: products and labels as CSV, pictures into one archive."""

import csv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from aisle.catalog.challenge import IMAGE_NAME, SPELLINGS
from aisle.catalog.sample.blocks import Block, Stream, draw_blocks
from aisle.catalog.sample.classes import CODES
from aisle.catalog.sample.dice import Dice
from aisle.catalog.sample.phrases import LANGUAGES
from aisle.catalog.sample.pictures import draw_picture, draw_placeholder
from aisle.catalog.sample.report import SampleReport

if TYPE_CHECKING:
    from _csv import Writer

IMAGES_FILE = "images.zip"
"""The archive of the pictures."""

MISSING_IMAGES, PLACEHOLDER_IMAGES = 0.002, 0.01
"""Shares of products without a picture, and with the shop's placeholder instead of one."""

Progress = Callable[[int, int], None]
"""Called now and then with the products written so far and all that there will be."""

_HEADER = ("", "designation", "description", "productid", "imageid")
_PICTURES_PER_REPORT = 500
_MEMBER_DATE = (1980, 1, 1, 0, 0, 0)
_MEMBER_MODE = 0o100644 << 16
_UNIX = 3


class CatalogueWriter:
    """Writes one catalogue's files and counts what goes in.

    Args:
        folder: An empty folder.
        seed: Names the catalogue.
        images: Whether to draw pictures; without them there is no archive.
        progress: Called with the products written and all of them.
    """

    def __init__(self, folder: Path, seed: int, *, images: bool, progress: Progress | None) -> None:
        self._folder = folder
        self._seed = seed
        self._images = images
        self._progress = progress
        self._placeholder = draw_placeholder()

    def write(self, report: SampleReport) -> SampleReport:
        """Write as many rows as the report says and fill in the rest of it."""
        archive_path = self._folder / IMAGES_FILE
        with (
            zipfile.ZipFile(archive_path, "x", zipfile.ZIP_STORED) if self._images else nullcontext() as archive,
            _table(self._folder / SPELLINGS["y_train"][0], ("", "prdtypecode")) as labels,
        ):
            for split in ("train", "test"):
                for block in self._write_split(split, report, archive):
                    if split == "train":
                        codes = [CODES[label] for label in block.label.tolist()]
                        labels.writerows(enumerate(codes, block.start))
                        report.classes.update(codes)
                        report.wrong_labels += int(np.count_nonzero(block.label != block.topic))
        return report

    def _write_split(
        self, split: Literal["train", "test"], report: SampleReport, archive: zipfile.ZipFile | None
    ) -> Iterator[Block]:
        """Write a split's products and pictures, and hand out each block when it is written."""
        rows, start = (report.rows, 0) if split == "train" else (report.test_rows, report.rows)
        with _table(self._folder / SPELLINGS[f"x_{split}"][0], _HEADER) as products:
            for block in draw_blocks(split, rows, self._seed, start=start):
                indexes = range(block.start, block.start + len(block.titles))
                products.writerows(
                    zip(indexes, block.titles, block.descriptions, block.product_ids, block.image_ids, strict=True)
                )
                _count(block, report)
                if archive is not None:
                    self._write_pictures(archive, split, block, report)
                self._tell(indexes.stop, report)
                yield block

    def _write_pictures(
        self, archive: zipfile.ZipFile, split: Literal["train", "test"], block: Block, report: SampleReport
    ) -> None:
        """Draw the pictures of a block; rows that repeat another show the same picture."""
        luck = Dice(self._seed, Stream.FATES, block.start).uniform(len(block.titles)).tolist()
        sources = (block.start + block.source).tolist()
        for row, (source, topic) in enumerate(zip(sources, block.topic.tolist(), strict=True)):
            if row and row % _PICTURES_PER_REPORT == 0:
                self._tell(block.start + row, report)
            if luck[row] < MISSING_IMAGES:
                report.missing_images += 1
                continue
            if luck[row] < MISSING_IMAGES + PLACEHOLDER_IMAGES:
                report.placeholder_images += 1
                picture = self._placeholder
            else:
                picture = draw_picture(topic, Dice(self._seed, Stream.PICTURES, source))
            name = IMAGE_NAME.format(imageid=block.image_ids[row], productid=block.product_ids[row])
            archive.writestr(_member(f"images/image_{split}/{name}"), picture)
            report.images += 1

    def _tell(self, done: int, report: SampleReport) -> None:
        if self._progress is not None:
            self._progress(done, report.rows + report.test_rows)


def _count(block: Block, report: SampleReport) -> None:
    report.languages.update(LANGUAGES[language] for language in block.language.tolist())
    report.without_description += block.descriptions.count(None)
    report.with_tags += block.with_tags
    report.with_entities += block.with_entities
    report.with_broken_letters += block.with_broken_letters
    report.near_duplicates += int(np.count_nonzero(block.source != np.arange(len(block.source))))


def _member(name: str) -> zipfile.ZipInfo:
    """Describe an archive member in a way that depends neither on the clock nor on the machine."""
    member = zipfile.ZipInfo(name, _MEMBER_DATE)
    member.create_system = _UNIX
    member.external_attr = _MEMBER_MODE
    return member


@contextmanager
def _table(path: Path, header: tuple[str, ...]) -> Iterator["Writer"]:
    """Open a new CSV file and write its header; the standard library's spelling is the same with every version."""
    with path.open("x", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(header)
        yield table
