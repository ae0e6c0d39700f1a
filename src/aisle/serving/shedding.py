"""Refusing what cannot be done in time before it costs anything: where HTTP is parsed, not where it is answered.

At several times its capacity a server spends its time on saying no. A refusal by the application takes a task, five layers
and a body; here it takes a look at the headers. What is refused here is what the application would refuse a moment later.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import structlog
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from aisle.errors import Overloaded
from aisle.serving.batching import MAX_BYTES
from aisle.serving.joining import Joining
from aisle.serving.limits import WHOLE
from aisle.serving.observation import identity_of
from aisle.serving.problems import aisle_problem
from aisle.serving.routes import predictions
from aisle.serving.service import Service

PATHS = frozenset({predictions.PATH, "/invocations"})
"""Where products are posted; a body of more than `MAX_BYTES` goes to a scoring thread there."""

_EVERY_S = 1.0
_ANYONE = "~" * 32
"""Stands for a request's id, of the length of those that are made here."""

_CODE = Overloaded("").code
_log = structlog.get_logger(__name__)


class Gate:
    """Says which requests are refused unread, and counts them.

    Args:
        service: Whose scoring threads must have room.
    """

    def __init__(self, service: Service) -> None:
        self._scorer = service.scorer
        self._telemetry = service.telemetry
        self._coming = 0
        self._spelled: dict[str, list[bytes]] = {}
        self._refused = 0
        self._told = 0.0

    def concerns(self, path: str, length: int) -> bool:
        """Return whether a post goes to a scoring thread.

        Args:
            path: Its path.
            length: Bytes of its body as declared; 0 where nothing is.
        """
        return length > MAX_BYTES and path in PATHS

    def refuses(self) -> bool:
        """Return whether there is no room for a post that goes to a scoring thread."""
        return self._scorer.room <= self._coming

    def let_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """Keep a place for a request whose task begins in the loop's next turn: others of this turn must not count on it."""
        self._coming += 1
        loop.call_soon(self._has_come)

    def _has_come(self) -> None:
        self._coming -= 1

    def refusal(self, scope: Scope) -> bytes:
        """Return the whole answer to a request that is refused, and count it.

        Args:
            scope: The request's ASGI scope.
        """
        identity, path = identity_of(scope), scope["path"]
        self._telemetry.series("http_requests_total", "POST", path, "503").inc()
        self._telemetry.series("aisle_refusals_total", _CODE).inc()
        self._tell()
        if len(identity) != len(_ANYONE):
            return self._spell(scope, identity)
        if path not in self._spelled:
            self._spelled[path] = self._spell(scope, _ANYONE).split(_ANYONE.encode())
        return identity.encode().join(self._spelled[path])

    def _spell(self, scope: Scope, identity: str) -> bytes:
        answer = aisle_problem({**scope, "state": {"request_id": identity}}, self._scorer.overloaded())
        headers = [*answer.raw_headers, (b"x-request-id", identity.encode())]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        return b"HTTP/1.1 503 Service Unavailable\r\n%b\r\n%b" % (lines, bytes(answer.body))

    def _tell(self) -> None:
        self._refused += 1
        if (now := time.monotonic()) - self._told >= _EVERY_S:
            self._told = now
            _log.warning("refused unread: scoring threads have no room", requests=self._refused)
            self._refused = 0


class SheddingProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, which refuses large requests by itself while there is no room for them.

    It writes an answer in one go, and tells the application of a request that came in one go (`WHOLE`).

    Args:
        gate: Says which.
        parts: What uvicorn makes a protocol of.
    """

    def __init__(self, *, gate: Gate, **parts: Any) -> None:
        super().__init__(**parts)
        self._gate = gate
        self._refusing = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        super().connection_made(cast("asyncio.Transport", Joining(transport, self.loop)))

    def on_headers_complete(self) -> None:
        """Begin to answer a request, or to pass over its body."""
        free = self.cycle is None or self.cycle.response_complete
        plain = self.parser.get_method() == b"POST" and not self.expect_100_continue and not self.parser.should_upgrade()
        path = self.url.partition(b"?")[0].decode("latin-1")
        large = free and plain and self._gate.concerns(path, _declared(self.headers))
        if large and self._gate.refuses():
            self.scope["path"] = path
            self._refusing = True
            return
        super().on_headers_complete()
        if large:
            self._gate.let_in(self.loop)

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        if not self._refusing:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of a request; one that is refused is answered now, and the connection is free for the next."""
        if not self._refusing:
            self.scope[WHOLE] = True  # type: ignore[literal-required]  # servers may add keys of their own
            super().on_message_complete()
            return
        self._refusing = False
        self.transport.write(self._gate.refusal(cast("Scope", self.scope)))
        if not self.parser.should_keep_alive():
            self.transport.close()
            return
        self.on_response_complete()


def shedding(service: Service) -> Callable[..., SheddingProtocol]:
    """Return what makes a connection's protocol, for uvicorn."""
    return partial(SheddingProtocol, gate=Gate(service))


def _declared(headers: list[tuple[bytes, bytes]]) -> int:
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0
