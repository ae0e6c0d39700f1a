"""Every metric that aisle exports: name, kind, labels, buckets and help, in one list; and the logs' set-up.

`METRICS` is the one home of these facts: what is exported and the table in `docs/reference/metrics.md` are made from it.
Nothing is registered at import. A server makes one `Telemetry` and hands it to whoever counts. The exporter counts nothing
itself: it fills `Readings` with what it reads from the database, and `serve_readings` answers Prometheus with them.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeVar

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    pushadd_to_gateway,
    start_http_server,
)
from prometheus_client import Metric as Family
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from aisle.errors import TelemetryError

_Kind = TypeVar("_Kind", Counter, Gauge, Histogram)
_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_TOGETHER = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_SWAP = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)
_DIFFERENCE = (0.001, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5)
_SHARE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name, kind, help, labels, for a histogram its buckets' upper bounds, and which process exports it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    process: Literal["server", "exporter", "task"] = "server"


def _read(name: str, help_: str, *labels: str, kind: Literal["counter", "gauge"] = "gauge") -> Metric:
    return Metric(name, kind, help_, labels, process="exporter")


_EXPORTER: tuple[Metric, ...] = (
    _read("aisle_exporter_up", "1 while the database answers the exporter, else 0."),
    _read("aisle_exporter_age_seconds", "Seconds since what the exporter shows was read from the database."),
    _read("aisle_exporter_look_seconds", "Seconds that the last look at the database took."),
    _read("aisle_exporter_failures_total", "Looks at the database that failed.", kind="counter"),
    _read("aisle_monitor_run_timestamp_seconds", "When monitoring last ran."),
    _read("aisle_monitor_run_seconds", "Seconds that the last monitoring run took."),
    _read("aisle_monitor_window_rows", "Answers in the last run's window."),
    _read("aisle_monitor_reference_rows", "Training rows that the last run compared them with."),
    _read("aisle_monitor_info", "Always 1; the model version whose training rows are the reference.", "model_version"),
    _read("aisle_monitor_state", "0 ok, 1 watch, 2 act: the worst of a family of measures, and of all.", "family"),
    _read("aisle_monitor_unknown", "Measures of a family that could not be judged.", "family"),
    _read("aisle_drift", "How far a column's answers are from the training rows.", "column", "measure"),
    _read("aisle_drift_low", "Lower end of the 95 % interval of a drift.", "column", "measure"),
    _read("aisle_drift_high", "Upper end of the 95 % interval of a drift.", "column", "measure"),
    _read("aisle_drift_null_low", "Lower end of where a drift lies when nothing has changed.", "column", "measure"),
    _read("aisle_drift_null_high", "Upper end of where a drift lies when nothing has changed.", "column", "measure"),
    _read("aisle_drift_threshold", "The drift from which on the policy takes it seriously.", "column", "measure"),
    _read("aisle_drift_state", "0 ok, 1 watch, 2 act, -1 not judged.", "column", "measure"),
    _read("aisle_drift_window_rows", "Answers that a drift is from.", "column", "measure"),
    _read("aisle_drift_reference_rows", "Training rows that a drift is from.", "column", "measure"),
    _read("aisle_quality", "What a column of the window is like.", "column", "measure"),
    _read("aisle_quality_threshold", "The figure from which on the policy takes it seriously.", "column", "measure"),
    _read("aisle_quality_state", "0 ok, 1 watch, 2 act, -1 not judged.", "column", "measure"),
    _read("aisle_quality_window_rows", "Answers that a figure is from.", "column", "measure"),
    _read("aisle_performance", "How right the answers are, from feedback or estimated.", "column", "measure"),
    _read("aisle_performance_low", "Lower end of its 95 % interval.", "column", "measure"),
    _read("aisle_performance_high", "Upper end of its 95 % interval.", "column", "measure"),
    _read("aisle_performance_threshold", "The figure from which on the policy takes it seriously.", "column", "measure"),
    _read("aisle_performance_state", "0 ok, 1 watch, 2 act, -1 not judged.", "column", "measure"),
    _read("aisle_performance_window_rows", "Answers that a figure is from.", "column", "measure"),
    _read("aisle_retrain_requests", "Retrain requests by what has become of them.", "state"),
    _read("aisle_retrain_last_state", "1 for the state of the newest retrain request, 0 for the others.", "state"),
    _read("aisle_retrain_last_change_timestamp_seconds", "Since when the newest retrain request is in its state."),
    _read("aisle_retrain_open_timestamp_seconds", "When the open retrain request was made, if one is open."),
    _read("aisle_champion_info", "Always 1; the version that the ledger says is champion.", "model_version"),
    _read("aisle_champion_promoted_timestamp_seconds", "When the champion became champion."),
    _read("aisle_champion_trained_timestamp_seconds", "When the champion was registered after its training."),
    _read("aisle_champion_data_timestamp_seconds", "When the champion's training data was frozen."),
    _read("aisle_champion_score", "The champion's figures on the gold rows of its training.", "measure"),
    _read("aisle_models", "Registered versions: those that were champion once, and the others.", "promoted"),
    _read("aisle_promotions_total", "Rows of the promotion ledger.", "action", kind="counter"),
    _read("aisle_snapshots", "Snapshots of the catalogue."),
    _read("aisle_snapshot_timestamp_seconds", "When the newest snapshot was frozen."),
    _read("aisle_snapshot_rows", "Rows of the newest snapshot."),
    _read("aisle_loads", "Loads of the catalogue.", "state"),
    _read(
        "aisle_load_rows_total",
        "Rows that loads took in, compared or rejected.",
        "source",
        "split",
        "outcome",
        kind="counter",
    ),
    _read("aisle_load_images_total", "Images that loads took in or rejected.", "source", "split", "outcome", kind="counter"),
    _read("aisle_load_timestamp_seconds", "When a load last moved.", "source", "split"),
    _read("aisle_load_running_timestamp_seconds", "When a load that is under way last moved.", "source", "split"),
    _read("aisle_rejects", "Rows and images on record as rejected.", "kind", "reason"),
    _read("aisle_pipeline_steps", "Runs of a pipeline step on record.", "step"),
    _read("aisle_pipeline_step_timestamp_seconds", "When a pipeline step was last put on record.", "step"),
    _read("aisle_pipeline_step_seconds", "Seconds that the newest run of a pipeline step on record took.", "step"),
    _read("aisle_prediction_log_timestamp_seconds", "When the newest answer in the prediction log was given."),
)
"""What the exporter shows of the database."""

METRICS: tuple[Metric, ...] = (
    *_EXPORTER,
    Metric("aisle_build_info", "gauge", "Always 1; what runs here.", ("version", "model_version")),
    Metric("http_requests_total", "counter", "Requests answered.", ("method", "handler", "status")),
    Metric("http_request_duration_seconds", "histogram", "Seconds to answer.", ("method", "handler"), _LATENCY),
    Metric("http_requests_in_progress", "gauge", "Requests being answered."),
    Metric("aisle_refusals_total", "counter", "Requests refused unread, by the error's code.", ("reason",)),
    Metric("aisle_api_keys", "gauge", "API keys that are known here and work."),
    Metric("aisle_api_key_looks_total", "counter", "Looks at the table of keys: done or failed.", ("outcome",)),
    Metric("aisle_prediction_log_total", "counter", "Answers written to the prediction log or dropped.", ("outcome",)),
    Metric("aisle_prediction_log_failures_total", "counter", "Attempts to write the prediction log that failed."),
    Metric("aisle_prediction_log_waiting", "gauge", "Answers that wait to be written to the prediction log."),
    Metric("aisle_feedback_total", "counter", "Feedback kept: answers confirmed or corrected, or catalogued.", ("verdict",)),
    Metric("aisle_products_total", "counter", "Products classified, by answered category.", ("code",)),
    Metric("aisle_confidence", "histogram", "Confidence of answers.", (), _SHARE),
    Metric(
        "aisle_batch_products",
        "histogram",
        "Products scored together, by the event loop or a thread.",
        (),
        _TOGETHER,
    ),
    Metric("aisle_modalities_total", "counter", "Products by what their answer rests on.", ("modalities",)),
    Metric("aisle_reviews_total", "counter", "Answers that a person should look at, by the reason.", ("reason",)),
    Metric("aisle_event_loop_lag_seconds", "histogram", "How late the event loop comes to a timer, sampled.", (), _LATENCY),
    Metric("aisle_scoring_threads_busy", "gauge", "Threads that score, sampled."),
    Metric("aisle_scoring_waiting", "gauge", "Requests that wait for a thread or their turn, sampled.", ("queue",)),
    Metric("aisle_model_ready", "gauge", "1 while a verified champion is loaded, else 0."),
    Metric("aisle_model_load_seconds", "gauge", "Seconds that the last load of a bundle took."),
    Metric("aisle_model_swaps_total", "counter", "Bundles taken into service or refused.", ("outcome",)),
    Metric(
        "aisle_task_failed_timestamp_seconds",
        "gauge",
        "When a task of the orchestrator last failed.",
        ("dag", "task"),
        process="task",
    ),
    Metric("aisle_model_swap_seconds", "histogram", "Seconds to load, verify and warm a version.", ("variant",), _SWAP),
    Metric("aisle_model_pinned", "gauge", "1 if one version is served whatever the ledger says, else 0."),
    Metric("aisle_variant_ready", "gauge", "1 while a verified canary or shadow is loaded and in use.", ("variant",)),
    Metric("aisle_variant_version", "gauge", "The version that is canary or shadow; 0 while none is.", ("variant",)),
    Metric("aisle_variant_loads_total", "counter", "Canaries and shadows taken or refused.", ("variant", "outcome")),
    Metric("aisle_variant_failures_total", "counter", "Requests that a canary could not answer.", ("variant",)),
    Metric(
        "aisle_variant_products_total",
        "counter",
        "Products classified while there is a canary, and whether a person should look.",
        ("variant", "review"),
    ),
    Metric("aisle_variant_seconds", "histogram", "Seconds to answer while there is a canary.", ("variant",), _LATENCY),
    Metric(
        "aisle_shadow_products_total", "counter", "Products by what the shadow said: agree, differ, or none.", ("outcome",)
    ),
    Metric(
        "aisle_shadow_confidence_difference",
        "histogram",
        "How far the confidences of shadow and champion are apart.",
        (),
        _DIFFERENCE,
    ),
)


class Telemetry:
    """The metrics of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        kinds = {"counter": Counter, "gauge": Gauge}
        self._series: dict[tuple[str, ...], Counter] = {}
        self._timings: dict[tuple[str, ...], Histogram] = {}
        self._metrics: dict[str, Counter | Gauge | Histogram] = {
            metric.name: Histogram(metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=self.registry)
            if metric.kind == "histogram"
            else kinds[metric.kind](metric.name, metric.help, metric.labels, registry=self.registry)
            for metric in METRICS
            if metric.process == "server"
        }

    def counter(self, name: str) -> Counter:
        """Return a counter of `METRICS` by name; `KeyError` if there is none, `TypeError` if it is another kind."""
        return self._typed(name, Counter)

    def gauge(self, name: str) -> Gauge:
        """Return a gauge of `METRICS` by name; `KeyError` if there is none, `TypeError` if it is another kind."""
        return self._typed(name, Gauge)

    def histogram(self, name: str) -> Histogram:
        """Return a histogram of `METRICS` by name; `KeyError` if there is none, `TypeError` if it is another kind."""
        return self._typed(name, Histogram)

    def series(self, name: str, *labels: str) -> Counter:
        """Return a counter of `METRICS` with its labels, looked up once and then kept: what every request counts by.

        Args:
            name: The counter's name; errors are those of `counter`.
            labels: Values of its labels. They are bounded, or the metric would not be in the list.
        """
        key = (name, *labels)
        found = self._series.get(key)
        if found is None:
            found = self._series[key] = self.counter(name).labels(*labels)
        return found

    def timing(self, name: str, *labels: str) -> Histogram:
        """Return a histogram of `METRICS` with its labels; otherwise as `series`."""
        key = (name, *labels)
        found = self._timings.get(key)
        if found is None:
            found = self._timings[key] = self.histogram(name).labels(*labels)
        return found

    @property
    def exposition_type(self) -> str:
        """The content type of `exposition`."""
        return CONTENT_TYPE_PLAIN_0_0_4

    def exposition(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self.registry)

    def _typed(self, name: str, kind: type[_Kind]) -> _Kind:
        metric = self._metrics[name]
        if not isinstance(metric, kind):
            raise TypeError(f"{name} is no {kind.__name__.lower()}")
        return metric


def push_failure(address: str, dag: str, task: str, *, timeout_s: float = 10.0) -> None:
    """Tell a Pushgateway that a task has failed for good.

    A task ends before anybody could scrape it; the gateway keeps the moment, by DAG and task.

    Args:
        address: The gateway's.
        dag: The DAG's id.
        task: The task's id.
        timeout_s: Seconds after which it is given up.

    Raises:
        TelemetryError: The gateway cannot be reached, or refuses.
    """
    name = "aisle_task_failed_timestamp_seconds"
    metric = next(metric for metric in METRICS if metric.name == name)
    registry = CollectorRegistry()
    Gauge(name, metric.help, metric.labels, registry=registry).labels(dag, task).set_to_current_time()
    try:
        pushadd_to_gateway(address, "aisle_tasks", registry, {"dag_id": dag, "task_id": task}, timeout_s)
    except (OSError, ValueError) as error:
        raise TelemetryError(
            f"{address} was not told: {error}.", hint="Check AISLE_PUSH_URL, and that the server runs."
        ) from error


class Readings(Collector):
    """Figures that were read somewhere: gauges and counters of the exporter that are set, each series when it is there."""

    def __init__(self) -> None:
        self._metrics = {metric.name: metric for metric in METRICS if metric.process == "exporter"}
        self._series: dict[str, dict[tuple[str, ...], float]] = {}

    def set(self, name: str, value: float, *labels: str) -> None:
        """Show a figure.

        Args:
            name: The metric's name; `KeyError` if the exporter has none of it.
            value: The figure, in the unit that the name tells.
            labels: Values of its labels, in their order; `ValueError` if there are more or fewer.
        """
        if len(labels) != len(self._metrics[name].labels):
            raise ValueError(f"{name} has the labels {self._metrics[name].labels}, not {labels}")
        self._series.setdefault(name, {})[labels] = value

    def copy(self) -> "Readings":
        """Return readings that show the same and can be changed on their own."""
        same = Readings()
        same._series = {name: dict(series) for name, series in self._series.items()}
        return same

    def collect(self) -> Iterator[Family]:
        """Yield every metric that has a figure."""
        kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
        for name, series in self._series.items():
            metric = self._metrics[name]
            family = kinds[metric.kind](name, metric.help, labels=metric.labels)
            for labels, value in series.items():
                family.add_metric(labels, value)
            yield family

    def exposition(self) -> bytes:
        """Return every figure in Prometheus's text format."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)


class _Source(Collector):
    def __init__(self, read: Callable[[], Readings]) -> None:
        self._read = read

    def collect(self) -> Iterator[Family]:
        """Yield what is read at this moment."""
        yield from self._read().collect()


@contextmanager
def serve_readings(read: Callable[[], Readings], *, host: str, port: int) -> Iterator[int]:
    """Answer Prometheus while the block runs, from threads of its own; yields the port.

    Args:
        read: Called at each scrape, perhaps by several threads at once; never raises.
        host: Address to listen on.
        port: Port; 0 takes a free one. `OSError` if it cannot be listened on.
    """
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Source(read))
    server, thread = start_http_server(port, host, registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def configure_logging(level: str, form: Literal["text", "json"]) -> None:
    """Send structured events to standard error: lines for people, or one JSON object each.

    Args:
        level: Least severe level that is written: debug, info, warning or error.
        form: `text` or `json`.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
