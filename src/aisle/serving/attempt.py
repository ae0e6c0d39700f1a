"""Runs something that may fail in ways nobody thought of, where its failure must not end what runs it."""

from types import TracebackType
from typing import Self


class Attempt:
    """Runs a block and keeps its error, whatever it is.

    >>> with Attempt() as made:
    ...     _ = 1 // 0
    >>> made.error
    ZeroDivisionError('integer division or modulo by zero')
    """

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if isinstance(error, Exception):
            self.error = error
            return True
        return False
