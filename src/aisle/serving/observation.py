"""What is seen of every request: its id, its rate, errors and duration, and one line in the log."""

import os
import re
import time
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.telemetry import Telemetry

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~-]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET = ("/health/", "/metrics")
_UNMATCHED = "unmatched"
_MAX_PATH = 200
_DRAWN = 256
_log = structlog.get_logger(__name__)


class Observation:
    """Gives every request an id, counts it and logs it.

    A client's own `X-Request-ID` is kept if it has 1 to 128 letters, digits, `.`, `_`, `~` or `-`; else one is made. The
    labels of the metrics are bounded: known methods, route templates and statuses, never what a client wrote.

    Args:
        app: The application within.
        telemetry: Where the counts go.
        max_lines: Lines a second in the log for one route and status; the next line's `unlogged` counts the others.
    """

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry, max_lines: int) -> None:
        self._app = app
        self._telemetry = telemetry
        self._lines = _Lines(max_lines)
        self._durations = telemetry.histogram("http_request_duration_seconds")
        self._in_progress = telemetry.gauge("http_requests_in_progress")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identity = identity_of(scope)
        scope.setdefault("state", {})["request_id"] = identity
        structlog.contextvars.bind_contextvars(request_id=identity)
        started = time.perf_counter()
        # An error that nobody turned into an answer leaves this as it is; the outermost layer then answers just that.
        status = 500

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", identity.encode())]
            await send(message)

        self._in_progress.inc()
        try:
            await self._app(scope, receive, named)
        finally:
            self._in_progress.dec()
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        handler = getattr(scope.get("route"), "path", _UNMATCHED)
        self._telemetry.series("http_requests_total", method, handler, str(status)).inc()
        self._telemetry.timing("http_request_duration_seconds", method, handler).observe(seconds)
        unlogged = self._lines.take(handler, status)
        if unlogged is None:
            return
        log = _log.debug if handler.startswith(_QUIET) else _log.info
        details: dict[str, Any] = {"path": _raw_path(scope)} if handler == _UNMATCHED else {}
        if unlogged:
            details["unlogged"] = unlogged
        log("request", method=method, handler=handler, status=status, ms=round(seconds * 1000, 2), **details)


class _Ids:
    """New ids from randomness that is fetched for many at once: each call of the kernel hands the interpreter to others."""

    def __init__(self) -> None:
        self._waiting: list[str] = []

    def take(self) -> str:
        """Return an id of 32 hexadecimal digits."""
        try:
            return self._waiting.pop()
        except IndexError:
            drawn = os.urandom(_DRAWN * 16).hex()
            self._waiting = [drawn[start : start + 32] for start in range(32, len(drawn), 32)]
            return drawn[:32]


class _Lines:
    """How many lines the log may still get in this second: at thousands of requests it would cost more than the answers."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._second = 0
        self._written: dict[tuple[str, int], int] = {}
        self._left_out: dict[tuple[str, int], int] = {}

    def take(self, handler: str, status: int) -> int | None:
        """Return how many lines were left out since the last one like this, or None where this one is left out too."""
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            self._written.clear()
        key = (handler, status)
        written = self._written[key] = self._written.get(key, 0) + 1
        if written > self._most:
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return None
        return self._left_out.pop(key, 0)


_NEW = _Ids()


def identity_of(scope: Scope) -> str:
    """Return a request's id: its client's own if that is a proper one, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return _NEW.take()


def _raw_path(scope: Scope) -> str:
    # As it came over the wire, percent signs and all: a decoded path could carry line ends into the log.
    return str(scope.get("raw_path", b"")[:_MAX_PATH], "ascii", "backslashreplace")
