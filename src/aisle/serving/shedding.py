"""Refusing what cannot be done in time before it costs anything: where HTTP is parsed, not where it is answered.

At several times its capacity a server spends its time on saying no. A refusal by the application takes a task, five layers
and a body; here it takes a look at the headers. What is refused here is what the application would refuse a moment later.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import structlog
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from aisle.serving.batching import MAX_BYTES
from aisle.serving.observation import identity_of
from aisle.serving.problems import aisle_problem
from aisle.serving.routes import predictions
from aisle.serving.service import Service

PATHS = frozenset({predictions.PATH, "/invocations"})
"""Where products are posted; a body of more than `MAX_BYTES` goes to a scoring thread there."""

_EVERY_S = 1.0
_log = structlog.get_logger(__name__)


class Gate:
    """Says which requests are refused unread, and counts them.

    Args:
        service: Whose scoring threads must have room.
    """

    def __init__(self, service: Service) -> None:
        self._scorer = service.scorer
        self._telemetry = service.telemetry
        self._refused = 0
        self._told = 0.0

    def refuses(self, path: str, length: int) -> bool:
        """Return whether a post is refused.

        Args:
            path: Its path.
            length: Bytes of its body as declared; 0 where nothing is.
        """
        return self._scorer.is_full and length > MAX_BYTES and path in PATHS

    def refusal(self, scope: Scope) -> bytes:
        """Return the whole answer to a request that is refused, and count it.

        Args:
            scope: The request's ASGI scope.
        """
        identity = identity_of(scope)
        scope["state"] = {"request_id": identity}
        path = scope["path"]
        error = self._scorer.overloaded()
        answer = aisle_problem(scope, error)
        self._telemetry.series("http_requests_total", "POST", path, "503").inc()
        self._telemetry.series("aisle_refusals_total", error.code).inc()
        self._tell()
        lines = b"".join(b"%b: %b\r\n" % header for header in answer.raw_headers)
        return b"HTTP/1.1 503 Service Unavailable\r\n%bx-request-id: %b\r\n\r\n%b" % (
            lines,
            identity.encode(),
            bytes(answer.body),
        )

    def _tell(self) -> None:
        self._refused += 1
        if (now := time.monotonic()) - self._told >= _EVERY_S:
            self._told = now
            _log.warning("refused unread: scoring threads have no room", requests=self._refused)
            self._refused = 0


class SheddingProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, which refuses large requests by itself while there is no room for them.

    Args:
        gate: Says which.
        parts: What uvicorn makes a protocol of.
    """

    def __init__(self, *, gate: Gate, **parts: Any) -> None:
        super().__init__(**parts)
        self._gate = gate
        self._refusing = False

    def on_headers_complete(self) -> None:
        """Begin to answer a request, or to pass over its body."""
        free = self.cycle is None or self.cycle.response_complete
        plain = self.parser.get_method() == b"POST" and not self.expect_100_continue and not self.parser.should_upgrade()
        path = self.url.partition(b"?")[0].decode("latin-1")
        if free and plain and self._gate.refuses(path, _declared(self.headers)):
            self.scope["path"] = path
            self._refusing = True
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        if not self._refusing:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of a request; one that is refused is answered now, and the connection is free for the next."""
        if not self._refusing:
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
