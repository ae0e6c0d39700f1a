"""How many bytes a request may have, counted as they arrive."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.errors import ContentTooLarge
from aisle.serving.problems import aisle_problem


class BodyLimit:
    """Refuses a body that is too large: at once if its length is declared, else when the byte too many arrives.

    The declared length alone would not do: a chunked body has none.

    Args:
        app: The application within.
        max_bytes: Bytes accepted in one body.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared_length(scope) > self._max_bytes:
            await aisle_problem(scope, self._refusal())(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise self._refusal()
            return message

        await self._app(scope, counted, send)

    def _refusal(self) -> ContentTooLarge:
        return ContentTooLarge(
            f"The body has more than {self._max_bytes:,} bytes, which is the limit.",
            hint="Send fewer products or smaller images in one request.",
        )


def _declared_length(scope: Scope) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length" and value.isdigit()]
    # Twenty digits are more than any limit, and whole lines of them more than Python would turn into a number.
    return max((int(value[:20]) for value in lengths), default=0)
