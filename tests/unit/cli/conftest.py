"""The command line in a home of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import CommandLine, logging_as_it_was
from tests.trained import COMMIT, QUICK, copy_of_trained_home


@pytest.fixture
def aisle(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[CommandLine]:
    """The command line in an empty folder, where nothing was ever done."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("aisle.bootstrap.git_commit", lambda: COMMIT)
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    with logging_as_it_was():
        yield CommandLine(capsys, monkeypatch)


@pytest.fixture
def trained(aisle: CommandLine, tmp_path: Path) -> CommandLine:
    """The command line in a copy of the trained home."""
    copy_of_trained_home(tmp_path / ".aisle")
    return aisle
