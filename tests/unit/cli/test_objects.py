"""`aisle objects`: the buckets."""

from pathlib import Path

import pytest

from tests.command_line import CommandLine


def test_buckets_are_made_once(aisle: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AISLE_OBJECTS_ARTIFACT_BUCKET", "mine")
    assert aisle.ok("objects", "create").out == "Bucket rakuten-image was made.\nBucket mine was made.\n"
    assert {path.name for path in (tmp_path / ".aisle" / "objects").iterdir()} == {"rakuten-image", "mine"}
    assert aisle.ok("objects", "create").out == "Bucket rakuten-image is there.\nBucket mine is there.\n"


def test_a_store_that_is_not_there_is_an_error(aisle: CommandLine, monkeypatch: pytest.MonkeyPatch):
    for name, value in (
        ("AISLE_OBJECTS_URL", "http://127.0.0.1:1"),
        ("AISLE_OBJECTS_ACCESS_KEY", "a"),
        ("AISLE_OBJECTS_SECRET_KEY", "hunter2"),
        ("AISLE_OBJECTS_TIMEOUT_S", "0.2"),
    ):
        monkeypatch.setenv(name, value)
    said = aisle.refused("objects", "create")
    assert "127.0.0.1:1" in said
    assert "hunter2" not in said
