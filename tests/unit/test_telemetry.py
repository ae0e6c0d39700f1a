"""Telemetry: what the list of metrics names is what a scrape finds."""

import http.client
import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from aisle.errors import TelemetryError
from aisle.telemetry import METRICS, Metric, Readings, Telemetry, configure_logging, push_failure, serve_readings

UNBOUNDED = {"id", "product", "product_id", "title", "description", "path", "url", "message", "error", "user", "key"}


def exported(telemetry: Telemetry | Readings) -> dict[str, dict[str, object]]:
    families = text_string_to_metric_families(telemetry.exposition().decode())
    return {
        family.name: {"kind": family.type, "help": family.documentation, "samples": family.samples} for family in families
    }


def touched(metric: Metric) -> Telemetry | Readings:
    """Give a metric its first value, as whoever counts or reads would."""
    if metric.process == "exporter":
        readings = Readings()
        readings.set(metric.name, 1, *["x"] * len(metric.labels))
        return readings
    telemetry = Telemetry()
    collector = getattr(telemetry, metric.kind)(metric.name)
    child = collector.labels(**dict.fromkeys(metric.labels, "x")) if metric.labels else collector
    match metric.kind:
        case "counter":
            child.inc()
        case "gauge":
            child.set(1)
        case "histogram":
            child.observe(0.2)
    return telemetry


# What a task tells is pushed, by a function with tests of its own.
@pytest.mark.parametrize("metric", [m for m in METRICS if m.process != "task"], ids=lambda metric: metric.name)
class TestEveryMetric:
    def test_is_exported_as_it_is_listed(self, metric: Metric):
        found = exported(touched(metric))[metric.name.removesuffix("_total")]
        assert (found["kind"], found["help"]) == (metric.kind, metric.help)
        suffix = {"counter": "", "gauge": "", "histogram": "_sum"}[metric.kind]
        sample = next(sample for sample in found["samples"] if sample.name == metric.name + suffix)
        assert set(sample.labels) == set(metric.labels)
        assert sample.value > 0

    def test_has_the_buckets_that_are_listed(self, metric: Metric):
        samples = exported(touched(metric))[metric.name.removesuffix("_total")]["samples"]
        bounds = [float(sample.labels["le"]) for sample in samples if sample.name.endswith("_bucket")]
        assert bounds == ([*metric.buckets, float("inf")] if metric.kind == "histogram" else [])

    def test_is_named_by_the_conventions(self, metric: Metric):
        assert re.fullmatch(r"(aisle|http)_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.help.endswith(".")
        assert not metric.name.endswith(("_ms", "_milliseconds", "_minutes", "_kb", "_mb", "_percent"))

    def test_has_labels_whose_values_are_few(self, metric: Metric):
        assert not UNBOUNDED & set(metric.labels)
        assert len(metric.labels) == len(set(metric.labels)) <= 3

    def test_buckets_belong_to_histograms_and_grow(self, metric: Metric):
        assert bool(metric.buckets) == (metric.kind == "histogram")
        assert list(metric.buckets) == sorted(set(metric.buckets))


def test_names_are_listed_once():
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_two_in_one_process_do_not_share_counts():
    one, two = Telemetry(), Telemetry()
    one.counter("http_requests_total").labels("GET", "/x", "200").inc()
    assert b'http_requests_total{handler="/x"' in one.exposition()
    assert b'handler="/x"' not in two.exposition()


def test_the_process_itself_is_measured():
    assert {"process_cpu_seconds", "process_resident_memory_bytes"} <= exported(Telemetry()).keys()


def test_a_name_that_is_not_listed_is_an_error():
    with pytest.raises(KeyError):
        Telemetry().counter("aisle_made_up_total")


@pytest.mark.parametrize(
    ("kind", "name"), [("gauge", "http_requests_total"), ("counter", "aisle_confidence"), ("histogram", "aisle_model_ready")]
)
def test_a_metric_of_another_kind_is_an_error(kind: str, name: str):
    with pytest.raises(TypeError, match=f"{name} is no {kind}"):
        getattr(Telemetry(), kind)(name)


def test_a_server_shows_nothing_of_the_exporters():
    # A gauge that a server never sets would stand at 0 there, and be alarmed.
    shown = exported(Telemetry()).keys()
    assert not shown & {metric.name.removesuffix("_total") for metric in METRICS if metric.process == "exporter"}
    assert "aisle_model_ready" in shown


class TestReadings:
    def test_a_metric_has_no_series_before_it_is_read(self):
        readings = Readings()
        assert readings.exposition() == b""
        readings.set("aisle_drift", 0.5, "language", "psi")
        readings.set("aisle_drift", 0.25, "language", "psi")
        (sample,) = exported(readings)["aisle_drift"]["samples"]
        assert (sample.labels, sample.value) == ({"column": "language", "measure": "psi"}, 0.25)

    def test_a_copy_is_changed_on_its_own(self):
        one = Readings()
        one.set("aisle_snapshots", 1)
        other = one.copy()
        other.set("aisle_snapshots", 2)
        assert b"aisle_snapshots 1.0" in one.exposition()
        assert b"aisle_snapshots 2.0" in other.exposition()

    @pytest.mark.parametrize("name", ["aisle_made_up", "http_requests_total"])
    def test_a_metric_that_the_exporter_has_not_is_an_error(self, name: str):
        with pytest.raises(KeyError):
            Readings().set(name, 1)

    def test_labels_are_all_given(self):
        with pytest.raises(ValueError, match="has the labels"):
            Readings().set("aisle_drift", 1, "language")

    def test_whoever_asks_gets_what_is_read_then_and_the_process_itself(self):
        looks = 0

        def read() -> Readings:
            nonlocal looks
            looks += 1
            readings = Readings()
            readings.set("aisle_snapshots", looks)
            return readings

        with serve_readings(read, host="127.0.0.1", port=0) as port:
            assert b"aisle_snapshots 1.0" in scrape(port)
            second = scrape(port)
        assert b"aisle_snapshots 2.0" in second
        assert b"process_resident_memory_bytes" in second
        with pytest.raises(ConnectionRefusedError):
            scrape(port)
        assert not [thread for thread in threading.enumerate() if "serve_forever" in thread.name]

    def test_a_port_that_is_taken_is_an_error(self):
        with (
            socket.create_server(("127.0.0.1", 0)) as taken,
            pytest.raises(OSError, match="in use"),
            serve_readings(Readings, host="127.0.0.1", port=taken.getsockname()[1]),
        ):
            pass


def scrape(port: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read()
    finally:
        connection.close()


class TestLogging:
    @pytest.fixture(autouse=True)
    def _restore(self):
        yield
        structlog.reset_defaults()

    def test_json_is_one_object_a_line(self, capsys: pytest.CaptureFixture[str]):
        configure_logging("info", "json")
        structlog.get_logger().info("load done", rows=3, title="two\nlines")
        structlog.get_logger().warning("late")
        captured = capsys.readouterr()
        first, second = (json.loads(line) for line in captured.err.splitlines())
        assert (first["event"], first["level"], first["rows"], first["title"]) == ("load done", "info", 3, "two\nlines")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", first["timestamp"])
        assert second["level"] == "warning"
        assert captured.out == ""

    def test_text_is_a_line_without_colours_where_nobody_looks(self, capsys: pytest.CaptureFixture[str]):
        configure_logging("info", "text")
        structlog.get_logger().info("load done", rows=3)
        error = capsys.readouterr().err
        assert "load done" in error
        assert "rows=3" in error
        assert "\x1b" not in error

    @pytest.mark.parametrize(("level", "shown"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
    def test_what_is_less_severe_than_the_level_is_not_written(
        self, capsys: pytest.CaptureFixture[str], level: str, shown: int
    ):
        configure_logging(level, "json")
        logger = structlog.get_logger()
        for severity in ("debug", "info", "warning", "error"):
            getattr(logger, severity)("event")
        assert len(capsys.readouterr().err.splitlines()) == shown

    def test_an_exception_is_written_with_its_trace(self, capsys: pytest.CaptureFixture[str]):
        configure_logging("info", "json")
        try:
            int("boom")
        except ValueError:
            structlog.get_logger().exception("failed")
        written = json.loads(capsys.readouterr().err)
        assert "ValueError: invalid literal" in written["exception"]

    def test_nothing_written_by_a_caller_forges_a_line(self, capsys: pytest.CaptureFixture[str]):
        configure_logging("info", "json")
        structlog.get_logger().info("title", title='x"}\n{"event": "forged"')
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_failure_of_a_task_is_pushed_under_its_dag_and_name():
    got: list[tuple[str, bytes]] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Gateway) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        push_failure(f"http://127.0.0.1:{server.server_address[1]}", "train_model", "train")
        thread.join()
    path, body = got[0]
    assert path == "/metrics/job/aisle_tasks/dag_id/train_model/task_id/train"
    assert b'aisle_task_failed_timestamp_seconds{dag="train_model",task="train"} 1' in body


def test_a_gateway_that_does_not_answer_is_our_error():
    with pytest.raises(TelemetryError, match=r"127.0.0.1:1 was not told"):
        push_failure("http://127.0.0.1:1", "train_model", "train")
