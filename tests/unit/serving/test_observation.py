import re
from typing import Any

import pytest
import structlog
from fastapi import FastAPI

from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import BREAKS, Client


def counted(telemetry: Telemetry) -> dict[tuple[str, str, str], float]:
    family = next(metric for metric in telemetry.registry.collect() if metric.name == "http_requests")
    return {
        (sample.labels["method"], sample.labels["handler"], sample.labels["status"]): sample.value
        for sample in family.samples
        if sample.name == "http_requests_total"
    }


@pytest.mark.parametrize("given", ["abc", "A-1_2.3~4", "x" * 128, "4f9c2b1e-8d5a-4e0f-9a7b-6c5d4e3f2a1b"])
def test_a_usable_request_id_is_kept(client: Client, given: str) -> None:
    response = client.predict({"title": "a"}, headers={"X-Request-ID": given})
    assert response.headers["x-request-id"] == response.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\tb", "<script>", "a;b", "é".encode(), b"\xff"])
def test_any_other_request_id_is_replaced(client: Client, given: Any) -> None:
    response = client.get("/health/live", headers={"X-Request-ID": given})
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])


def test_each_request_without_an_id_gets_its_own(client: Client) -> None:
    assert len({client.get("/health/live").headers["x-request-id"] for _ in range(10)}) == 10


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/health/live", ("GET", "/health/live", "200")),
        ("GET", "/v1/categories", ("GET", "/v1/categories", "200")),
        ("PUT", "/v1/categories", ("PUT", "/v1/categories", "405")),
        ("POST", "/v1/predictions", ("POST", "/v1/predictions", "415")),
        ("GET", "/wp-admin/setup.php", ("GET", "unmatched", "404")),
        ("GET", "/v1/categories/", ("GET", "unmatched", "404")),
        ("GET", "/openapi.json", ("GET", "/openapi.json", "200")),
        ("BREW", "/health/live", ("OTHER", "/health/live", "405")),
    ],
)
def test_requests_are_counted_under_bounded_labels(
    client: Client, telemetry: Telemetry, method: str, path: str, labels: tuple[str, str, str]
) -> None:
    client.request(method, path)
    assert counted(telemetry) == {labels: 1}
    observed = {"method": labels[0], "handler": labels[1]}
    assert telemetry.registry.get_sample_value("http_request_duration_seconds_count", observed) == 1
    assert telemetry.registry.get_sample_value("http_requests_in_progress") == 0


def test_a_thousand_paths_make_one_series(client: Client, telemetry: Telemetry) -> None:
    for number in range(50):
        client.get(f"/v1/{number}")
    assert counted(telemetry) == {("GET", "unmatched", "404"): 50}


def test_an_unforeseen_error_is_counted_as_500_and_its_answer_has_the_id(client: Client, telemetry: Telemetry) -> None:
    response = client.predict({"title": BREAKS}, headers={"X-Request-ID": "r-9"})
    assert response.status_code == 500
    assert response.headers.get_list("x-request-id") == ["r-9"]
    assert counted(telemetry) == {("POST", "/v1/predictions", "500"): 1}
    assert telemetry.registry.get_sample_value("http_requests_in_progress") == 0


def test_a_body_beyond_the_limit_is_observed_as_well(client: Client, telemetry: Telemetry) -> None:
    response = client.predict({"title": "x" * 200_000})
    assert response.status_code == 413
    assert response.headers["x-request-id"]
    assert counted(telemetry) == {("POST", "unmatched", "413"): 1}


def test_each_request_is_one_line_in_the_log(client: Client) -> None:
    with structlog.testing.capture_logs() as logs:
        client.predict({"title": "a secret title"}, headers={"X-Request-ID": "r-1"})
    (line,) = [log for log in logs if log["event"] == "request"]
    assert (line["method"], line["handler"], line["status"]) == ("POST", "/v1/predictions", 200)
    assert line["ms"] > 0
    assert line["log_level"] == "info"
    assert "secret" not in str(line)


def test_lines_carry_the_request_id(client: Client, app: FastAPI) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        client.get("/v1/categories", headers={"X-Request-ID": "r-1"})
    assert [log["request_id"] for log in logs if log["event"] == "request"] == ["r-1"]


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_probes_do_not_fill_the_log(client: Client, path: str) -> None:
    with structlog.testing.capture_logs() as logs:
        client.get(path)
    assert [log["log_level"] for log in logs if log["event"] == "request"] == ["debug"]


def test_an_unknown_path_reaches_the_log_encoded_and_short(client: Client) -> None:
    with structlog.testing.capture_logs() as logs:
        client.get("/x%0aforged=line" + "y" * 1_000)
    path = logs[0]["path"]
    assert "\n" not in path
    assert path.startswith("/x%0aforged=line")
    assert len(path) == 200
