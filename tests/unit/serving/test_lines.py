import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect
from starlette.types import Message

from aisle.serving.lines import BLOCK_LINES, Line, Splitter, blocks


@given(st.lists(st.binary(max_size=30)), st.integers(1, 12))
def test_however_a_body_is_cut_its_lines_are_the_same(pieces: list[bytes], limit: int) -> None:
    body = b"".join(pieces)
    splitter = Splitter(limit)
    found = [line for piece in pieces for line in splitter.feed(piece)] + splitter.finish()
    whole = [Line(n, part.strip() if len(part) <= limit else None) for n, part in enumerate(body.split(b"\n"), 1)]
    assert found == [line for line in whole if line.content != b""]


def test_an_endless_line_takes_no_room() -> None:
    splitter = Splitter(1_000)
    for _ in range(1_000):
        assert splitter.feed(b"x" * 900) == []
        assert len(splitter._begun) <= 1_000
    assert splitter.feed(b"\nshort\n") == [Line(1, None), Line(2, b"short")]


def read(messages: Sequence[Message]) -> list[Sequence[Line]]:
    waiting = iter(messages)

    async def receive() -> Message:
        return next(waiting)

    async def collected() -> list[Sequence[Line]]:
        return [block async for block in blocks(receive, 100)]

    return asyncio.run(collected())


def piece(body: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_piece_of_many_lines_comes_in_blocks() -> None:
    found = read([piece(b"a\n" * (BLOCK_LINES * 2 + 1)), piece(b"end", more=False)])
    assert [len(block) for block in found] == [BLOCK_LINES, BLOCK_LINES, 1, 1]
    assert [line.number for block in found for line in block] == list(range(1, BLOCK_LINES * 2 + 3))


def test_a_client_that_leaves_ends_it() -> None:
    with pytest.raises(ClientDisconnect):
        read([piece(b"a\nb"), {"type": "http.disconnect"}])
