"""Promotion and rollback over HTTP: who may, what is kept, and that of two who saw the same ledger one wins."""

from typing import Any

import pytest

from aisle.errors import DatabaseError
from tests.unit.serving.fakes import (
    Client,
    FakeChampions,
    FakeKeys,
    FakeLedger,
    fake_records,
    make_app,
    running,
)

PROMOTE, ROLLBACK = "/v1/models/3/promote", "/v1/models/rollback"
DECISION = {"reason": "Better.", "expected": 7}


def post(client: Client, path: str, body: Any, **more: Any) -> Any:
    return client.request("POST", path, json=body, **more)


def test_the_versions_and_the_row_in_force_are_told(client: Client) -> None:
    answer = client.get("/v1/models").json()
    assert answer["sequence"] == 7
    assert [(m["version"], m["champion"]) for m in answer["models"]] == [(1, False), (2, True), (3, False)]
    assert answer["models"][0]["metrics"] == {"weighted_f1": 0.79}


def test_a_promotion_is_kept_under_the_name_of_the_key(champions: FakeChampions, ledger: FakeLedger) -> None:
    keys = FakeKeys()
    _, secret = keys.create("release-robot", scopes=["admin"])
    with running(make_app(champions, records=fake_records(keys, ledger), open=False)) as client:
        headers = {"authorization": f"Bearer {secret}", "x-request-id": "r-17"}
        response = post(client, PROMOTE, DECISION, headers=headers)
    answer = response.json()
    assert response.status_code == 200
    assert (answer["sequence"], answer["version"], answer["previous"], answer["action"]) == (8, 3, 2, "promote")
    assert answer["actor"] == "release-robot"
    assert "aisle models reconcile" in answer["follow_up"]
    row = ledger.champion()
    assert row is not None
    assert (row.actor, row.reason, row.evidence) == ("release-robot", "Better.", {"request_id": "r-17"})


def test_a_pinned_server_promotes_and_says_that_it_stays(champions: FakeChampions, ledger: FakeLedger) -> None:
    with running(make_app(champions, records=fake_records(ledger=ledger), pin=1)) as client:
        answer = post(client, PROMOTE, DECISION).json()
    assert answer["version"] == 3
    assert "pinned to version 1" in answer["follow_up"]


def test_a_rollback_goes_back(client: Client, ledger: FakeLedger) -> None:
    post(client, PROMOTE, DECISION)
    answer = post(client, ROLLBACK, {"reason": "Complaints.", "expected": 8}).json()
    assert (answer["version"], answer["previous"], answer["action"], answer["actor"]) == (2, 3, "rollback", "local")


@pytest.mark.parametrize("path", [PROMOTE, ROLLBACK])
@pytest.mark.parametrize("expected", [0, 6, 8, 2_147_483_647])
def test_whoever_saw_another_ledger_is_refused(client: Client, ledger: FakeLedger, path: str, expected: int) -> None:
    response = post(client, path, {"reason": "Better.", "expected": expected})
    assert response.status_code == 409
    assert response.json()["type"] == "urn:aisle:problem:ledger-conflict"
    row = ledger.champion()
    assert row is not None
    assert row.seq == 7


def test_the_same_request_twice_is_a_conflict_the_second_time(client: Client) -> None:
    assert [post(client, PROMOTE, DECISION).status_code for _ in range(2)] == [200, 409]


def test_a_champion_that_is_promoted_stays(client: Client) -> None:
    assert post(client, "/v1/models/2/promote", DECISION).json()["sequence"] == 7


def test_an_unknown_version_is_not_found(client: Client) -> None:
    response = post(client, "/v1/models/9/promote", DECISION)
    assert response.status_code == 404
    assert response.json()["type"] == "urn:aisle:problem:version-not-found"


def test_with_nobody_before_there_is_no_way_back(champions: FakeChampions) -> None:
    with running(make_app(champions)) as client:
        response = post(client, ROLLBACK, {"reason": "r", "expected": 0})
    assert response.status_code == 409
    assert "no version to go back to" in response.json()["detail"]


@pytest.mark.parametrize("version", ["0", "-1", "99999999999999999999", "2147483648", "three", "3.5", "3%00", "1'--", "%20"])
def test_a_version_that_is_none_is_named(client: Client, version: str) -> None:
    response = post(client, f"/v1/models/{version}/promote", DECISION)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert (error["part"], error["field"]) == ("path", "version")


@pytest.mark.parametrize("path", [PROMOTE, ROLLBACK])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"expected": 7}, "reason"),
        ({"reason": "Better."}, "expected"),
        ({"reason": "", "expected": 7}, "reason"),
        ({"reason": " \t\n", "expected": 7}, "reason"),
        ({"reason": "a\u0000b", "expected": 7}, "reason"),
        ({"reason": "x" * 1_001, "expected": 7}, "reason"),
        ({"reason": 7, "expected": 7}, "reason"),
        ({"reason": "r", "expected": "7"}, "expected"),
        ({"reason": "r", "expected": -1}, "expected"),
        ({"reason": "r", "expected": 7.5}, "expected"),
        ({"reason": "r", "expected": True}, "expected"),
        ({"reason": "r", "expected": 2**63}, "expected"),
        ({"reason": "r", "expected": None}, "expected"),
        ({"reason": "r", "expected": 7, "actor": "somebody else"}, "actor"),
        ([], ""),
        ("promote", ""),
    ],
)
def test_a_decision_that_is_none_names_its_field(client: Client, path: str, body: Any, field: str) -> None:
    response = post(client, path, body)
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"null", 422),
        (b'{"reason": "\xff", "expected": 7}', 422),
        (b'{"reason": "\\ud83d", "expected": 7}', 422),
    ],
)
def test_a_body_that_is_no_json_is_refused(client: Client, content: bytes, status: int) -> None:
    for kind, answered in (("application/json", status), ("text/plain", 415)):
        response = client.request("POST", PROMOTE, content=content, headers={"content-type": kind})
        assert response.status_code == answered


@pytest.mark.parametrize("scope", ["predict", "review"])
@pytest.mark.parametrize("path", [PROMOTE, ROLLBACK])
def test_other_scopes_may_not(champions: FakeChampions, ledger: FakeLedger, scope: str, path: str) -> None:
    keys = FakeKeys()
    _, secret = keys.create("shop", scopes=[scope])
    with running(make_app(champions, records=fake_records(keys, ledger), open=False)) as client:
        response = post(client, path, DECISION, headers={"x-api-key": secret})
    assert response.status_code == 403
    row = ledger.champion()
    assert row is not None
    assert row.seq == 7


def test_without_its_database_it_says_so_and_goes_on_predicting(client: Client, ledger: FakeLedger) -> None:
    ledger.unreachable = DatabaseError("postgresql://me:****@db/x cannot be used.")
    for response in (client.get("/v1/models"), post(client, PROMOTE, DECISION)):
        assert response.status_code == 503
        assert "postgresql" not in response.text
    assert client.predict({"title": "a"}).status_code == 200
