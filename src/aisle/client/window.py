"""A piece of a stream: some lines that are sent together, and answered before the next ones are sent.

A client that sends without reading stops when all buffers between it and the server are full of answers. Pieces are small
enough that they are sent whole whatever the server does, and so can be repeated.
"""

import msgspec

from aisle.client.items import Item, StreamResult

_MAX_LINES = 256
_MAX_BYTES = 48_000


class Window:
    """Collects products until they are a piece, and reads its answer; lines are numbered through all pieces."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._bytes = 0
        self._sent = 0
        self._first = 0

    def add(self, item: Item) -> bool:
        """Add a product, and return whether the piece is full."""
        identity = str(self._sent + len(self._lines)) if item.id is None else item.id
        line = msgspec.json.encode({**item.to_json(), "id": identity}) + b"\n"
        self._lines.append(line)
        self._bytes += len(line)
        return len(self._lines) >= _MAX_LINES or self._bytes >= _MAX_BYTES

    def take(self) -> bytes:
        """Return the piece, and begin another."""
        body = b"".join(self._lines)
        self._first = self._sent
        self._sent += len(self._lines)
        self._lines.clear()
        self._bytes = 0
        return body

    def read(self, answer: bytes) -> list[StreamResult]:
        """Return the results of the piece that was taken last."""
        results = [msgspec.json.decode(line, type=StreamResult) for line in answer.splitlines()]
        return [msgspec.structs.replace(result, line=self._first + result.line) for result in results]
