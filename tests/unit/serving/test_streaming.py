import json
from typing import Any

import pytest

from aisle.serving import schemas
from tests.unit.serving.fakes import (
    BREAKS,
    Client,
    FakeAnswers,
    FakeChampions,
    FakeFeedback,
    FakeModel,
    fake_records,
    make_app,
    running,
)

NDJSON = {"content-type": "application/x-ndjson"}


def stream(client: Client, body: bytes, query: str = "", **headers: str) -> list[dict[str, Any]]:
    details = {"content": body, "headers": {**NDJSON, **headers}}
    response = client.request("POST", f"/v1/predictions/stream{query}", **details)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    lines = response.content.splitlines()
    for line in lines:
        schemas.StreamLine.model_validate_json(line, strict=True)
    return [json.loads(line) for line in lines]


def test_every_line_is_answered_in_order(client: Client, model: FakeModel) -> None:
    titles = [f"produit n° {n}" for n in range(300)]
    body = "\n".join(json.dumps({"title": title}) for title in titles).encode()
    answers = stream(client, body, "?top=2")
    assert [answer["line"] for answer in answers] == list(range(1, 301))
    assert [answer["prediction"]["code"] for answer in answers] == [model.expected(title) for title in titles]
    assert [answer["prediction"]["id"] for answer in answers] == [str(n) for n in range(300)]
    assert {len(answer["prediction"]["top"]) for answer in answers} == {2}
    assert answers[0]["model"]["bundle"] == "bundle-a"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "no JSON"),
        (b"[]", "must be an object"),
        (b'{"title": 3}', "title is not valid"),
        (b'{"title": "a", "title": "b"}', "twice"),
        (b'{"title": "\xff"}', "no JSON"),
        (b'{"products": [{"title": "a"}, {"title": "b"}]}', "more than one product"),
        (b'{"title": "' + b"x" * 2_000_000 + b'"}', "2,000,000 bytes"),
        (b'{"title": "' + b"x" * 1_001 + b'"}', "limit is 1,000"),
    ],
)
def test_a_line_that_is_wrong_is_told_and_the_others_are_answered(client: Client, line: bytes, says: str) -> None:
    answers = stream(client, b'{"title": "a"}\n' + line + b'\n\n{"title": "b", "id": "x"}\n')
    assert [answer["line"] for answer in answers] == [1, 2, 4]
    assert says in answers[1]["problem"]["detail"]
    assert [answers[0]["prediction"]["id"], answers[2]["prediction"]["id"]] == ["0", "x"]


def test_a_product_that_breaks_the_model_takes_no_other_along(client: Client) -> None:
    answers = stream(client, b'{"title": "a"}\n{"title": "%s"}\n{"title": "b"}' % BREAKS.encode())
    assert ["problem" in answer for answer in answers] == [False, True, False]
    assert answers[1]["problem"]["type"] == "urn:aisle:problem:internal"
    assert "secret" not in json.dumps(answers)


def test_a_stream_may_be_longer_than_a_body(client: Client) -> None:
    line = json.dumps({"title": "x" * 900}).encode() + b"\n"
    assert len(stream(client, line * 300)) == 300


def test_an_empty_stream_is_answered_by_nothing(client: Client) -> None:
    assert stream(client, b"") == stream(client, b"\n \n") == []


def test_a_full_waiting_room_makes_a_stream_wait_and_not_fail(champions: FakeChampions) -> None:
    with running(make_app(champions, threads=1, max_waiting=0)) as client:
        assert len(stream(client, b'{"title": "a"}\n' * 200)) == 200


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({"content-type": "application/json"}, "", 415),
        ({}, "", 415),
        ({**NDJSON, "content-encoding": "gzip"}, "", 415),
        (NDJSON, "?top=0", 422),
    ],
)
def test_before_the_first_line_a_problem_has_its_status(
    client: Client, headers: dict[str, str], query: str, status: int
) -> None:
    response = client.request("POST", f"/v1/predictions/stream{query}", content=b"{}", headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_without_a_champion_a_stream_is_refused() -> None:
    with running(make_app(FakeChampions())) as client:
        response = client.request("POST", "/v1/predictions/stream", content=b"{}", headers=NDJSON)
    assert response.status_code == 503


def test_the_log_keeps_each_products_place_in_the_stream_and_feedback_can_name_it(champions: FakeChampions) -> None:
    answers = FakeAnswers()
    records = fake_records(answers=answers, feedback=FakeFeedback(answers))
    body = b"".join(b'{"title": "produit %d"}\n' % n if n != 70 else b"{}\n" for n in range(200))
    with running(make_app(champions, records=records)) as client:
        told = stream(client, body, **{"x-request-id": "s-1"})
        said = {"request_id": "s-1", "position": 150, "code": "3"}
        answer = client.request("POST", "/v1/feedback", json=said).json()
        assert answer["predicted"] == told[150]["prediction"]["code"]
        missing = client.request("POST", "/v1/feedback", json={**said, "position": 70})
        assert missing.status_code == 422
    assert [row["position"] for row in answers.rows] == [n for n in range(200) if n != 70]
    assert [row["product_id"] for row in answers.rows] == [str(row["position"]) for row in answers.rows]
