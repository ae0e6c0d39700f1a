"""An answer's head and body in one write: uvicorn hands them over one by one, and each hand-over asks the kernel."""

import asyncio
from typing import Any


class Joining:
    """A connection's transport that keeps a write until the next one, or until the event loop's next turn.

    A stream's lines arrive no later than before: what nothing follows in this turn is written at its end.

    Args:
        transport: What writes.
        loop: The event loop that it belongs to.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._kept = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write what was kept and this, or keep this."""
        if self._kept:
            kept, self._kept = self._kept, b""
            self._transport.write(kept + data)
        elif data:
            self._kept = data
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what is kept, unless the client has left."""
        kept, self._kept = self._kept, b""
        if kept and not self._transport.is_closing():
            self._transport.write(kept)

    def close(self) -> None:
        """Write what is kept, and close."""
        self.flush()
        self._transport.close()
