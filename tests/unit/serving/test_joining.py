import asyncio
from typing import Any, cast

import pytest

from aisle.serving.joining import Joining


class Written:
    """A transport that notes each write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def joined(*steps: bytes | str) -> Written:
    """Do some writes, `turn`s of the loop and `close`s, then one more turn."""
    written = Written()

    async def scenario() -> None:
        transport = Joining(cast("asyncio.Transport", written), asyncio.get_running_loop())
        for step in (*steps, "turn"):
            if isinstance(step, bytes):
                transport.write(step)
            elif step == "turn":
                await asyncio.sleep(0)
            elif step == "leave":
                written.closed = True
            else:
                transport.close()

    asyncio.run(scenario())
    return written


@pytest.mark.parametrize(
    ("steps", "writes"),
    [
        ((b"head", b"body"), [b"headbody"]),
        ((b"head",), [b"head"]),
        ((b"head", b""), [b"head"]),
        ((b"head", "turn", b"line", "turn", b"line"), [b"head", b"line", b"line"]),
        ((b"a", b"b", b"c", b"d"), [b"ab", b"cd"]),
        ((b"a", b"b", b"c"), [b"ab", b"c"]),
        ((b"head", "close"), [b"head"]),
        ((b"head", "leave"), []),
        ((b"",), []),
    ],
)
def test_two_writes_of_a_turn_are_one_and_none_waits_for_longer(steps: tuple[Any, ...], writes: list[bytes]) -> None:
    assert joined(*steps).writes == writes


def test_everything_else_is_the_transport_s() -> None:
    transport = joined(b"a", "close")
    assert transport.closed
