import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send

from aisle.errors import ContentTooLarge
from aisle.serving.limits import WHOLE, BodyLimit

LIMIT = 1_000


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Read everything and say how much it was."""
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def call(chunks: Iterable[bytes], headers: list[tuple[bytes, bytes]], **known: Any) -> tuple[int, bytes, int]:
    """Return status and body of the answer, and how many chunks were taken, of a scope with what else is known."""
    pending, sent, taken = list(chunks), [], 0

    async def receive() -> Message:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": pending.pop(0) if pending else b"", "more_body": bool(pending)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "headers": headers, "state": {"request_id": "r-1"}, **known}
    asyncio.run(BodyLimit(echo, max_bytes=LIMIT)(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]), taken


@given(st.lists(st.integers(0, 400).map(bytes), max_size=8))
def test_a_body_passes_whole_exactly_if_it_fits(chunks: list[bytes]) -> None:
    size = sum(map(len, chunks))
    if size <= LIMIT:
        assert call(chunks, [])[:2] == (200, str(size).encode())
    else:
        with pytest.raises(ContentTooLarge, match="1,000 bytes"):
            call(chunks, [])


@pytest.mark.parametrize("length", [b"1001", b"99999999999999999999", b"9" * 6_000])
def test_a_declared_length_beyond_the_limit_is_refused_unread(length: bytes) -> None:
    status, body, taken = call([b"x" * 1_001], [(b"content-length", length)])
    assert (status, taken) == (413, 0)
    assert "1,000 bytes" in json.loads(body)["detail"]


@pytest.mark.parametrize("length", [b"1000", b"0", b"-5", b"many", b"", "²".encode()])
def test_any_other_declared_length_is_left_to_the_count(length: bytes) -> None:
    assert call([b"x" * 10], [(b"content-length", length)])[0] == 200


def test_a_body_that_lies_about_its_length_is_counted_all_the_same() -> None:
    with pytest.raises(ContentTooLarge):
        call([b"x" * 600, b"x" * 600], [(b"content-length", b"10")])


def test_other_protocols_pass() -> None:
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    asyncio.run(BodyLimit(app, max_bytes=1)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_what_is_here_already_is_held_to_its_limit_all_the_same() -> None:
    assert call([b"x" * 900], [(b"content-length", b"900")], **{WHOLE: True})[:2] == (200, b"900")
    assert call([b"x" * 1_001], [(b"content-length", b"1001")], **{WHOLE: True})[0] == 413
    with pytest.raises(ContentTooLarge):
        call([b"x" * 1_001], [(b"transfer-encoding", b"chunked")], **{WHOLE: True})
