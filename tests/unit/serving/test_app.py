import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException

from aisle.errors import SettingsError
from aisle.serving.app import create_app
from aisle.serving.service import Service
from aisle.settings import Serving
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import BREAKS, SLOW, Client, FakeChampions, FakeModel, eventually, make_app, running


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, entry_points: str) -> None:
    """Put a distribution with these entry points before the real one."""
    info = folder / "aisle-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aisle\nVersion: 0\n")
    (info / "entry_points.txt").write_text(entry_points)
    (folder / "wiring_of_a_test.py").write_text(
        "from aisle.settings import Serving\n"
        "from aisle.telemetry import Telemetry\n"
        "from tests.unit.serving.fakes import FakeChampions\n"
        "def parts():\n    return Serving(max_products=7), FakeChampions(), Telemetry()\n"
    )
    monkeypatch.syspath_prepend(folder)


def test_without_arguments_the_parts_come_from_the_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "[aisle.serving]\nwiring = wiring_of_a_test:parts\n")
    service: Service = create_app().state.service
    assert service.options.max_products == 7
    sys.modules.pop("wiring_of_a_test")


def test_what_is_given_goes_before_the_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "[aisle.serving]\nwiring = wiring_of_a_test:parts\n")
    telemetry = Telemetry()
    service: Service = create_app(telemetry=telemetry).state.service
    assert service.telemetry is telemetry
    assert service.options.max_products == 7
    sys.modules.pop("wiring_of_a_test")


def test_a_package_that_is_only_on_the_path_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "")
    with pytest.raises(SettingsError, match="entry point `wiring`"):
        create_app()


def test_with_all_parts_given_no_entry_point_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "")
    assert create_app(options=Serving(), champions=FakeChampions(), telemetry=Telemetry()).title == "aisle"


def test_making_an_application_loads_nothing(champions: FakeChampions) -> None:
    make_app(champions)
    assert champions.loads == []


def test_the_champion_is_in_service_when_the_application_has_started(champions: FakeChampions) -> None:
    with running(make_app(champions, poll_s=60)) as client:
        assert client.get("/health/ready").status_code == 200


def test_a_promotion_reaches_a_running_application(client: Client, champions: FakeChampions) -> None:
    champions.promote(2, "bundle-b")
    eventually(lambda: client.get("/v1/models/champion").json()["version"] == 2)


def test_a_model_that_scores_slowly_holds_nothing_up(client: Client, model: FakeModel) -> None:
    slow = threading.Thread(target=client.predict, args=({"title": SLOW},))
    slow.start()
    eventually(lambda: any(product.title == SLOW for product in model.seen))
    started = time.perf_counter()
    assert client.get("/health/live").status_code == 200
    assert client.predict({"title": "quick"}).status_code == 200
    assert time.perf_counter() - started < 0.4
    assert slow.is_alive()
    slow.join()


PROBLEMS: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/", {}, 404),
    ("GET", "/v1", {}, 404),
    ("GET", "/%2e%2e/etc/passwd", {}, 404),
    ("POST", "/v1/predictions/", {"json": {"title": "a"}}, 404),
    ("GET", "/v1/predictions", {}, 405),
    ("DELETE", "/health/live", {}, 405),
    ("POST", "/v1/predictions", {"json": {"title": "x" * 200_000}}, 413),
    ("POST", "/v1/predictions", {"content": b'{"title": "a"}'}, 415),
    ("POST", "/v1/predictions", {"data": {"title": "a"}}, 415),
    ("POST", "/v1/predictions", {"json": {}}, 422),
    ("POST", "/v1/predictions?top=0", {"json": {"title": "a"}}, 422),
    ("POST", "/v1/predictions?top=101", {"json": {"title": "a"}}, 422),
    ("POST", "/v1/predictions?top=few", {"json": {"title": "a"}}, 422),
    ("POST", "/v1/predictions?tpo=3", {"json": {"title": "a"}}, 422),
    ("POST", "/v1/predictions", {"json": {"title": BREAKS}}, 500),
]


@pytest.mark.parametrize(("method", "path", "details", "status"), PROBLEMS)
def test_every_error_is_a_problem(client: Client, method: str, path: str, details: dict[str, Any], status: int) -> None:
    response = client.request(method, path, **details)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["instance"] == f"urn:aisle:request:{response.headers['x-request-id']}"
    assert problem["type"].startswith("urn:aisle:problem:")
    assert problem["title"]
    assert problem["detail"]
    assert "secret" not in response.text


def test_an_error_of_the_framework_keeps_its_status_and_words(app: FastAPI) -> None:
    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "Short and stout.")

    with running(app) as client:
        response = client.get("/teapot")
    assert response.status_code == 418
    assert response.json()["type"] == "urn:aisle:problem:i-m-a-teapot"
    assert response.json()["detail"] == "Short and stout."


def test_a_wrong_method_tells_the_right_one(client: Client) -> None:
    assert client.get("/v1/predictions").headers["allow"] == "POST"


@pytest.mark.parametrize(("query", "field"), [("top=0", "top"), ("tpo=3", "tpo")])
def test_a_wrong_parameter_is_named(client: Client, query: str, field: str) -> None:
    (error,) = client.predict({"title": "a"}, params=query).json()["errors"]
    assert (error["part"], error["field"]) == ("query", field)


def test_beyond_the_waiting_room_requests_are_turned_away_and_health_is_not(champions: FakeChampions) -> None:
    with running(make_app(champions, threads=1, max_waiting=1)) as client, ThreadPoolExecutor(8) as senders:
        answers = [senders.submit(client.predict, {"title": SLOW}) for _ in range(6)]
        assert client.get("/health/ready").status_code == 200
        responses = [answer.result() for answer in answers]
    statuses = sorted(response.status_code for response in responses)
    assert statuses[:2] == [200, 200]
    assert statuses[-1] == 503
    refused = next(response for response in responses if response.status_code == 503)
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["type"] == "urn:aisle:problem:overloaded"


def test_beyond_what_is_let_in_at_once_requests_are_turned_away_and_health_is_not(champions: FakeChampions) -> None:
    with running(make_app(champions, threads=4, max_concurrent=2)) as client, ThreadPoolExecutor(8) as senders:
        answers = [senders.submit(client.predict, {"title": SLOW}) for _ in range(8)]
        eventually(lambda: any(answer.done() for answer in answers))
        assert client.get("/health/ready").status_code == 200
        assert "http_requests_in_progress" in client.get("/metrics").text
        responses = [answer.result() for answer in answers]
    statuses = [response.status_code for response in responses]
    assert sorted(set(statuses)) == [200, 503]
    refused = next(response for response in responses if response.status_code == 503)
    assert refused.headers["retry-after"] == "1"
    assert "2 requests are under way" in refused.json()["detail"]
    with running(make_app(champions, max_concurrent=1)) as client:
        assert [client.predict({"title": "a"}).status_code for _ in range(5)] == [200] * 5
