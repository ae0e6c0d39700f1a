from prometheus_client.parser import text_string_to_metric_families

from aisle.telemetry import METRICS
from tests.unit.serving.fakes import Client


def test_every_metric_is_exported_in_the_text_format(client: Client) -> None:
    client.predict({"title": "a"})
    response = client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name for family in text_string_to_metric_families(response.text)}
    assert {
        metric.name.removesuffix("_total") for metric in METRICS if metric.process == "server" and not metric.labels
    } <= families
    assert "http_requests" in families


def test_a_scrape_shows_itself_under_way(client: Client) -> None:
    assert "http_requests_in_progress 1.0" in client.get("/metrics").text
