"""The search's memory: every attempt as one line of JSON, so that a search that was killed goes on where it was."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import orjson

from aisle.digest import json_digest
from aisle.errors import TrainingError
from aisle.training.search.plan import SearchPlan
from aisle.training.search.trial import Attempt

_FORMAT = 1


class Journal:
    """The attempts of one search, in a file that is only ever added to; made by `open_journal`.

    Args:
        file: The file, open for writing at its end and locked.
        attempts: What it held.
    """

    def __init__(self, file: FileIO, attempts: Mapping[tuple[str, int], Attempt]) -> None:
        self._file = file
        self._attempts = dict(attempts)

    def __len__(self) -> int:
        return len(self._attempts)

    def find(self, trial_id: str, rung: int) -> Attempt | None:
        """Return the attempt on record for a trial on a rung."""
        return self._attempts.get((trial_id, rung))

    def add(self, attempt: Attempt) -> None:
        """Write an attempt to the disk; it is there when this returns."""
        _write_line(self._file, attempt.to_json())
        self._attempts[attempt.trial.id, attempt.rung] = attempt


@contextmanager
def open_journal(folder: Path, *, snapshot: str, configuration: str, commit: str, plan: SearchPlan) -> Iterator[Journal]:
    """Open the journal of one search, and keep every other process out of it meanwhile.

    A last line that was torn by a kill is cut off; its trial is run again.

    Args:
        folder: Where journals lie; made where it is missing.
        snapshot: Digest of the data.
        configuration: Digest of everything that the training is steered by.
        commit: The program's commit.
        plan: What is searched.

    Raises:
        TrainingError: Another process is at the same search, or the file is damaged.
    """
    key = {"format": _FORMAT, "snapshot": snapshot, "configuration": configuration, "commit": commit, "plan": plan.digest}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"search-{json_digest(key)[:32]}.jsonl"
    # Unbuffered: a line is one write, and what was written is not written twice.
    with path.open("ab+", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingError(
                f"Another process is at the same search: it holds {path}.", hint="Wait for it to end, or stop it."
            ) from None
        file.seek(0)
        lines, whole = _whole_lines(file.read())
        file.truncate(whole)
        if not lines:
            _write_line(file, key)
            _sync_folder(folder)
        yield Journal(file, _attempts(lines, key, path))


def _whole_lines(data: bytes) -> tuple[list[bytes], int]:
    """Return the lines that were written to their end, and how many bytes that is."""
    whole = data.rfind(b"\n") + 1
    return data[:whole].splitlines(), whole


def _attempts(lines: list[bytes], key: Mapping[str, Any], path: Path) -> dict[tuple[str, int], Attempt]:
    attempts = {}
    for number, line in enumerate(lines, start=1):
        try:
            content = orjson.loads(line)
            attempt = Attempt.from_json(content) if number > 1 else None
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(path, number) from error
        if attempt is not None:
            attempts[attempt.trial.id, attempt.rung] = attempt
        elif content != key:
            raise _damaged(path, number)
    return attempts


def _damaged(path: Path, number: int) -> TrainingError:
    return TrainingError(
        f"Line {number} of the search's journal {path} is damaged.", hint="Delete the file; the search then begins anew."
    )


def _write_line(file: FileIO, content: Mapping[str, Any]) -> None:
    line = orjson.dumps(content) + b"\n"
    try:
        written = file.write(line)
        os.fsync(file.fileno())
    except OSError as error:
        raise _unwritten(file, error.strerror) from error
    if written != len(line):
        raise _unwritten(file, f"{written} of {len(line)} bytes were taken")


def _unwritten(file: FileIO, why: str | None) -> TrainingError:
    return TrainingError(
        f"The search's journal {file.name} cannot be written: {why}.",
        hint="Make room on its disk, and run the search again.",
    )


def _sync_folder(folder: Path) -> None:
    """Make a new file's name as lasting as its content."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
