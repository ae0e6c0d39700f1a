"""The server on a real socket: bodies as they come over a wire, swaps under load, and a stop that loses nothing."""

import base64
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from aisle.serving.problems import Problem
from aisle.serving.server import listen, make_server
from aisle.settings import Serving
from tests.unit.serving.fakes import SLOW, FakeChampions, FakeModel, eventually, fault, make_app

ROOT = Path(__file__).parents[2]
LIMIT = 50_000
JSON = {"content-type": "application/json"}


@contextlib.contextmanager
def serving(champions: FakeChampions, **settings: Any) -> Iterator[httpx.Client]:
    """Serve on a free port from a thread, and give a client of it."""
    app = make_app(champions, **settings)
    server = make_server(app, Serving(drain_s=0, stop_s=5))
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
                eventually(lambda: server.started)
                yield client
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def champions() -> FakeChampions:
    champions = FakeChampions(*(FakeModel(f"bundle-{n}", delay_s=0.5) for n in range(1, 6)))
    champions.promote(1, "bundle-1")
    return champions


@pytest.fixture
def client(champions: FakeChampions) -> Iterator[httpx.Client]:
    with serving(champions, max_body_bytes=LIMIT, max_products=100) as client:
        yield client


@pytest.fixture(scope="module")
def steady() -> Iterator[httpx.Client]:
    """A client of one server for all the tests that leave it as it is."""
    champions = FakeChampions(FakeModel("bundle-1", delay_s=0.5))
    champions.promote(1, "bundle-1")
    with serving(champions, max_body_bytes=LIMIT, max_products=100) as client:
        yield client


def assert_problem(response: httpx.Response, status: int) -> Problem:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(response.content)
    assert problem.status == status
    assert problem.instance.endswith(response.headers["x-request-id"])
    return problem


def test_one_and_many_products_are_answered(client: httpx.Client, champions: FakeChampions) -> None:
    model = champions.models["bundle-1"]
    assert isinstance(model, FakeModel)
    assert client.get("/health/ready").status_code == 200
    one = client.post("/v1/predictions", json={"title": "Piscine"}).json()
    assert one["predictions"][0]["code"] == model.expected("Piscine")
    titles = [f"produit n° {n}" for n in range(100)]
    many = client.post("/v1/predictions", json={"products": [{"title": title} for title in titles]}).json()
    assert [p["code"] for p in many["predictions"]] == [model.expected(title) for title in titles]


BODIES: list[tuple[bytes, dict[str, str], int]] = [
    (b"", JSON, 422),
    (b"null", JSON, 422),
    (b"{", JSON, 422),
    (b'{"title": "\xff\xfe"}', JSON, 422),
    (b'{"title": "\\ud83d"}', JSON, 422),
    (b'{"title": NaN}', JSON, 422),
    (b"[" * 40_000, JSON, 422),
    (b'{"a":' * 8_000, JSON, 422),
    (b'{"title": "a", "titel": "b"}', JSON, 422),
    (b'{"title": "a", "title": "b"}', JSON, 422),
    (rb'{"title": "a", "t\u0069tle": "b"}', JSON, 422),
    (b'{"title": "\xed\xa0\x80"}', JSON, 422),
    (b'{"title": 1e999}', JSON, 422),
    (b'{"title": "a"}{"title": "b"}', JSON, 422),
    (b'{"products": [{"title": "a"}, {"title": "a", "image": "!"}]}', JSON, 422),
    (b"--B--", {"content-type": "multipart/form-data; boundary=B"}, 422),
    (b"", {"content-type": "multipart/form-data"}, 415),
    (zlib.compress(b'{"title": "' + b"a" * 10_000_000 + b'"}'), {**JSON, "content-encoding": "gzip"}, 415),
    (b'{"products": []}', JSON, 422),
    (json.dumps({"products": [{"title": "a"}] * 101}).encode(), JSON, 422),
    (json.dumps({"title": "a", "image": base64.b64encode(b"text").decode()}).encode(), JSON, 422),
    (b'{"title": "a"}', {}, 415),
    (b'{"title": "a"}', {"content-type": "text/plain"}, 415),
    (b"title=a", {"content-type": "application/x-www-form-urlencoded"}, 415),
    (zlib.compress(b'{"title": "a"}'), {**JSON, "content-encoding": "deflate"}, 415),
    (b'{"title": "' + b"x" * LIMIT + b'"}', JSON, 413),
    (b'{"title": "' + b"x" * 20_000_000 + b'"}', JSON, 413),
]


@pytest.mark.parametrize(("body", "headers", "status"), BODIES)
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_a_bad_body_is_a_problem_and_the_connection_goes_on(
    steady: httpx.Client, body: bytes, headers: dict[str, str], status: int, chunked: bool
) -> None:
    pieces = (body[start : start + 65_536] for start in range(0, len(body), 65_536))
    response = steady.post("/v1/predictions", content=pieces if chunked else body, headers=headers)
    problem = assert_problem(response, status)
    assert len(response.content) < 10_000
    if status == 413:
        assert f"{LIMIT:,}" in problem.detail
    assert steady.post("/v1/predictions", json={"title": "a"}).status_code == 200


def test_a_chunked_body_without_end_is_refused_while_it_is_still_coming(steady: httpx.Client) -> None:
    host, port = steady.base_url.host, steady.base_url.port
    assert port is not None
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.sendall(
            b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(LIMIT // 1_000 + 1):
            connection.sendall(b"3e8\r\n" + b"x" * 1_000 + b"\r\n")
        assert connection.recv(4_096).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_leaves_in_the_middle_of_its_body_harms_nobody(steady: httpx.Client) -> None:
    host, port = steady.base_url.host, steady.base_url.port
    assert port is not None
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.sendall(b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        connection.sendall(b'Content-Length: 99\r\n\r\n{"title')
    eventually(lambda: 'handler="/v1/predictions",method="POST",status="499"} 1.0' in steady.get("/metrics").text)
    assert steady.post("/v1/predictions", json={"title": "a"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/v1/predictions", 405), ("PATCH", "/metrics", 405)]
)
def test_unknown_paths_and_methods_are_problems(steady: httpx.Client, method: str, path: str, status: int) -> None:
    assert_problem(steady.request(method, path), status)


def test_a_slow_prediction_holds_up_neither_health_nor_others(steady: httpx.Client) -> None:
    with ThreadPoolExecutor(1) as sender:
        slow = sender.submit(httpx.post, steady.base_url.join("/v1/predictions"), json={"title": SLOW}, timeout=20)
        times = []
        while not slow.done():
            started = time.perf_counter()
            assert steady.get("/health/live").status_code == 200
            times.append(time.perf_counter() - started)
        assert slow.result().status_code == 200
    assert max(times) < 0.25


def test_without_a_champion_it_waits_for_one(champions: FakeChampions) -> None:
    empty = FakeChampions(*champions.models.values())
    with serving(empty) as client:
        for response in (client.get("/health/ready"), client.post("/v1/predictions", json={"title": "a"})):
            assert_problem(response, 503)
            assert int(response.headers["retry-after"]) >= 1
        empty.promote(3, "bundle-3")
        eventually(lambda: client.get("/health/ready").status_code == 200)
        assert client.post("/v1/predictions", json={"title": "a"}).json()["model"]["version"] == 3


def test_a_bad_bundle_leaves_the_old_one_and_shows_everywhere(client: httpx.Client, champions: FakeChampions) -> None:
    champions.broken["bundle-2"] = fault()
    champions.promote(2, "bundle-2")
    eventually(lambda: client.get("/health/ready").json()["refused"])
    assert client.get("/health/ready").json()["refused"]["version"] == 2
    assert 'aisle_model_swaps_total{outcome="refused"}' in client.get("/metrics").text
    assert client.post("/v1/predictions", json={"title": "a"}).json()["model"]["version"] == 1


def test_swaps_under_load_lose_no_request_and_mix_no_answer(champions: FakeChampions) -> None:
    titles = [f"produit n° {n}" for n in range(20)]
    stop = threading.Event()

    def load(address: httpx.URL) -> list[tuple[int, int, bool]]:
        seen = []
        with httpx.Client(base_url=address, timeout=20) as client:
            while not stop.is_set():
                response = client.post("/v1/predictions", json={"products": [{"title": title} for title in titles]})
                answer = response.json()
                model = champions.models[answer["model"]["bundle"]]
                assert isinstance(model, FakeModel)
                whole = [p["code"] for p in answer["predictions"]] == [model.expected(title) for title in titles]
                named = answer["model"]["bundle"] == f"bundle-{answer['model']['version']}"
                seen.append((response.status_code, answer["model"]["version"], whole and named))
        return seen

    with serving(champions, poll_s=0.005) as client, ThreadPoolExecutor(4) as senders:
        loads = [senders.submit(load, client.base_url) for _ in range(4)]
        try:
            for swap in range(100):
                version = swap % 5 + 1
                champions.promote(version, f"bundle-{version}")
                eventually(lambda v=version: client.get("/v1/models/champion").json()["version"] == v)
        finally:
            stop.set()
        seen = [answer for answers in loads for answer in answers.result()]
    assert {status for status, _, _ in seen} == {200}
    assert all(right for _, _, right in seen)
    assert {version for _, version, _ in seen} == {1, 2, 3, 4, 5}
    assert len(champions.loads) >= 100


@contextlib.contextmanager
def process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the server of the fakes as a process; give it and its address."""
    command = [sys.executable, "-m", "tests.unit.serving.fakes"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as started:
        assert started.stderr is not None
        try:
            events = (json.loads(line) for line in started.stderr)
            yield started, next(event["url"] for event in events if event["event"] == "serving")
        finally:
            started.kill()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_turns_readiness_first_and_requests_under_way_are_answered(sent: signal.Signals) -> None:
    with process() as (started, url), httpx.Client(base_url=url, timeout=20) as client, ThreadPoolExecutor(1) as sender:
        assert client.get("/health/ready").status_code == 200
        slow = sender.submit(httpx.post, f"{url}/v1/predictions", json={"title": SLOW}, timeout=20)
        eventually(lambda: "http_requests_in_progress 2.0" in client.get("/metrics").text)
        started.send_signal(sent)
        eventually(lambda: client.get("/health/ready").status_code == 503)
        assert client.get("/health/live").status_code == 200
        assert client.post("/v1/predictions", json={"title": "late"}).status_code == 200
        assert not slow.done()
        assert slow.result().status_code == 200
        assert started.wait(10) == 0
        assert started.stderr is not None
        events = [json.loads(line)["event"] for line in started.stderr]
    assert events[-1] == "stopped"
    assert events.count("request") == 2


def test_requests_that_outlast_the_deadline_do_not_keep_the_process() -> None:
    with process() as (started, url):
        host, port = httpx.URL(url).host, httpx.URL(url).port
        assert port is not None
        with socket.create_connection((host, port)) as connection:
            connection.sendall(b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
            connection.sendall(b"Content-Length: 99\r\n\r\n{")
            started.send_signal(signal.SIGTERM)
            assert started.wait(15) == 0
