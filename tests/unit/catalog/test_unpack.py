"""Unpacking zip files onto the disk."""

import os
import zipfile
from pathlib import Path

import pytest

from aisle.catalog.unpack import unpack
from aisle.errors import ArchiveError
from tests.unit.catalog.zip_files import CRC, SIZE, forged, zipped

_FILES = {"images/image_train/a.jpg": b"a" * 1000, "images/image_test/b.jpg": os.urandom(2 << 20), "c.txt": b""}


def _unpacked(archive: bytes, folder: Path, *, total: int = 1 << 30, each: int = 1 << 30) -> int:
    path = folder / "images.zip"
    path.write_bytes(archive)
    return unpack(path, folder / "out", max_total_bytes=total, max_member_bytes=each)


def test_every_file_lies_where_the_archive_has_it(tmp_path: Path) -> None:
    assert _unpacked(zipped({"images/": b"", **_FILES}, zipfile.ZIP_DEFLATED), tmp_path) == 3
    out = tmp_path / "out"
    assert {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()} == _FILES
    assert out.stat().st_mode & 0o777 == 0o777 & ~_umask()


def test_an_empty_folder_is_filled_and_a_full_one_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert _unpacked(zipped(_FILES), tmp_path) == 3
    (tmp_path / "out" / "c.txt").write_text("mine")
    with pytest.raises(ArchiveError, match="is there already"):
        _unpacked(zipped(_FILES), tmp_path)
    assert (tmp_path / "out" / "c.txt").read_text() == "mine"


def test_missing_folders_above_are_made(tmp_path: Path) -> None:
    (tmp_path / "images.zip").write_bytes(zipped(_FILES))
    unpack(tmp_path / "images.zip", tmp_path / "a" / "b", max_total_bytes=1 << 30, max_member_bytes=1 << 30)
    assert (tmp_path / "a" / "b" / "c.txt").is_file()


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (zipped({"good.jpg": b"x", "../evil.jpg": b"x"}), "climbs out"),
        (zipped({"good.jpg": b"x", "/evil.jpg": b"x"}), "is absolute"),
        (forged(zipped(_FILES), CRC, 1, record=1), "checksum"),
        (forged(zipped(_FILES), SIZE, 5), "checksum"),
        (zipped({"a": b"x", "a/b": b"x"}), "cannot be unpacked"),
        (zipped({"a/b": b"x", "a": b"x"}), "cannot be unpacked"),
        (zipped({"x" * 300: b"x"}), "cannot be unpacked"),
        (b"no archive", "no zip file"),
    ],
    ids=["climbs", "absolute", "checksum", "size", "file as folder", "folder as file", "long name", "no archive"],
)
def test_a_bad_archive_leaves_nothing_behind(tmp_path: Path, archive: bytes, words: str) -> None:
    with pytest.raises(ArchiveError, match=words):
        _unpacked(archive, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["images.zip"]
    assert not (tmp_path.parent / "evil.jpg").exists()


def test_limits_hold_for_each_file_and_for_all_together(tmp_path: Path) -> None:
    archive = zipped({"a": bytes(100), "b": bytes(100)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(ArchiveError, match="unpacks to 200 bytes, more than 199"):
        _unpacked(archive, tmp_path, total=199)
    with pytest.raises(ArchiveError, match="has 100 bytes, more than 99"):
        _unpacked(archive, tmp_path, each=99)
    with pytest.raises(ArchiveError, match="grows past 150"):
        _unpacked(forged(zipped({"a": bytes(1 << 20)}, zipfile.ZIP_DEFLATED), SIZE, 10), tmp_path, total=1000, each=150)
    assert not (tmp_path / "out").exists()
    assert _unpacked(archive, tmp_path, total=200, each=100) == 2


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "images.zip").write_bytes(zipped(_FILES))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ArchiveError, match="cannot be unpacked to"):
        unpack(tmp_path / "images.zip", tmp_path / "file" / "out", max_total_bytes=1 << 30, max_member_bytes=1 << 30)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
