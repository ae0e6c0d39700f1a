"""Traces, as a collector gets them."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from fastapi import FastAPI

from aisle.errors import SettingsError
from aisle.serving import traces
from aisle.serving.traces import Traced
from tests.servers.collector import Collector, attributes
from tests.unit.serving.fakes import BREAKS, Client, FakeChampions, make_app, running

PARENT, TRACE = "b7ad6b7169203331", "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@contextlib.contextmanager
def traced(champions: FakeChampions, collector: Collector, **settings: Any) -> Iterator[Client]:
    """A server that has sent its traces when the block has ended."""
    with running(make_app(champions, traces_endpoint=collector.url, **settings)) as client:
        yield client


def by_name(collector: Collector) -> dict[str, Any]:
    return {span.name: span for span in collector.spans}


@pytest.mark.parametrize(
    ("settings", "parts"), [({"inline_ms": 1_000}, {"wait", "score"}), ({"inline_ms": 0}, {"wait", "read", "score"})]
)
def test_a_request_is_a_span_with_its_parts(
    champions: FakeChampions, collector: Collector, settings: dict[str, Any], parts: set[str]
) -> None:
    with traced(champions, collector, **settings) as client:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "r-17"}
        assert client.predict({"title": "a"}, headers=headers).status_code == 200
    spans = by_name(collector)
    assert spans.keys() == {"POST /v1/predictions", *parts}
    whole = spans["POST /v1/predictions"]
    assert (whole.trace_id.hex(), whole.parent_span_id.hex()) == (TRACE, PARENT)
    told = attributes(whole)
    assert told["aisle.request_id"] == "r-17"
    assert told["http.route"] == "/v1/predictions"
    assert told["http.response.status_code"] == 200
    assert attributes(spans["score"]) == {"version": 1}
    for part in parts:
        assert spans[part].parent_span_id == whole.span_id
        assert whole.start_time_unix_nano <= spans[part].start_time_unix_nano
        assert spans[part].start_time_unix_nano <= spans[part].end_time_unix_nano <= whole.end_time_unix_nano
    assert collector.paths == ["/v1/traces"]
    assert collector.services == {"aisle"}


def test_the_name_of_the_service_is_the_one_that_is_usually_set(
    champions: FakeChampions, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "shop-classifier")
    with traced(champions, collector) as client:
        client.predict({"title": "a"})
    assert collector.services == {"shop-classifier"}


@pytest.mark.parametrize("given", [None, "nonsense", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01", "\xff"])
def test_without_a_usable_parent_a_request_begins_a_trace(
    champions: FakeChampions, collector: Collector, given: str | None
) -> None:
    headers = {} if given is None else {"traceparent": given.encode("latin-1")}
    with traced(champions, collector) as client:
        client.predict({"title": "a"}, headers=headers)
    whole = by_name(collector)["POST /v1/predictions"]
    assert whole.parent_span_id == b""
    assert whole.trace_id.hex() != TRACE


def test_a_caller_that_does_not_sample_gets_no_spans(champions: FakeChampions, collector: Collector) -> None:
    with traced(champions, collector) as client:
        client.predict({"title": "a"}, headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    assert collector.spans == []


def test_errors_are_told_and_questions_about_the_server_are_not(champions: FakeChampions, collector: Collector) -> None:
    with traced(champions, collector) as client:
        for path in ("/health/live", "/health/ready", "/metrics", "/ping", "/v2/health/live"):
            client.get(path)
        assert client.predict({"title": BREAKS}).status_code == 500
        assert client.predict({}).status_code == 422
        assert client.get("/nowhere").status_code == 404
    told = {attributes(span).get("http.response.status_code"): span for span in collector.spans if span.kind == 2}
    assert told.keys() == {500, 422, 404}
    assert told[500].status.code == 2
    assert told[422].status.code == told[404].status.code == 0
    assert told[404].name == "GET"


@pytest.mark.parametrize("status", [400, None])
def test_a_collector_that_refuses_or_is_away_troubles_no_answer(
    champions: FakeChampions, collector: Collector, status: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "_STOP_S", 0.3)
    collector.status = status or 200
    url = collector.url if status else "http://127.0.0.1:9"
    with running(make_app(champions, traces_endpoint=url)) as client:
        assert [client.predict({"title": "a"}).status_code for _ in range(20)] == [200] * 20


def test_without_an_endpoint_nothing_is_traced_or_measured(app: FastAPI) -> None:
    assert app.state.service.tracing is None
    assert Traced not in [middleware.cls for middleware in app.user_middleware]


def test_an_endpoint_without_the_packages_is_refused_with_a_way_out(
    champions: FakeChampions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(SettingsError, match="AISLE_SERVING_TRACES_ENDPOINT") as caught:
        make_app(champions, traces_endpoint="http://127.0.0.1:4318")
    assert "aisle[traces]" in str(caught.value.hint)


def test_an_endpoint_that_is_no_address_is_refused(champions: FakeChampions) -> None:
    with pytest.raises(SettingsError, match="no address of HTTP"):
        make_app(champions, traces_endpoint="127.0.0.1:4318")


def test_the_server_says_nothing_of_its_traces_while_all_is_well(champions: FakeChampions, collector: Collector) -> None:
    with structlog.testing.capture_logs() as logs, traced(champions, collector) as client:
        client.predict({"title": "a"})
    assert not [log for log in logs if "span" in log["event"].lower()]
