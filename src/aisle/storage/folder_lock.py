"""One process at a time in a folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aisle.errors import AisleError


@contextmanager
def alone_in(folder: Path, what: str, error: type[AisleError]) -> Iterator[None]:
    """Hold a lock on a folder, which is made if need be, and turn the disk's refusals into words.

    Args:
        folder: The folder.
        what: What is done there, for whoever is refused, as `download`.
        error: What is raised when somebody else does it there already, or the disk refuses something.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(lock)
    except BlockingIOError as busy:
        raise error(f"Another {what} into {folder} is under way.", hint="Wait for it, or stop it.") from busy
    except OSError as refused:
        raise error(
            f"{refused.filename or folder} cannot be written: {refused.strerror}.",
            hint="Make room, or name another folder.",
        ) from refused
