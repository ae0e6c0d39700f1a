"""Newline-delimited JSON as it arrives: whole lines out of pieces, none longer than a limit, a bounded number at a time."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.types import Receive

BLOCK_LINES = 64
"""Lines handed on at once."""

_BLOCK_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a stream.

    Args:
        number: Its number, from 1; empty lines count.
        content: Its bytes; `None` where they were more than the limit, and were dropped.
    """

    number: int
    content: bytes | None


class Splitter:
    """Cuts pieces into lines; what it holds is never more than a line, and the piece it was given.

    Args:
        max_bytes: Longest line.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._begun = bytearray()
        self._dropping = False
        self._number = 0

    def feed(self, piece: bytes) -> list[Line]:
        """Return the lines that a piece ends; empty ones are left out."""
        *ended, rest = piece.split(b"\n")
        lines = [line for part in ended if (line := self._end(part)) is not None]
        self._begin(rest)
        return lines

    def finish(self) -> list[Line]:
        """Return the last line, if it has no newline behind it."""
        line = self._end(b"") if self._begun or self._dropping else None
        return [] if line is None else [line]

    def _begin(self, part: bytes) -> None:
        if not self._dropping:
            self._begun += part
            if len(self._begun) > self._max_bytes:
                self._begun.clear()
                self._dropping = True

    def _end(self, part: bytes) -> Line | None:
        self._begin(part)
        self._number += 1
        content = None if self._dropping else bytes(self._begun).strip()
        self._begun.clear()
        self._dropping = False
        return None if content == b"" else Line(self._number, content)


async def blocks(receive: Receive, max_bytes: int) -> AsyncIterator[Sequence[Line]]:
    """Yield the lines of a request's body as they come, some at a time; nothing is read on before a block is done with.

    Args:
        receive: Gives the request's messages.
        max_bytes: Longest line.

    Raises:
        ClientDisconnect: The client left before the body's end.
    """
    splitter = Splitter(max_bytes)
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        more = message.get("more_body", False)
        lines = splitter.feed(message.get("body", b""))
        if not more:
            lines += splitter.finish()
        for block in _cut(lines):
            yield block


def _cut(lines: Sequence[Line]) -> list[Sequence[Line]]:
    found: list[list[Line]] = []
    size = 0
    for line in lines:
        size += len(line.content or b"")
        if not found or len(found[-1]) == BLOCK_LINES or size > _BLOCK_BYTES:
            found.append([])
            size = len(line.content or b"")
        found[-1].append(line)
    return [*found]
