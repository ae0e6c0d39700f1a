"""Unpacking a zip file onto the disk: all of it below one folder and within limits, or nothing."""

import tempfile
from contextlib import closing
from pathlib import Path

from aisle.catalog.zip_directory import HOSTILE, Member
from aisle.catalog.zip_index import ZipIndex
from aisle.errors import ArchiveError, ImageProblem


def count_files(zip_path: Path) -> int:
    """Return the number of files in a zip file, without reading them.

    Raises:
        ArchiveError: Its directory is damaged or hostile.
    """
    with closing(ZipIndex(zip_path)) as index:
        return index.count


def unpack(zip_path: Path, folder: Path, *, max_total_bytes: int, max_member_bytes: int, keep: bool = False) -> int:
    """Unpack a zip file into a new folder that appears only when it is complete, and return the number of files.

    Args:
        zip_path: The zip file.
        folder: Where to; it must not exist yet, or be empty.
        max_total_bytes: Most bytes that all files together may have.
        max_member_bytes: Most bytes that one file may have.
        keep: Whether a folder that holds as many files already is left as it is.

    Raises:
        ArchiveError: The archive is damaged, hostile or too large, or the folder cannot be written.
    """
    if keep and folder.is_dir() and sum(path.is_file() for path in folder.rglob("*")) == (files := count_files(zip_path)):
        return files
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArchiveError(f"{folder} is there already.", hint="Remove it, or name another.")
    with closing(ZipIndex(zip_path)) as index:
        if (total := sum(member.size for member in index.members())) > max_total_bytes:
            raise ArchiveError(f"{zip_path} unpacks to {total} bytes, more than {max_total_bytes}.", hint=HOSTILE)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as aside:
                made = Path(aside, "content")
                made.mkdir()
                for member in index.members():
                    if not member.is_folder:
                        _write(index, member, made / member.name, max_member_bytes)
                made.rename(folder)
        except ImageProblem as problem:
            raise ArchiveError(f"{zip_path} cannot be unpacked: {problem.message}", hint=HOSTILE) from problem
        except OSError as error:
            raise ArchiveError(f"{zip_path} cannot be unpacked to {folder}: {error.strerror}.") from error
        return index.count


def _write(index: ZipIndex, member: Member, path: Path, limit: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.writelines(index.blocks(member, limit))
