"""Every metric that aisle exports: name, kind, labels, buckets and help, in one list; and the logs' set-up.

`METRICS` is the one home of these facts: the registry below and the table in `docs/reference/metrics.md` are made from
it. Nothing is registered at import: a process makes one `Telemetry` and hands it to whoever counts.
"""

import logging
import sys
from dataclasses import dataclass
from typing import Literal, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, pushadd_to_gateway
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.process_collector import ProcessCollector

from aisle.errors import TelemetryError

_Kind = TypeVar("_Kind", Counter, Gauge, Histogram)
_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_TOGETHER = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_SHARE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name, kind, help, labels and, for a histogram, its buckets' upper bounds."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


METRICS: tuple[Metric, ...] = (
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
    Metric("aisle_batch_products", "histogram", "Products scored together on the event loop.", (), _TOGETHER),
    Metric("aisle_model_ready", "gauge", "1 while a verified champion is loaded, else 0."),
    Metric("aisle_model_load_seconds", "gauge", "Seconds that the last load of a bundle took."),
    Metric("aisle_model_swaps_total", "counter", "Bundles taken into service or refused.", ("outcome",)),
    Metric("aisle_task_failed_timestamp_seconds", "gauge", "When a task of the orchestrator last failed.", ("dag", "task")),
)


class Telemetry:
    """The metrics of one process, in a registry of its own."""

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
