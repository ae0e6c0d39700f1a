"""The client against the application of the fakes, and against servers that say what a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio.from_thread
import httpx
import pytest
from fastapi import FastAPI

import aisle.client.calls
from aisle.client import AsyncClient, Client, Item, Prediction, ServerProblem, StreamResult, Unreachable
from tests.unit.serving.fakes import FakeModel

ITEMS = [Item(title=f"produit n° {n}") for n in range(12)]


class Answers(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A server that gives these answers one after the other, and keeps the requests."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self.handle_request(request)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited between attempts, without the waiting."""
    waited: list[float] = []
    real = aisle.client.calls._pause

    def pause(state: Any) -> float:
        waited.append(real(state))
        return 0.0

    monkeypatch.setattr(aisle.client.calls, "_pause", pause)
    return waited


class InApplication(httpx.BaseTransport):
    """Carries requests to an application on its event loop."""

    def __init__(self, portal: anyio.from_thread.BlockingPortal, app: FastAPI) -> None:
        self._portal = portal
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        return self._portal.call(self._ask, request.method, request.url, request.headers, body)

    async def _ask(self, method: str, url: httpx.URL, headers: httpx.Headers, body: bytes) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport) as client:
            answer = await client.request(method, url, headers=headers, content=body)
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def client(app: FastAPI) -> Iterator[Client]:
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        Client("http://testserver", transport=InApplication(portal, app), batch=5) as client,
    ):
        yield client


def test_predictions_come_in_order_over_several_batches(client: Client, model: FakeModel) -> None:
    found = client.predict(ITEMS, top=2)
    assert [one.code for one in found] == [model.expected(item.title) for item in ITEMS]
    assert [one.id for one in found] == [str(n) for n in range(12)]
    assert {len(one.top) for one in found} == {2}
    assert all(isinstance(one, Prediction) for one in found)
    assert [len(answer.predictions) for answer in client.answers(ITEMS)] == [5, 5, 2]
    assert client.predict([]) == []


def test_a_stream_takes_what_it_needs_and_numbers_all_lines(client: Client, model: FakeModel) -> None:
    taken = []

    def endless() -> Iterator[Item]:
        number = 0
        while True:
            taken.append(number)
            yield Item(title=f"t{number}") if number != 7 else Item(brand="only")
            number += 1

    results = []
    for result in client.stream(endless()):
        results.append(result)
        if len(results) == 600:
            break
    assert [result.line for result in results] == list(range(1, 601))
    assert [result.line for result in results if result.problem] == [8]
    predictions = [result.prediction for result in results if result.prediction]
    assert [one.id for one in predictions] == [str(n) for n in range(600) if n != 7]
    assert predictions[-1].code == model.expected("t599")
    assert len(taken) < 900


def test_the_other_calls(client: Client) -> None:
    assert client.ready()
    assert client.champion().version == 1
    assert len(client.categories()) == 10
    assert client.explain(Item(title="a"), terms=3)["explanation"]["name"].startswith("category")


def test_a_problem_is_an_exception_that_names_the_field(client: Client) -> None:
    with pytest.raises(ServerProblem, match=r"products\[1\] needs a title") as caught:
        client.predict([Item(title="a"), Item(brand="b")])
    assert caught.value.problem.status == 422
    assert [field.field for field in caught.value.problem.errors] == ["products[1]"]
    assert not caught.value.retryable


def refusal(status: int, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "title": "No", "detail": "Not now."}, headers=headers)


CATEGORIES = {"categories": [{"code": "1", "name": "one"}]}


def test_what_may_pass_is_tried_again_when_the_server_says(pauses: list[float]) -> None:
    gone = httpx.ConnectError("refused")
    transport = Answers(gone, refusal(503, **{"retry-after": "7"}), refusal(429), httpx.Response(200, json=CATEGORIES))
    with Client("http://x", transport=transport) as client:
        assert client.categories()[0].name == "one"
    assert len(transport.requests) == 4
    assert pauses[1] == 7
    assert all(0 < pause <= 60 for pause in pauses)


def test_the_server_does_not_get_to_say_that_a_client_sleeps_for_ever(pauses: list[float]) -> None:
    transport = Answers(refusal(503, **{"retry-after": "999999"}), httpx.Response(200, json=CATEGORIES))
    with Client("http://x", transport=transport) as client:
        client.categories()
    assert pauses == [60]


@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_what_will_not_pass_is_not_tried_again(pauses: list[float], status: int) -> None:
    transport = Answers(refusal(status))
    with Client("http://x", transport=transport) as client, pytest.raises(ServerProblem, match=r"Not now\."):
        client.categories()
    assert pauses == []


def test_after_the_last_attempt_the_last_error_is_raised(pauses: list[float]) -> None:
    transport = Answers(*[httpx.ReadTimeout("too slow")] * 3)
    with Client("http://x", transport=transport, attempts=3) as client, pytest.raises(Unreachable, match="too slow"):
        client.categories()
    assert len(transport.requests) == 3


@pytest.mark.parametrize("body", [b"<html>502 Bad Gateway</html>", b"", b"\xff", b'{"status": "odd"}'])
def test_an_answer_of_somebody_in_between_is_told_as_it_is(body: bytes) -> None:
    transport = Answers(httpx.Response(400, content=body))
    with Client("http://x", transport=transport) as client, pytest.raises(ServerProblem) as caught:
        client.categories()
    assert caught.value.problem.status == 400


def test_the_key_goes_with_every_request() -> None:
    transport = Answers(httpx.Response(200, json=CATEGORIES))
    with Client("http://x", api_key="secret", transport=transport) as client:
        client.categories()
    assert transport.requests[0].headers["x-api-key"] == "secret"


def test_a_server_that_is_not_there_is_not_ready() -> None:
    with Client("http://x", transport=Answers(httpx.ConnectError("no"))) as client:
        assert not client.ready()


def awaited(call: Callable[[AsyncClient], Any], transport: Answers) -> Any:
    async def run() -> Any:
        async with AsyncClient("http://x", transport=transport) as client:
            return await call(client)

    return asyncio.run(run())


def test_the_async_client_tries_again_as_well(pauses: list[float]) -> None:
    transport = Answers(refusal(503, **{"retry-after": "3"}), httpx.Response(200, json=CATEGORIES))
    assert awaited(lambda client: client.categories(), transport)[0].code == "1"
    assert pauses == [3]


def test_the_async_client_streams_from_either_kind_of_iterator(pauses: list[float]) -> None:
    async def later() -> AsyncIterator[Item]:
        for item in ITEMS[:2]:
            yield item

    async def collect(client: AsyncClient) -> list[StreamResult]:
        one = [result async for result in client.stream(ITEMS[:2])]
        return one + [result async for result in client.stream(later())]

    lines = b"".join(json.dumps({"line": n, "problem": {"detail": "x"}}).encode() + b"\n" for n in (1, 2))
    transport = Answers(refusal(503), *[httpx.Response(200, content=lines)] * 2)
    assert [result.line for result in awaited(collect, transport)] == [1, 2, 1, 2]
    assert len(transport.requests) == 3
    assert transport.requests[1].content == transport.requests[2].content
