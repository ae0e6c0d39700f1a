from fastapi import FastAPI

from aisle.errors import DatabaseError
from tests.unit.serving.fakes import Client, FakeChampions, eventually, fault, make_app, running


def test_a_server_with_a_champion_is_alive_and_ready(client: Client) -> None:
    assert client.get("/health/live").json() == {"status": "alive"}
    ready = client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready",
        "model": {"version": 1, "bundle": "bundle-a"},
        "pinned": False,
        "refused": None,
        "variants": [],
    }


def test_a_server_without_a_champion_is_alive_but_not_ready_until_one_comes(champions: FakeChampions) -> None:
    empty = FakeChampions(*champions.models.values())
    with running(make_app(empty)) as client:
        assert client.get("/health/live").status_code == 200
        unready = client.get("/health/ready")
        assert unready.status_code == 503
        assert unready.headers["retry-after"] == "1"
        empty.promote(1, "bundle-a")
        eventually(lambda: client.get("/health/ready").status_code == 200)
        assert client.predict({"title": "a"}).status_code == 200


def test_a_stopping_server_is_alive_not_ready_and_still_answers(client: Client, app: FastAPI) -> None:
    app.state.service.drain()
    unready = client.get("/health/ready")
    assert unready.status_code == 503
    assert "stopping" in unready.json()["detail"]
    assert client.get("/health/live").status_code == 200
    assert client.predict({"title": "a"}).status_code == 200


def test_a_bad_bundle_leaves_the_old_one_and_shows(client: Client, champions: FakeChampions) -> None:
    champions.broken["bundle-b"] = fault()
    champions.promote(2, "bundle-b")
    eventually(lambda: client.get("/health/ready").json()["refused"] is not None)
    answer = client.get("/health/ready").json()
    assert answer["model"]["version"] == 1
    assert answer["refused"]["version"] == 2
    assert answer["refused"]["bundle"] == "bundle-b"
    assert "manifest" in answer["refused"]["reason"]
    assert client.predict({"title": "a"}).json()["model"]["version"] == 1


def test_a_bad_first_bundle_is_the_reason_for_not_being_ready(champions: FakeChampions) -> None:
    champions.broken["bundle-a"] = fault()
    with running(make_app(champions)) as client:
        response = client.get("/health/ready")
    assert response.status_code == 503
    assert "weights/linear.npz" in response.json()["detail"]


def test_a_database_that_is_away_takes_no_answer_away(client: Client, champions: FakeChampions) -> None:
    champions.unreachable = DatabaseError("The database does not answer.")
    eventually(lambda: client.get("/health/ready").json()["refused"] is not None)
    refused = client.get("/health/ready").json()["refused"]
    assert refused == {"reason": "The database does not answer.", "version": None, "bundle": None}
    assert client.predict({"title": "a"}).status_code == 200


def test_a_pinned_server_says_so_and_needs_no_promotion(champions: FakeChampions) -> None:
    with running(make_app(champions, pin=2)) as client:
        answer = client.get("/health/ready").json()
        assert (answer["model"], answer["pinned"]) == ({"version": 2, "bundle": "bundle-b"}, True)


def test_a_pinned_version_that_cannot_be_loaded_is_the_reason_for_not_being_ready(champions: FakeChampions) -> None:
    champions.broken["bundle-b"] = fault()
    with running(make_app(champions, pin=2)) as client:
        detail = client.get("/health/ready").json()["detail"]
    assert "weights/linear.npz" in detail
    assert "pinned to version 2" in detail
