"""How a server does, from two looks at its metrics."""

import httpx
import pytest

from aisle.errors import MonitoringError
from aisle.monitoring.application import Scrape, application_values, read_samples, scrape
from aisle.monitoring.policy import read_policy
from aisle.telemetry import Telemetry

POLICY = read_policy()


def metrics(requests: int, failed: int, cpu: float = 1.0) -> str:
    telemetry = Telemetry()
    telemetry.series("http_requests_total", "POST", "/v1/predictions", "200").inc(requests)
    telemetry.series("http_requests_total", "POST", "/v1/predictions", "503").inc(failed)
    telemetry.series("http_requests_total", "GET", "/health/ready", "200").inc(1_000)
    telemetry.counter("aisle_products_total").labels("10").inc(3 * requests)
    for n in range(requests):
        telemetry.timing("http_request_duration_seconds", "POST", "/v1/predictions").observe(0.004 if n % 10 else 0.04)
    text = telemetry.exposition().decode()
    return text + f"process_cpu_seconds_total {cpu}\n" if "process_cpu_seconds_total " not in text else text


def values(before: str, after: str, seconds: float = 30.0) -> dict:
    found = application_values(Scrape(0.0, read_samples(before)), Scrape(seconds, read_samples(after)), POLICY)
    return {value.measure: value for value in found}


def test_what_was_counted_in_between_is_told() -> None:
    found = values(metrics(100, 0), metrics(200, 2))
    assert found["requests_per_minute"].value == pytest.approx(2 * 102)
    assert found["products_per_minute"].value == pytest.approx(2 * 300)
    assert found["error_ratio"].value == pytest.approx(2 / 102)
    assert found["error_ratio"].state == "act"
    assert 0.0025 < found["latency_p50_seconds"].value <= 0.005
    assert 0.025 < found["latency_p99_seconds"].value <= 0.05
    assert found["cpu_cores"].value >= 0


def test_a_server_that_started_anew_counts_from_nothing() -> None:
    assert values(metrics(500, 0), metrics(60, 0))["requests_per_minute"].value == pytest.approx(120)


def test_where_nothing_was_asked_there_is_nothing_to_tell() -> None:
    found = values(metrics(5, 0), metrics(5, 0))
    assert (found["error_ratio"].value, found["error_ratio"].state) == (None, "unknown")
    assert found["latency_p99_seconds"].note == "nothing was asked in 30 s"


def test_two_looks_at_one_moment_tell_nothing() -> None:
    with pytest.raises(MonitoringError, match="one moment"):
        values(metrics(1, 0), metrics(2, 0), seconds=0)


def test_labels_with_quotes_and_lines_that_are_none_are_read() -> None:
    samples = read_samples('# HELP a b\na{x="1",y="q\\"}"} 2\nb NaN\nnonsense\nc{} +Inf 123\nd x\n')
    assert samples["a", frozenset({("x", "1"), ("y", 'q\\"}')})] == 2
    assert ("d", frozenset()) not in samples


def answering(text: str, status: int = 200) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(status, text=text)))


def test_a_server_is_asked_by_its_own_address() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((str(request.url), request.headers.get("authorization")))
        return httpx.Response(200, text=metrics(1, 0))

    client = httpx.Client(transport=httpx.MockTransport(answer))
    scrape("http://127.0.0.1:8000", client=client)
    scrape("http://127.0.0.1:8000/metrics", key="k", client=client)
    assert asked == [("http://127.0.0.1:8000/metrics", None), ("http://127.0.0.1:8000/metrics", "Bearer k")]


@pytest.mark.parametrize(("text", "status", "told"), [("", 403, "cannot be read"), ("<html>", 200, "shows no metrics")])
def test_what_shows_no_metrics_is_told(text: str, status: int, told: str) -> None:
    with pytest.raises(MonitoringError, match=told):
        scrape("http://127.0.0.1:1", client=answering(text, status))
