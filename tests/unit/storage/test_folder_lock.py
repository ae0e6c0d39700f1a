from pathlib import Path

import pytest

from aisle.errors import BackupError, DownloadError
from aisle.storage.folder_lock import alone_in


def test_a_second_one_is_refused_and_a_later_one_is_not(tmp_path: Path):
    folder = tmp_path / "made" / "here"
    refused = pytest.raises(BackupError, match=f"Another backup into {folder} is under way")
    with alone_in(folder, "backup", BackupError):
        assert folder.is_dir()
        with refused as caught, alone_in(folder, "backup", BackupError):
            raise AssertionError("two at once")
    assert "Wait for it" in caught.value.hint
    with alone_in(folder, "download", DownloadError):
        assert folder.is_dir()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    refused = pytest.raises(DownloadError, match="file/folder cannot be written: Not a directory")
    with refused as caught, alone_in(tmp_path / "file" / "folder", "download", DownloadError):
        raise AssertionError("there is no folder")
    assert "name another folder" in caught.value.hint


def test_what_the_disk_refuses_inside_is_told_in_words(tmp_path: Path):
    refused = pytest.raises(BackupError, match="x cannot be written: No space left")
    with refused, alone_in(tmp_path, "backup", BackupError):
        raise OSError(28, "No space left on device", "x")


def test_the_lock_is_given_back_after_an_error(tmp_path: Path):
    with pytest.raises(RuntimeError), alone_in(tmp_path, "backup", BackupError):
        raise RuntimeError("anything")
    with alone_in(tmp_path, "backup", BackupError):
        assert tmp_path.is_dir()
