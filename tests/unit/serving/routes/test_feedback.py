"""Feedback over HTTP: about what, by whom, kept once, and every way to get it wrong."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aisle.errors import DatabaseError
from aisle.monitoring.feedback import CatalogueProduct
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import (
    Client,
    FakeAnswers,
    FakeChampions,
    FakeFeedback,
    FakeKeys,
    eventually,
    fake_records,
    make_app,
    running,
)

CATALOGUE = [
    CatalogueProduct("shop", "train", "A-1"),
    CatalogueProduct("shop", "test", "A-1"),
    CatalogueProduct("shop", "train", "A-2"),
    CatalogueProduct("other", "train", "A-2"),
    CatalogueProduct("shop", "train", "A-3"),
]


@pytest.fixture
def answers() -> FakeAnswers:
    return FakeAnswers()


@pytest.fixture
def book(answers: FakeAnswers) -> FakeFeedback:
    return FakeFeedback(answers, CATALOGUE)


@pytest.fixture
def client(champions: FakeChampions, telemetry: Telemetry, answers: FakeAnswers, book: FakeFeedback) -> Iterator[Client]:
    with running(make_app(champions, telemetry, fake_records(answers=answers, feedback=book))) as client:
        yield client


@pytest.fixture
def answered(client: Client, answers: FakeAnswers) -> list[str]:
    """The codes that were answered to the products `0` and `B` of request r-2; r-1 had one product."""
    client.predict({"title": "a"}, headers={"x-request-id": "r-1"})
    body = {"products": [{"title": "b"}, {"id": "B", "title": "c"}]}
    codes = [p["code"] for p in client.predict(body, headers={"x-request-id": "r-2"}).json()["predictions"]]
    eventually(lambda: len(answers.rows) == 3)
    return codes


def give(client: Client, body: Any, **more: Any) -> httpx.Response:
    return client.request("POST", "/v1/feedback", json=body, **more)


def wrong_fields(response: httpx.Response) -> list[str]:
    assert response.status_code == 422, response.text
    return [error["field"] for error in response.json()["errors"]]


def other_than(code: str) -> str:
    return "7" if code != "7" else "8"


def test_a_correction_is_kept_beside_what_had_been_answered(
    client: Client, answered: list[str], book: FakeFeedback, telemetry: Telemetry
) -> None:
    right = other_than(answered[1])
    response = give(client, {"request_id": "r-2", "position": 1, "code": right, "reason": "It is a book."})
    assert response.status_code == 200
    told = response.json()
    assert (told["code"], told["predicted"], told["verdict"]) == (right, answered[1], "corrected")
    assert (told["author"], told["version"], told["repeated"]) == ("local", 1, False)
    (kept,) = book.kept
    assert (kept.feedback.request_id, kept.feedback.position, kept.feedback.product_id) == ("r-2", 1, "B")
    assert kept.feedback.reason == "It is a book."
    assert telemetry.registry.get_sample_value("aisle_feedback_total", {"verdict": "corrected"}) == 1


def test_a_product_of_a_request_is_named_by_its_id(client: Client, answered: list[str], book: FakeFeedback) -> None:
    told = give(client, {"request_id": "r-2", "product_id": "0", "code": answered[0]}).json()
    assert told["verdict"] == "confirmed"
    assert book.kept[0].feedback.position == 0


def test_a_request_with_one_product_needs_no_more(client: Client, answered: list[str]) -> None:
    assert give(client, {"request_id": "r-1", "code": "1"}).status_code == 200


def test_of_several_products_it_must_be_said_which(client: Client, answered: list[str]) -> None:
    response = give(client, {"request_id": "r-2", "code": "1"})
    assert wrong_fields(response) == ["position"]
    assert "2 products" in response.json()["detail"]


def test_who_is_quicker_than_the_log_waits_for_it(client: Client, answers: FakeAnswers) -> None:
    client.predict({"title": "a"}, headers={"x-request-id": "quick"})
    assert give(client, {"request_id": "quick", "code": "1"}).status_code == 200


def test_a_product_of_the_catalogue_is_named(client: Client, book: FakeFeedback, telemetry: Telemetry) -> None:
    told = give(client, {"product": {"id": "A-3"}, "code": "1"}).json()
    assert (told["predicted"], told["version"], told["verdict"]) == (None, None, "catalogued")
    said = book.kept[0].feedback
    assert (said.source, said.split, said.product_id, said.request_id) == ("shop", "train", "A-3", None)
    assert give(client, {"product": {"id": "A-1", "split": "test"}, "code": "1"}).status_code == 200
    assert give(client, {"product": {"id": "A-2", "source": "other"}, "code": "1"}).status_code == 200
    assert telemetry.registry.get_sample_value("aisle_feedback_total", {"verdict": "catalogued"}) == 3


def test_the_same_again_is_kept_once(client: Client, answered: list[str], book: FakeFeedback, telemetry: Telemetry) -> None:
    body = {"id": "ticket-1", "request_id": "r-1", "code": "1"}
    first, again = give(client, body).json(), give(client, dict(reversed(body.items()))).json()
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert again == {**first, "repeated": True}
    assert len(book.kept) == 1
    values = [
        telemetry.registry.get_sample_value("aisle_feedback_total", {"verdict": v}) or 0 for v in ("confirmed", "corrected")
    ]
    assert sum(values) == 1


def test_the_same_again_is_understood_when_the_log_has_forgotten(
    client: Client, answered: list[str], answers: FakeAnswers
) -> None:
    body = {"id": "ticket-1", "request_id": "r-1", "code": "1"}
    give(client, body)
    answers.rows.clear()
    assert give(client, body).json()["repeated"] is True


@pytest.mark.parametrize("change", [{"code": "2"}, {"reason": "other"}, {"position": 0}])
def test_an_id_stands_for_one_thing(client: Client, answered: list[str], book: FakeFeedback, change: dict) -> None:
    body = {"id": "ticket-1", "request_id": "r-1", "code": "1"}
    give(client, body)
    response = give(client, {**body, **change})
    assert response.status_code == 409
    assert response.json()["type"] == "urn:aisle:problem:feedback-conflict"
    assert len(book.kept) == 1


def test_without_an_id_each_is_its_own(client: Client, answered: list[str], book: FakeFeedback) -> None:
    ids = {give(client, {"request_id": "r-1", "code": "1"}).json()["id"] for _ in range(3)}
    assert len(ids) == len(book.kept) == 3


BAD: list[tuple[Any, str]] = [
    ({"request_id": "r-1", "code": "99"}, "code"),
    ({"request_id": "r-1", "code": ""}, "code"),
    ({"request_id": "r-1", "code": 1}, "code"),
    ({"request_id": "r-1", "code": "1\u0000"}, "code"),
    ({"request_id": "r-1", "code": "x" * 1_000}, "code"),
    ({"request_id": "r-1", "code": "1' OR '1'='1"}, "code"),
    ({"request_id": "r-1"}, "code"),
    ({"code": "1"}, "request_id"),
    ({"request_id": None, "product": None, "code": "1"}, "request_id"),
    ({"request_id": "unknown", "code": "1"}, "request_id"),
    ({"request_id": "", "code": "1"}, "request_id"),
    ({"request_id": "a b", "code": "1"}, "request_id"),
    ({"request_id": "'; DROP TABLE feedback; --", "code": "1"}, "request_id"),
    ({"request_id": "r-1\n", "code": "1"}, "request_id"),
    ({"request_id": "x" * 129, "code": "1"}, "request_id"),
    ({"request_id": "r-1", "position": 1, "code": "1"}, "request_id"),
    ({"request_id": "r-1", "position": -1, "code": "1"}, "position"),
    ({"request_id": "r-1", "position": 2**40, "code": "1"}, "position"),
    ({"request_id": "r-1", "position": "0", "code": "1"}, "position"),
    ({"request_id": "r-1", "position": True, "code": "1"}, "position"),
    ({"request_id": "r-2", "product_id": "C", "code": "1"}, "request_id"),
    ({"request_id": "r-2", "product_id": "B", "position": 0, "code": "1"}, "request_id"),
    ({"request_id": "r-2", "product_id": "B\u0000", "code": "1"}, "product_id"),
    ({"request_id": "r-1", "product": {"id": "A-3"}, "code": "1"}, "product"),
    ({"product": {"id": "A-3"}, "position": 0, "code": "1"}, "position"),
    ({"product": {"id": "A-3"}, "product_id": "A-3", "code": "1"}, "product_id"),
    ({"product": {"id": "A-9"}, "code": "1"}, "product.id"),
    ({"product": {"id": "A-3", "source": "nobody"}, "code": "1"}, "product.id"),
    ({"product": {"id": "A-1"}, "code": "1"}, "product.split"),
    ({"product": {"id": "A-2"}, "code": "1"}, "product.source"),
    ({"product": {"id": ""}, "code": "1"}, "product.id"),
    ({"product": {"id": "a\u0000"}, "code": "1"}, "product.id"),
    ({"product": {}, "code": "1"}, "product.id"),
    ({"product": "A-3", "code": "1"}, "product"),
    ({"product": {"id": "A-3", "price": 3}, "code": "1"}, "product.price"),
    ({"request_id": "r-1", "code": "1", "reason": "x" * 1_001}, "reason"),
    ({"request_id": "r-1", "code": "1", "reason": "a\u0000"}, "reason"),
    ({"request_id": "r-1", "code": "1", "id": "a b"}, "id"),
    ({"request_id": "r-1", "code": "1", "id": ""}, "id"),
    ({"request_id": "r-1", "code": "1", "author": "somebody else"}, "author"),
    ([], ""),
]


@pytest.mark.parametrize(("body", "field"), BAD)
def test_what_cannot_be_kept_names_its_field(
    client: Client, answered: list[str], book: FakeFeedback, body: Any, field: str
) -> None:
    assert wrong_fields(give(client, body)) == [field]
    assert book.kept == []


def test_the_author_is_the_key_and_each_has_ids_of_its_own(
    champions: FakeChampions, answers: FakeAnswers, book: FakeFeedback
) -> None:
    keys = FakeKeys()
    zoe, max_ = (keys.create(name, scopes=["review"])[1] for name in ("zoe", "max"))
    shop = keys.create("shop", scopes=["predict", "admin"])[1]
    records = fake_records(keys, answers=answers, feedback=book)
    with running(make_app(champions, records=records, open=False)) as client:
        body = {"id": "1", "product": {"id": "A-3"}, "code": "1"}
        assert give(client, body, headers={"x-api-key": zoe}).json()["author"] == "zoe"
        assert give(client, {**body, "code": "2"}, headers={"x-api-key": max_}).json()["author"] == "max"
        assert give(client, body, headers={"x-api-key": shop}).status_code == 403
        assert give(client, body).status_code == 401
    assert len(book.kept) == 2


def test_without_its_database_it_says_so(client: Client, book: FakeFeedback) -> None:
    book.unreachable = DatabaseError("postgresql://me:****@db/x cannot be used.")
    response = give(client, {"product": {"id": "A-3"}, "code": "1"})
    assert response.status_code == 503
    assert "postgresql" not in response.text


def test_a_body_that_is_no_json_is_refused(client: Client) -> None:
    response = client.request("POST", "/v1/feedback", content=b"code=1", headers={"content-type": "text/plain"})
    assert response.status_code == 415
