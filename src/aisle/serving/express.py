"""A short way for the requests that come most often: past the router and its dependencies, with the same answers.

The routes stay what they are, for the document and for every request that is anything but plain.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from aisle.errors import AisleError
from aisle.serving.problems import CLIENT_CLOSED, aisle_problem

_TOP = re.compile(rb"top=([1-9][0-9]?)")
_PLAIN = b"application/json"

Answer = Callable[[Scope, bytes, int | None], Awaitable[bytes]]
"""Makes an answer's JSON of a request's scope, body and how many categories it asks for."""


@dataclass(frozen=True, slots=True)
class Handler:
    """What `Observation` names a request by, as the router's own routes are named."""

    path: str


class Express:
    """Answers plain JSON that is posted to one path by itself, and leaves every other request to the application.

    Args:
        app: The application within.
        path: The path.
        answer: Makes the answers.
    """

    def __init__(self, app: ASGIApp, *, path: str, answer: Answer) -> None:
        self._app = app
        self._handler = Handler(path)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["path"] != self._handler.path or scope["method"] != "POST" or not _plain(scope):
            await self._app(scope, receive, send)
            return
        top = None
        if query := scope["query_string"]:
            if (found := _TOP.fullmatch(query)) is None:
                await self._app(scope, receive, send)
                return
            top = int(found[1])
        scope["route"] = self._handler
        try:
            answer = await self._answer(scope, await read_body(receive), top)
        except AisleError as error:
            await aisle_problem(scope, error)(scope, receive, send)
        except ClientDisconnect:
            await Response(status_code=CLIENT_CLOSED)(scope, receive, send)
        else:
            headers = [(b"content-length", b"%d" % len(answer)), (b"content-type", _PLAIN)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": answer})


async def read_body(receive: Receive) -> bytes:
    """Return a request's whole body.

    Raises:
        ClientDisconnect: The client left before its end.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        return body
    parts = []
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()
    raise ClientDisconnect


def _plain(scope: Scope) -> bool:
    kind = b""
    for name, value in scope["headers"]:
        if name == b"content-type":
            kind = value
        elif name == b"content-encoding":
            return False
    return kind == _PLAIN
