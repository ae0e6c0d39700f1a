"""A site that serves the challenge's files and misbehaves as told: a real HTTP server on a real socket of this machine."""

import socket
import struct
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self


@dataclass(frozen=True)
class Reply:
    """How one request is answered.

    Args:
        body: The whole file; the part that a request asks for is cut out of it.
        status: Status of the answer to a request for the whole.
        headers: Headers beside the length; `ETag` decides on `If-Range`.
        ranges: Whether requests for a part are honoured.
        send: How many bytes of the answer are sent before its end; all by default.
        end: What happens then: the connection is closed, goes silent or is reset.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    ranges: bool = True
    send: int | None = None
    end: Literal["close", "stall", "reset"] = "close"


@dataclass(frozen=True)
class Received:
    """One request: the last part of its path, and its headers."""

    address: str
    headers: Mapping[str, str]


class ChallengeServer:
    """Answers each address by its replies in turn; the last one stays."""

    def __init__(self, replies: Mapping[str, Sequence[Reply]]) -> None:
        self.received: list[Received] = []
        self.closing = threading.Event()
        self.read = threading.Event()
        """Set by a client that has read something: a reset before that would take the bytes on their way with it."""
        self._replies = {address: list(turns) for address, turns in replies.items()}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.site = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """Where the files lie."""
        return f"http://127.0.0.1:{self._server.server_port}/download/"

    def asked(self, address: str) -> list[Mapping[str, str]]:
        """Return the headers of every request for an address."""
        return [request.headers for request in self.received if request.address == address]

    def answer(self, address: str, headers: Mapping[str, str]) -> Reply:
        """Note a request, and take the reply that is next."""
        with self._lock:
            self.received.append(Received(address, headers))
            turns = self._replies.get(address, [Reply(status=404)])
            return turns.pop(0) if len(turns) > 1 else turns[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    site: ChallengeServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that have gone away: that is what they are tested for."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        site = self.server.site
        reply = site.answer(self.path.rpartition("/")[2], dict(self.headers.items()))
        status, body, more = self._cut(reply)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **reply.headers, **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = reply.send is not None or reply.end != "close"
        self.wfile.write(body[: reply.send])
        self.wfile.flush()
        if reply.end == "stall":
            site.closing.wait(10)
        if reply.end == "reset":
            site.read.wait(2 if reply.send else 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def _cut(self, reply: Reply) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers for the part that was asked for, as RFC 9110 has it."""
        asked, condition = self.headers.get("Range"), self.headers.get("If-Range")
        versions = {reply.headers.get("ETag"), reply.headers.get("Last-Modified")}
        if reply.status != 200 or not reply.ranges or asked is None or (condition and condition not in versions):
            return reply.status, reply.body, {}
        start, size = int(asked.removeprefix("bytes=").removesuffix("-")), len(reply.body)
        if start >= size:
            return 416, b"", {"Content-Range": f"bytes */{size}"}
        return 206, reply.body[start:], {"Content-Range": f"bytes {start}-{size - 1}/{size}"}

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Keep quiet."""
