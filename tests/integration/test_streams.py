"""Streams, forms and slow bodies over a real socket of a real process."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aisle.client import AsyncClient, Client, Item, ServerProblem
from aisle.models.bundle import Bundle, write_bundle
from tests.integration.serving_process import Started, serving_process
from tests.unit.models.examples import fitted, parts, picture, products
from tests.unit.serving.fakes import eventually

NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("streams") / "bundle"
    write_bundle(made, parts(model=fitted(images=True)))
    return made


@pytest.fixture(scope="module")
def started(folder: Path) -> Iterator[Started]:
    with serving_process(folder, receive_s=2, max_line_bytes=50_000, max_body_bytes=100_000) as started:
        yield started


def test_a_long_stream_is_answered_as_the_bundle_answers(started: Started, folder: Path) -> None:
    asked, _ = products(5_000, seed=9)
    body = b"".join(json.dumps({"id": p.id, "title": p.title}).encode() + b"\n" for p in asked)
    response = httpx.post(f"{started.url}/v1/predictions/stream", content=body, headers=NDJSON, timeout=60)
    answers = [json.loads(line) for line in response.content.splitlines()]
    expected = Bundle.load(folder).predict(asked)
    assert [answer["prediction"]["id"] for answer in answers] == [one.id for one in expected]
    assert [answer["prediction"]["code"] for answer in answers] == [one.code for one in expected]


def test_answers_come_while_lines_are_still_sent(started: Started) -> None:
    # httpx sends the whole body before it reads: a client that does both at once is made of a socket.
    host, port = started.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(_head(host, "/v1/predictions/stream"))
        stream = connection.makefile("rb")
        heard = []
        for number in range(5):
            connection.sendall(_chunk(json.dumps({"title": f"Piscine {number}"}).encode() + b"\n"))
            while not (line := stream.readline()).startswith(b"{"):
                assert line
            heard.append(json.loads(line)["line"])
        connection.sendall(b"0\r\n\r\n")
    assert heard == [1, 2, 3, 4, 5]


def _head(host: str, path: str) -> bytes:
    kind = "application/x-ndjson" if path.endswith("stream") else "application/json"
    return (f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n").encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_a_client_that_does_not_read_is_not_read_from(started: Started) -> None:
    host, port = started.url.removeprefix("http://").split(":")
    before = _memory(started)
    block = _chunk((json.dumps({"title": "Piscine"}).encode() + b"\n") * 2_000)
    with socket.create_connection((host, int(port)), timeout=1) as connection:
        connection.sendall(_head(host, "/v1/predictions/stream"))
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 200_000_000:
                connection.sendall(block)
                sent += len(block)
    assert sent < 100_000_000
    assert _memory(started) - before < 60_000_000
    eventually(lambda: "http_requests_in_progress 1.0" in httpx.get(f"{started.url}/metrics").text)


def _memory(started: Started) -> int:
    text = Path(f"/proc/{started.process.pid}/statm").read_text()
    return int(text.split()[1]) * 4_096


def test_an_endless_line_is_told_and_takes_no_room(started: Started) -> None:
    before = _memory(started)
    body = b'{"title": "' + b"x" * 30_000_000 + b'"}\n{"title": "Piscine"}\n'
    response = httpx.post(f"{started.url}/v1/predictions/stream", content=body, headers=NDJSON, timeout=60)
    first, second = (json.loads(line) for line in response.content.splitlines())
    assert "50,000 bytes" in first["problem"]["detail"]
    assert second["prediction"]["id"] == "1"
    assert _memory(started) - before < 40_000_000


@pytest.mark.parametrize("sent", [b"", b"1\r\n{\r\n"])
def test_a_slow_body_is_given_up(started: Started, sent: bytes) -> None:
    host, port = started.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(_head(host, "/v1/predictions") + sent)
        begin = time.monotonic()
        answer = b""
        while piece := connection.recv(4_096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"2 seconds" in answer
    assert 1 < time.monotonic() - begin < 8


def test_a_body_that_trickles_is_given_up_as_well(started: Started) -> None:
    host, port = started.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=0.3) as connection:
        connection.sendall(_head(host, "/v1/predictions"))
        answer, begin = b"", time.monotonic()
        while not answer and time.monotonic() - begin < 10:
            connection.sendall(_chunk(b" "))
            try:
                answer = connection.recv(4_096)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_form_with_an_image_is_answered(started: Started) -> None:
    files: dict[str, Any] = {"image": ("a.jpg", picture("2583", 1))}
    response = httpx.post(f"{started.url}/v1/predictions", data={"title": "Liner piscine"}, files=files, timeout=20)
    (prediction,) = response.json()["predictions"]
    assert prediction["modalities"] == ["text", "image"]


def test_the_client_speaks_to_a_real_server(started: Started, folder: Path) -> None:
    asked, _ = products(700, seed=4)
    expected = [(one.id, one.code) for one in Bundle.load(folder).predict(asked)]
    items = [Item(id=p.id, title=p.title) for p in asked]
    with Client(started.url) as client:
        assert client.ready()
        assert [(one.id, one.code) for one in client.predict(items)] == expected
        found = [result.prediction for result in client.stream(items) if result.prediction]
        assert [(one.id, one.code) for one in found] == expected
        (pictured,) = client.predict([Item(image=picture("2583", 1))])
        assert pictured.modalities == ("image",)
        with pytest.raises(ServerProblem, match="cannot be used"):
            client.predict([Item(title="a", image=b"text")])

    async def same() -> list[tuple[str, str]]:
        async with AsyncClient(started.url) as client:
            assert [(one.id, one.code) for one in await client.predict(items)] == expected
            return [(one.prediction.id, one.prediction.code) async for one in client.stream(items) if one.prediction]

    assert asyncio.run(same()) == expected
