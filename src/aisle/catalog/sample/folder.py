"""Writes a synthetic catalogue into a folder: all of it, or nothing."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aisle.catalog.challenge import SPELLINGS
from aisle.catalog.sample.classes import CHALLENGE_ROWS, CHALLENGE_TEST_ROWS
from aisle.catalog.sample.report import SampleReport
from aisle.catalog.sample.writer import CatalogueWriter, Progress
from aisle.errors import InputError, SourceError

_UNFINISHED = ".unfinished"
_ELSEWHERE = "Name an empty folder, or one that does not exist yet."


def write_sample(
    folder: Path,
    *,
    rows: int,
    seed: int,
    test_rows: int | None = None,
    images: bool = True,
    progress: Progress | None = None,
) -> SampleReport:
    """Write a synthetic catalogue: two files of products, one of labels and an archive of pictures.

    The same numbers give the same text files, byte for byte, on every machine; pictures are drawn alike, but their
    bytes may differ between versions of Pillow. Files take their names only when all are whole.

    Args:
        folder: Where to write; it must be empty or not exist yet.
        rows: Training rows, at least 1; from 112 on every class is among them.
        seed: Names the catalogue, at least 0.
        test_rows: Test rows; without it as many for each training row as in the challenge.
        images: Whether to draw pictures.
        progress: Called with the products written and all of them.

    Raises:
        InputError: A number is too small.
        SourceError: The folder is not empty, is no folder, or cannot be written to.
    """
    if test_rows is None:
        test_rows = round(rows * CHALLENGE_TEST_ROWS / CHALLENGE_ROWS)
    for name, value, least in (("rows", rows, 1), ("test_rows", test_rows, 0), ("seed", seed, 0)):
        if value < least:
            raise InputError(f"A synthetic catalogue cannot have {name} = {value}.", hint=f"Give at least {least}.")
    with _unfinished(folder) as unfinished:
        writer = CatalogueWriter(unfinished, seed, images=images, progress=progress)
        return writer.write(SampleReport(folder, rows, test_rows))


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """Lend a folder to write in, and move its files out when all went well; whatever else happens, remove it."""
    unfinished = _claim(folder)
    try:
        yield unfinished
        # The training rows come last: a folder is known as a catalogue by them.
        for path in sorted(unfinished.iterdir(), key=lambda path: (path.name == SPELLINGS["x_train"][0], path.name)):
            path.rename(folder / path.name)
    except OSError as error:
        raise SourceError(
            f"The catalogue could not be written into {folder}: {error.strerror}.",
            hint="Look at the free space and the rights of the folder.",
        ) from error
    finally:
        shutil.rmtree(unfinished)


def _claim(folder: Path) -> Path:
    """Make the folder to write in, which only one run can do, and refuse if anything else lies beside it."""
    unfinished = folder / _UNFINISHED
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished.mkdir()
    except FileExistsError:
        if folder.is_dir():
            raise SourceError(
                f"Another run is writing into {folder}, or was killed while it did.",
                hint=f"If none is, remove {unfinished} and run again.",
            ) from None
        raise SourceError(f"{folder} is a file, not a folder.", hint=_ELSEWHERE) from None
    except OSError as error:
        raise SourceError(f"{folder} cannot be made or written to: {error.strerror}.", hint=_ELSEWHERE) from error
    found = sorted(path.name for path in folder.iterdir() if path != unfinished)
    if found:
        unfinished.rmdir()
        raise SourceError(f"{folder} is not empty: it holds {found[0]}, and nothing is ever overwritten.", hint=_ELSEWHERE)
    return unfinished
