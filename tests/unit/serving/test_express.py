"""The short way and the router give the same answers."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.serving.fakes import BREAKS, Client, FakeChampions, FakeModel, make_app, running

JSON = {"content-type": "application/json"}


@pytest.fixture
def quick() -> Iterator[Client]:
    """A client of an application that scores in its event loop."""
    champions = FakeChampions(FakeModel("bundle-a"))
    champions.promote(1, "bundle-a")
    with running(make_app(champions, inline_ms=1_000, max_body_bytes=100_000, max_products=20)) as client:
        yield client


BODIES: list[bytes] = [
    b'{"title": "a"}',
    b'{"id": "x", "title": "a", "description": null}',
    b'{"products": [{"title": "a"}, {"title": "b"}]}',
    b'{"products": [' + b",".join([b'{"title": "a"}'] * 20) + b"]}",
    b'{"products": [' + b",".join([b'{"title": "a"}'] * 21) + b"]}",
    b"{}",
    b"",
    b"null",
    b'{"title": 3, "x": 1}',
    b'{"title": "a", "title": "b"}',
    b'{"title": "' + b"x" * 5_000 + b'"}',
    b'{"title": "' + b"x" * 100_000 + b'"}',
    b'{"title": "a", "image": "aGk="}',
]


@pytest.mark.parametrize(
    "query", ["", "?top=1", "?top=3", "?top=99", "?top=100", "?top=0", "?top=x", "?tpo=1", "?top=1&top=2"]
)
@pytest.mark.parametrize("body", BODIES)
def test_both_ways_answer_alike(quick: Client, body: bytes, query: str) -> None:
    answers = []
    # A parameter keeps a request from the short way, and changes nothing else.
    for kind in ("application/json", "application/json; charset=utf-8"):
        headers = {"content-type": kind, "x-request-id": "r-1"}
        response = quick.request("POST", f"/v1/predictions{query}", content=body, headers=headers)
        answers.append((response.status_code, response.headers["content-type"], response.json()))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1/predictions", JSON, 405),
        ("POST", "/v1/predictions/", JSON, 404),
        ("POST", "/v1/predictions", {}, 415),
        ("POST", "/v1/predictions", {**JSON, "content-encoding": "gzip"}, 415),
    ],
)
def test_what_is_not_plain_takes_the_long_way(
    quick: Client, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    response = quick.request(method, path, content=b'{"title": "a"}', headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_the_short_way_is_counted_under_the_same_names(quick: Client) -> None:
    for body in (b'{"title": "a"}', b"{}"):
        quick.request("POST", "/v1/predictions", content=body, headers=JSON)
    told = quick.get("/metrics").text
    for status in ("200", "422"):
        assert f'http_requests_total{{handler="/v1/predictions",method="POST",status="{status}"}} 1.0' in told
    assert "aisle_batch_products_count 1.0" in told


def test_an_unforeseen_error_is_a_500_that_tells_nothing(quick: Client) -> None:
    response = quick.predict({"title": BREAKS})
    assert response.status_code == 500
    assert response.json()["type"] == "urn:aisle:problem:internal"
    assert "secret" not in response.text
    assert quick.predict({"title": "fine"}).status_code == 200


def test_without_a_champion_it_says_so() -> None:
    with running(make_app(FakeChampions(), inline_ms=1_000)) as client:
        response: Any = client.predict({"title": "a"})
    assert response.status_code == 503
    assert response.headers["retry-after"]
