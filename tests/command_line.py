"""The command line as a person meets it, run in this process: what it prints, where, and how it ends."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import structlog

from aisle.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything that it printed to standard output, with every run of white space as one space."""
        return " ".join(self.out.split())


class CommandLine:
    """Runs `aisle …`; every call reads the settings anew, as a process would."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch
        # Wide enough for every table to stay in one line.
        monkeypatch.setenv("COLUMNS", "240")

    def __call__(self, *arguments: object, given: str = "") -> Ended:
        """Run one command.

        Args:
            arguments: What stands behind `aisle`.
            given: What standard input holds.
        """
        self._capsys.readouterr()
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["aisle", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
            try:
                main()
                status = 0
            except SystemExit as ended:
                status = int(ended.code or 0)
        out, err = self._capsys.readouterr()
        return Ended(status, out, err)

    def ok(self, *arguments: object, given: str = "") -> Ended:
        """Run one command that must succeed."""
        ended = self(*arguments, given=given)
        assert ended.status == 0, ended.err
        return ended

    def refused(self, *arguments: object, given: str = "") -> str:
        """Run one command that must end with a sentence and status 1; return what it says, white space as one space."""
        ended = self(*arguments, given=given)
        assert ended.status == 1, (ended.out, ended.err)
        assert "Error" in ended.err
        assert "Traceback" not in ended.err
        return " ".join(ended.err.split())


@contextmanager
def logging_as_it_was() -> Iterator[None]:
    """Put the process's logging back behind a test that opened an application: it wrote to that test's own stream."""
    before = structlog.get_config()
    try:
        yield
    finally:
        structlog.configure(**before)
