"""What a full server does with large requests, asked over real connections."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from aisle.serving.server import listen, make_server
from aisle.serving.shedding import Gate
from aisle.settings import Serving
from tests.unit.serving.fakes import SLOW, FakeChampions, FakeModel, make_app

LARGE = json.dumps({"products": [{"title": "x" * 100}] * 60}).encode()
SMALL = b'{"title": "a"}'
HOLDING = json.dumps({"title": SLOW}).encode()


def posted(body: bytes, *lines: str, path: str = "/v1/predictions") -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


class Peer:
    """A client that sees every byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        return int(head[0].split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        self.writer.write(request)
        return await self.answer()


@asynccontextmanager
async def full_server(delay_s: float = 0.6) -> AsyncIterator[tuple[FakeModel, "Connect"]]:
    """A server with one thread and no waiting room, and its thread busy for a while."""
    model = FakeModel("a" * 64, delay_s=delay_s)
    champions = FakeChampions(model)
    champions.promote(1, model.digest)
    app = make_app(champions, threads=1, max_waiting=0)
    server = make_server(app, Serving(port=0, drain_s=0))
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        connect = Connect(port)
        holder = await connect()
        holder.writer.write(posted(HOLDING))
        while app.state.service.scorer.room:
            await asyncio.sleep(0.005)
        try:
            yield model, connect
            status, _, _ = await holder.answer()
            assert status == 200
        finally:
            connect.close()
            server.should_exit = True
            await serving


class Connect:
    """Opens connections to a port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: list[Peer] = []

    async def __call__(self) -> Peer:
        self._open.append(Peer(*await asyncio.open_connection("127.0.0.1", self._port)))
        return self._open[-1]

    def close(self) -> None:
        for peer in self._open:
            peer.writer.close()


async def _counted(connect: Connect, line: str) -> float:
    _, _, body = await (await connect()).ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    found = re.search(rf"^{re.escape(line)} ([0-9.e+]+)$", body.decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_large_request_is_refused_unread_as_the_application_would_and_counted() -> None:
    async def scenario() -> None:
        async with full_server() as (model, connect):
            peer = await connect()
            for turn in range(3):
                status, headers, body = await peer.ask(posted(LARGE, f"X-Request-ID: turn-{turn}"))
                assert status == 503
                assert headers["retry-after"] == "1"
                assert headers["content-type"] == "application/problem+json"
                assert headers["x-request-id"] == f"turn-{turn}"
                problem = json.loads(body)
                assert problem["type"] == "urn:aisle:problem:overloaded"
                assert problem["instance"] == f"urn:aisle:request:turn-{turn}"
            status, _, body = await peer.ask(posted(LARGE, path="/invocations"))
            assert (status, json.loads(body)["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
            series = 'http_requests_total{handler="/v1/predictions",method="POST",status="503"}'
            assert await _counted(connect, series) == 3
            assert await _counted(connect, 'aisle_refusals_total{reason="overloaded"}') == 4
            assert len(model.seen) == 1

    asyncio.run(scenario())


def test_ids_of_the_server_s_own_are_each_new_in_head_and_body() -> None:
    async def scenario() -> None:
        async with full_server() as (_, connect):
            peer, seen = await connect(), set()
            for path in ("/v1/predictions", "/v1/predictions", "/invocations"):
                status, headers, body = await peer.ask(posted(LARGE, path=path))
                assert status == 503
                assert json.loads(body)["instance"] == f"urn:aisle:request:{headers['x-request-id']}"
                seen.add(headers["x-request-id"])
            assert len(seen) == 3
            assert all(re.fullmatch("[0-9a-f]{32}", identity) for identity in seen)

    asyncio.run(scenario())


def test_of_requests_in_one_turn_no_more_get_in_than_there_is_room_for() -> None:
    model = FakeModel("a" * 64)
    champions = FakeChampions(model)
    champions.promote(1, model.digest)
    service = make_app(champions, threads=1, max_waiting=1).state.service

    async def scenario() -> list[bool]:
        gate, refused = Gate(service), []
        for _ in range(4):
            refused.append(gate.refuses())
            if not refused[-1]:
                gate.let_in(asyncio.get_running_loop())
        await asyncio.sleep(0)
        # Those that were let in have come and taken no place: there is room again.
        return [*refused, gate.refuses()]

    assert asyncio.run(scenario()) == [False, False, True, True, False]


def test_a_connection_goes_on_after_a_refusal_and_answers_come_in_order() -> None:
    async def scenario() -> None:
        async with full_server(delay_s=0.3) as (_, connect):
            peer = await connect()
            assert (await peer.ask(posted(LARGE)))[0] == 503
            assert (await peer.ask(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200
            # Two in one piece: the second waits for the first, and is answered by the application.
            peer.writer.write(posted(SMALL, "X-Request-ID: one") + posted(LARGE, "X-Request-ID: two"))
            assert [(await peer.answer())[1]["x-request-id"] for _ in range(2)] == ["one", "two"]
            await asyncio.sleep(0.4)
            assert (await peer.ask(posted(LARGE)))[0] == 200

    asyncio.run(scenario())


@pytest.mark.parametrize("body", [LARGE, LARGE + b" " * 200_000])
def test_a_body_in_pieces_is_passed_over(body: bytes) -> None:
    async def scenario() -> None:
        async with full_server() as (_, connect):
            peer = await connect()
            request = posted(body)
            for start in range(0, len(request), 50_000):
                peer.writer.write(request[start : start + 50_000])
                await peer.writer.drain()
                await asyncio.sleep(0.01)
            assert (await peer.answer())[0] == 503
            assert (await peer.ask(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200

    asyncio.run(scenario())


def test_a_client_that_wants_to_close_is_let_go() -> None:
    async def scenario() -> None:
        async with full_server() as (_, connect):
            peer = await connect()
            assert (await peer.ask(posted(LARGE, "Connection: close")))[0] == 503
            assert await peer.reader.read() == b""

    asyncio.run(scenario())


def test_everything_else_goes_to_the_application() -> None:
    async def scenario() -> None:
        async with full_server(delay_s=1.0) as (_, connect):
            peer = await connect()
            assert (await peer.ask(b"GET /v1/categories HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200
            assert (await peer.ask(posted(LARGE, path="/nowhere")))[0] == 404
            assert (await peer.ask(posted(LARGE, path="/v1/predictions?top=3")))[0] == 503
            chunked = b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            pieces = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(LARGE), LARGE)
            status, _, body = await peer.ask(chunked + pieces)
            assert (status, json.loads(body)["type"]) == (503, "urn:aisle:problem:overloaded")

    asyncio.run(scenario())
