"""Where a catalogue's images lie: a zip file or a folder, both read by split and name and never outside themselves."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from aisle.catalog.member_names import naming_fault
from aisle.catalog.zip_index import ZipIndex
from aisle.errors import ArchiveError, ImageProblem

_SPLIT_FOLDERS = {"train": "image_train", "test": "image_test"}
_LINK = "It is refused because it may lead outside the catalogue; copy what it leads to."


class ImageArchive(Protocol):
    """The images of one catalogue; `read` may be called from many threads at once."""

    @property
    def count(self) -> int:
        """How many files it holds."""

    def read(self, split: str, name: str, limit: int) -> bytes:
        """Return an image file's bytes.

        Args:
            split: `train` or `test` for the challenge's folders, another folder's name, or nothing for the top.
            name: The file's name, which may name folders below that.
            limit: Most bytes that it may have.

        Raises:
            ImageProblem: The file is missing, too large or damaged, or its name is unsafe.
        """

    def digest(self) -> str:
        """Return a digest of what it holds, whatever the order, without reading the images themselves."""

    def close(self) -> None:
        """Let go of what is open; nothing may be read afterwards."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_images(folder: Path) -> ImageArchive | None:
    """Open a catalogue folder's `images.zip`, or else its unpacked `images/`; None where it has neither.

    Raises:
        ArchiveError: The archive is damaged or hostile, or `images` is a link.
    """
    if (folder / "images.zip").is_file():
        return ZipImages(folder / "images.zip")
    images = folder / "images"
    if images.is_symlink():
        raise ArchiveError(f"{images} is a symbolic link.", hint=_LINK)
    return FolderImages(images) if images.is_dir() else None


def open_image_path(path: Path) -> ImageArchive:
    """Open a zip file or a folder of images, whatever its name.

    Raises:
        ArchiveError: There is nothing, or the archive is damaged or hostile.
    """
    if path.is_dir():
        return FolderImages(path)
    if path.is_file():
        return ZipImages(path)
    raise ArchiveError(f"There is neither an archive nor a folder of images at {path}.", hint="Check its spelling.")


class _Images:
    """What both kinds share: the layouts in which names are looked up, and closing at the end of a `with` block."""

    def close(self) -> None:
        """Let go of what is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @staticmethod
    def _places(split: str, name: str) -> tuple[str, str]:
        """Return the names under which an image may lie, the likelier first."""
        folder = _SPLIT_FOLDERS.get(split, split)
        place = f"{folder}/{name}" if folder else name
        if fault := naming_fault(place):
            raise ImageProblem("unsafe", f"The image name {name!r} {fault}.")
        return place, f"images/{place}"

    @staticmethod
    def _missing(split: str, name: str) -> ImageProblem:
        return ImageProblem("missing", f"There is no image {name!r}{f' for {split}' if split else ''}.")


class ZipImages(_Images):
    """Images in a zip file, at its top or below `images/`.

    Args:
        path: The zip file.

    Raises:
        ArchiveError: It is damaged or hostile.
    """

    def __init__(self, path: Path) -> None:
        self._index = ZipIndex(path)

    @property
    def count(self) -> int:
        """How many files it holds."""
        return self._index.count

    def read(self, split: str, name: str, limit: int) -> bytes:
        """Return an image file's bytes; see `ImageArchive.read`."""
        top, below = self._places(split, name)
        # Nearly every archive has the folder `images`, so that is where to look first.
        member = self._index.find(below) or self._index.find(top)
        if member is None:
            raise self._missing(split, name)
        return self._index.read(member, limit)

    def digest(self) -> str:
        """Return a digest of all names, sizes and checksums, whatever their order."""
        return _set_digest(f"{m.name}\0{m.size}\0{m.crc}".encode() for m in self._index.members() if not m.is_folder)

    def close(self) -> None:
        """Close the file."""
        self._index.close()


class FolderImages(_Images):
    """Images in a folder; links below it are never followed.

    Args:
        folder: The folder, or one that has it as `images`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def count(self) -> int:
        """How many files it holds; counted anew each time."""
        return sum(1 for _ in _files_below(self._folder))

    def read(self, split: str, name: str, limit: int) -> bytes:
        """Return an image file's bytes; see `ImageArchive.read`."""
        for place in self._places(split, name):
            try:
                file = self._opened(place)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise ImageProblem("damaged", f"The image {name!r} cannot be opened: {error.strerror}.") from error
            try:
                return _content(file, name, limit)
            finally:
                os.close(file)
        raise self._missing(split, name)

    def digest(self) -> str:
        """Return a digest of all names and sizes, whatever their order and dates."""
        return _set_digest(f"{name}\0{size}".encode("utf-8", "surrogateescape") for name, size in _files_below(self._folder))

    def _opened(self, place: str) -> int:
        """Open a file folder by folder, so that no link on the way can be swapped in between a check and its use."""
        *folders, last = place.split("/")
        here = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                above, here = here, self._below(here, folder, os.O_DIRECTORY)
                os.close(above)
            return self._below(here, last, os.O_NONBLOCK)
        finally:
            os.close(here)

    @staticmethod
    def _below(folder: int, name: str, flags: int) -> int:
        try:
            return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
        except OSError as error:
            # Linux reports a link as ELOOP, or as ENOTDIR where a folder was asked for.
            if error.errno in {errno.ELOOP, errno.ENOTDIR} and stat.S_ISLNK(
                os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            ):
                raise ImageProblem("unsafe", f"{name!r} is a symbolic link.") from error
            raise


def _content(file: int, name: str, limit: int) -> bytes:
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise ImageProblem("unsafe", f"The image {name!r} is no plain file.")
    if status.st_size > limit:
        raise ImageProblem("too_large", f"The image {name!r} has {status.st_size} bytes, more than {limit}.")
    with os.fdopen(file, "rb", closefd=False) as stream:
        return stream.read(limit)


def _files_below(folder: Path) -> Iterator[tuple[str, int]]:
    """Give the relative name and the size of every plain file, in no order; links are left out."""
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        with os.scandir(folder / prefix) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{prefix}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    yield prefix + entry.name, entry.stat(follow_symlinks=False).st_size


def _set_digest(items: Iterable[bytes]) -> str:
    """Return a digest that does not depend on the items' order, in constant memory: the sum of their sha256."""
    count = total = 0
    for item in items:
        count += 1
        total += int.from_bytes(hashlib.sha256(item).digest())
    return hashlib.sha256(f"{count}\0{total % (1 << 256)}".encode()).hexdigest()
