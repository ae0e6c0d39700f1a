"""What a downloaded file must look like before it may replace anything: columns, rows, ids, and the images' checksums."""

import csv
import re
from collections import deque
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aisle.catalog.zip_index import ZipIndex
from aisle.errors import ArchiveError, DownloadError, ImageProblem

_AGAIN = "Try again; if it stays so, the challenge has changed its files."
_IMAGE = re.compile(r"(?:.*/)?image_\d+_product_\d+\.jpg", re.DOTALL)
_CLUTTER = re.compile(r"(?:.*/)?(?:\.[^/]*|Thumbs\.db)|__MACOSX/.*", re.DOTALL)
"""What desktops leave in archives: no images, and no reason to refuse the rest."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a check has counted.

    Args:
        rows: Rows of a table, or images of an archive.
        ids: The rows' ids; empty for an archive.
    """

    rows: int
    ids: frozenset[str] = frozenset()


class Expected(Protocol):
    """What a file must look like."""

    def check(self, path: Path) -> Found:
        """Read a file to its end and count what it holds.

        Raises:
            DownloadError: It is not what is expected, and in what.
        """


@dataclass(frozen=True, slots=True)
class ExpectedTable:
    """A CSV file with one id per row, in its first column.

    Args:
        columns: The header row.
        rows: How many rows follow it; a quoted cell may hold line breaks.
    """

    columns: tuple[str, ...]
    rows: int

    def check(self, path: Path) -> Found:
        """Read the file to its end; see `Expected.check`."""
        ids: set[str] = set()
        count = 0
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                reader = csv.reader(stream, strict=True)
                header = tuple(next(reader, ()))
                if header != self.columns:
                    raise _unexpected(path, f"its columns are {_shown(header)} instead of {_shown(self.columns)}")
                for row in reader:
                    if len(row) != len(header):
                        raise _unexpected(path, f"line {reader.line_num} has {len(row)} cells instead of {len(header)}")
                    ids.add(row[0])
                    count += 1
        except (csv.Error, UnicodeDecodeError) as error:
            raise _unexpected(path, f"it is no CSV in UTF-8 ({error})") from error
        if count != self.rows:
            raise _unexpected(path, f"it has {count:,} rows instead of {self.rows:,}")
        if len(ids) != count:
            raise _unexpected(path, f"{count - len(ids):,} of its ids occur more than once")
        return Found(count, frozenset(ids))


@dataclass(frozen=True, slots=True)
class ExpectedImages:
    """A zip file of images under the challenge's names, each as its checksum says."""

    def check(self, path: Path) -> Found:
        """Read every member to its end; see `Expected.check`."""
        images = 0
        try:
            with closing(ZipIndex(path)) as index:
                for member in index.members():
                    if member.is_folder or _CLUTTER.fullmatch(member.name):
                        continue
                    if not _IMAGE.fullmatch(member.name):
                        raise _unexpected(path, f"{member.name!r} is not named as the challenge names its images")
                    deque(index.blocks(member, member.size), maxlen=0)
                    images += 1
        except (ArchiveError, ImageProblem) as error:
            raise _unexpected(path, error.message.rstrip(".")) from error
        if not images:
            raise _unexpected(path, "it holds no image")
        return Found(images)


def _shown(columns: tuple[str, ...]) -> str:
    text = ",".join(columns)
    return repr(text if len(text) <= 120 else text[:120] + "…")


def _unexpected(path: Path, what: str) -> DownloadError:
    return DownloadError(f"{path.name.removesuffix('.part')} is not what is expected: {what}.", hint=_AGAIN)
