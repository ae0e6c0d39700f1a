"""`aisle backup`, `aisle restore` and `aisle doctor`, as a person meets them."""

from pathlib import Path

import orjson

from tests.command_line import CommandLine


def test_a_trained_home_comes_back_whole(trained: CommandLine, tmp_path: Path):
    text = trained.ok("backup", "backups", "--name", "one").text
    assert "Backup backups/one: " in text
    digest = text.rpartition("Digest ")[2]
    assert trained.ok("restore", "backups/one", "--check").text == f"Whole: backups/one Digest {digest}"
    assert "is not empty" in trained.refused("restore", "backups/one")

    (tmp_path / ".aisle").rename(tmp_path / "lost")
    assert trained.ok("restore", "backups/one").text == f"Restored: backups/one Digest {digest}"
    assert trained.ok("backup", "backups", "--name", "two").text.endswith(digest)
    assert "version 1" in trained.ok("doctor").text


def test_the_newest_backups_are_kept(aisle: CommandLine):
    for name in ("one", "two"):
        assert aisle.ok("backup", "b", "--name", name, "--quiet").out == f"b/{name}\n"
    assert "Removed: one, two" in aisle.ok("backup", "b", "--name", "three", "--keep", 1).text


def test_what_cannot_be_backed_up_or_restored_is_told(aisle: CommandLine, tmp_path: Path):
    assert "'../one' is no name of a backup" in aisle.refused("backup", "b", "--name", "../one")
    assert "no backup at nowhere" in aisle.refused("restore", "nowhere")
    (tmp_path / "file").write_text("")
    assert "cannot be written" in aisle.refused("backup", "file")


def test_a_check_up_is_a_table_for_people_and_json_for_programs(trained: CommandLine, monkeypatch):
    assert "Nothing is in the way." in trained.ok("doctor").text
    found = orjson.loads(trained.ok("doctor", "--json").out)
    assert {"name", "state", "detail", "remedy"} == set(found[0])
    monkeypatch.setenv("AISLE_TRACKING_URL", "http://127.0.0.1:1")
    ended = trained("doctor")
    assert ended.status == 1
    assert "1 of 10 failed." in ended.text
    assert "Check AISLE_TRACKING_URL" in ended.text
