"""`aisle database`: there, back again, and never by accident."""

from pathlib import Path

import pytest

from tests.command_line import CommandLine


def test_a_database_is_migrated_checked_and_reverted(aisle: CommandLine, tmp_path: Path):
    address = f"sqlite:///{tmp_path}/.aisle/aisle.db"
    assert "is at nothing" in aisle.refused("database", "check")
    first = aisle.ok("database", "migrate").out
    assert first.startswith(f"{address} is at revision ")
    assert aisle.ok("database", "migrate").out == first
    assert aisle.ok("database", "check").out == f"{address} is ready.\n"
    assert aisle.ok("database", "revert", "base", "--yes").out == f"{address} is at revision base.\n"
    said = aisle.refused("database", "check")
    assert "is at nothing" in said
    assert "Run `aisle database migrate`." in said
    assert aisle.ok("database", "migrate").out == first


def test_a_revert_asks_first(trained: CommandLine):
    ended = trained("database", "revert", "base", given="n\n")
    assert ended.status == 1
    assert "lose what came later?" in ended.out + ended.err
    assert "champion" in trained.ok("models", "list").out
    trained.ok("database", "revert", "base", given="y\n")
    assert "champion" not in trained.ok("models", "list").out


def test_a_revision_that_is_none_is_refused_and_changes_nothing(trained: CommandLine):
    assert "cannot go back to 'nonsense'" in trained.refused("database", "revert", "nonsense", "--yes")
    trained.ok("database", "check")
    assert "champion" in trained.ok("models", "list").out


def test_a_server_that_is_not_there_is_an_error_without_its_password(aisle: CommandLine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AISLE_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:1/shop")
    for command in (("database", "check"), ("database", "migrate"), ("models", "list")):
        said = aisle.refused(*command)
        assert "postgresql://me:***@127.0.0.1:1/shop cannot be used" in said
        assert "hunter2" not in said


@pytest.mark.servers
def test_a_server_is_migrated_on_purpose_only(aisle: CommandLine, postgres_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AISLE_DATABASE_URL", postgres_url)
    assert "Run `aisle database migrate`." in aisle.refused("models", "list")
    aisle.ok("database", "migrate")
    aisle.ok("models", "list")
    aisle.ok("database", "check")
    aisle.ok("database", "revert", "base", "--yes")
