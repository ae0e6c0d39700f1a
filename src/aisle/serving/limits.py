"""How many bytes a request may have, counted as they arrive, and how long they may take."""

import asyncio
import time
from collections.abc import Callable, Collection

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.errors import AisleError, ContentTooLarge, Overloaded, TooSlow
from aisle.serving.problems import aisle_problem

WHOLE = "aisle.whole"
"""The key of a request's scope that says that its body is here to the last byte: nothing is to be waited for."""

_ALWAYS = ("/health", "/metrics", "/ping", "/v2/health/")


class BodyLimit:
    """Refuses a body that is too large: at once if its length is declared, else when the byte too many arrives.

    The declared length alone would not do: a chunked body has none. A body that does not arrive in time is refused too.

    Args:
        app: The application within.
        max_bytes: Bytes accepted in one body.
        receive_s: Seconds that a body may take to arrive.
        streams: Paths whose bodies may be of any length; there the time holds for each piece.
        refuse: What is answered where the declared length is too much.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        receive_s: float = 60.0,
        streams: Collection[str] = (),
        refuse: Callable[[Scope, AisleError], Response] = aisle_problem,
    ) -> None:
        self._app = app
        self._refuse = refuse
        self._max_bytes = max_bytes
        self._receive_s = receive_s
        self._streams = frozenset(streams)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stream = scope.get("path") in self._streams
        declared = _declared_length(scope)
        if not stream and declared > self._max_bytes:
            await self._refuse(scope, self._refusal())(scope, receive, send)
            return
        if declared and WHOLE in scope:
            await self._app(scope, receive, send)
            return
        received = 0
        whole = False
        deadline = time.monotonic() + self._receive_s

        async def counted() -> Message:
            nonlocal received, whole
            if whole:
                # The body is here: what comes now is that the client leaves, and it may take its time.
                return await receive()
            try:
                async with asyncio.timeout(self._receive_s if stream else deadline - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise self._late() from None
            received += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if received > self._max_bytes and not stream:
                raise self._refusal()
            return message

        await self._app(scope, counted, send)

    def _refusal(self) -> ContentTooLarge:
        return ContentTooLarge(
            f"The body has more than {self._max_bytes:,} bytes, which is the limit.",
            hint="Send fewer products or smaller images in one request.",
        )

    def _late(self) -> TooSlow:
        return TooSlow(
            f"The body did not arrive within {self._receive_s:g} seconds, which is the limit.",
            hint="Send it in one go, or less at a time.",
        )


class Admission:
    """Lets so many requests in at once, and turns the others away at once: what piles up is answered too late for all.

    Whoever asks how the server is gets in always.

    Args:
        app: The application within.
        max_concurrent: Requests under way at once.
    """

    def __init__(self, app: ASGIApp, *, max_concurrent: int) -> None:
        self._app = app
        self._max_concurrent = max_concurrent
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["path"].startswith(_ALWAYS):
            await self._app(scope, receive, send)
            return
        if self._inside >= self._max_concurrent:
            error = Overloaded(f"{self._max_concurrent:,} requests are under way already.", hint="Ask again shortly.")
            await aisle_problem(scope, error)(scope, receive, send)
            return
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1


def _declared_length(scope: Scope) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length" and value.isdigit()]
    # Twenty digits are more than any limit, and whole lines of them more than Python would turn into a number.
    return max((int(value[:20]) for value in lengths), default=0)
