"""Every metric that aisle exports: name, kind, labels, buckets and help, in one list; and the logs' set-up.

`METRICS` is the one home of these facts: the registry below and the table in `docs/reference/metrics.md` are made from
it. Nothing is registered at import: a process makes one `Telemetry` and hands it to whoever counts.
"""

import logging
import sys
from dataclasses import dataclass
from typing import Literal, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.process_collector import ProcessCollector

_Kind = TypeVar("_Kind", Counter, Gauge, Histogram)
_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_TOGETHER = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_SWAP = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)
_DIFFERENCE = (0.001, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5)
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
    Metric("aisle_modalities_total", "counter", "Products by what their answer rests on.", ("modalities",)),
    Metric("aisle_reviews_total", "counter", "Answers that a person should look at, by the reason.", ("reason",)),
    Metric("aisle_event_loop_lag_seconds", "histogram", "How late the event loop comes to a timer, sampled.", (), _LATENCY),
    Metric("aisle_scoring_threads_busy", "gauge", "Threads that score, sampled."),
    Metric("aisle_scoring_waiting", "gauge", "Requests that wait for a thread or their turn, sampled.", ("queue",)),
    Metric("aisle_model_ready", "gauge", "1 while a verified champion is loaded, else 0."),
    Metric("aisle_model_load_seconds", "gauge", "Seconds that the last load of a bundle took."),
    Metric("aisle_model_swaps_total", "counter", "Bundles taken into service or refused.", ("outcome",)),
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
