"""Traces for OpenTelemetry: a span for each request, within it its wait and its scoring, sent to a collector by OTLP/HTTP.

This is the only place for OpenTelemetry, and only a server that is told an endpoint imports it. What it cannot send waits in
a bounded queue and is dropped beyond that; answers never wait for it. The SDK's own variables (`OTEL_SERVICE_NAME`,
`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER` and so on) hold as everywhere.
"""

import threading
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle import __version__
from aisle.errors import SettingsError

_QUIET = ("/health", "/metrics", "/ping", "/v2/health/")
_STOP_S = 5.0


class Tracing:
    """Makes traces and sends them.

    Args:
        endpoint: Base address of a collector, to which `/v1/traces` is added.

    Raises:
        SettingsError: The packages for it are not installed, or the endpoint is no address.
    """

    def __init__(self, endpoint: str) -> None:
        try:
            from opentelemetry import trace
            from opentelemetry.context import Context
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError:
            raise SettingsError(
                "An endpoint for traces is set (AISLE_SERVING_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT), and"
                " OpenTelemetry is not installed.",
                hint="Install it with `pip install 'aisle[traces]'`, or unset the endpoint.",
            ) from None
        if not endpoint.startswith(("http://", "https://")):
            raise SettingsError(
                f"The endpoint for traces is {endpoint!r}, which is no address of HTTP.",
                hint="Set AISLE_SERVING_TRACES_ENDPOINT to the collector's, as http://127.0.0.1:4318.",
            )
        resource = Resource.create({"service.version": __version__})
        if str(resource.attributes["service.name"]).startswith("unknown_service"):
            resource = resource.merge(Resource({"service.name": "aisle"}))
        self._provider = TracerProvider(resource=resource)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("aisle.serving", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self._api, self._root = trace, Context()
        self._offset_ns = time.time_ns() - time.perf_counter_ns()

    def begin(self, scope: Scope, began: float) -> "RequestTrace":
        """Return the trace of a request that has just begun, under its caller's span if it names one.

        Args:
            scope: The request's ASGI scope.
            began: When it began, by `time.perf_counter`.
        """
        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in (b"traceparent", b"tracestate")
        }
        span = self._tracer.start_span(
            scope["method"],
            context=self._propagator.extract(carrier) if carrier else self._root,
            kind=self._api.SpanKind.SERVER,
            attributes={"http.request.method": scope["method"], "aisle.request_id": scope["state"]["request_id"]},
            start_time=self.nanoseconds(began),
        )
        return RequestTrace(self, span)

    def child(self, parent: Any, name: str, began: float, ended: float, attributes: dict[str, str | int]) -> None:
        """Take down a part of a request, as `aisle.serving.trace.Trace.span`."""
        context = self._api.set_span_in_context(parent)
        start = self.nanoseconds(began)
        self._tracer.start_span(name, context=context, attributes=attributes, start_time=start).end(self.nanoseconds(ended))

    def close(self) -> None:
        """Send what is waiting, for so long as a stopping server may wait."""
        closing = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(_STOP_S)

    def failed(self, span: Any) -> None:
        """Mark a span as an error of the server."""
        span.set_status(self._api.StatusCode.ERROR)

    def nanoseconds(self, moment: float) -> int:
        """Return a moment of `time.perf_counter` as nanoseconds since 1970."""
        return self._offset_ns + int(moment * 1e9)


class RequestTrace:
    """The trace of one request.

    Args:
        tracing: What sends it.
        span: The request's span.
    """

    def __init__(self, tracing: Tracing, span: Any) -> None:
        self._tracing = tracing
        self._span = span

    def span(self, name: str, began: float, ended: float, **attributes: str | int) -> None:
        """Take down one part of it; as `aisle.serving.trace.Trace.span`."""
        if self._span.is_recording():
            self._tracing.child(self._span, name, began, ended, attributes)

    def end(self, scope: Scope, status: int, ended: float) -> None:
        """Take down how it ended.

        Args:
            scope: The request's ASGI scope, with its route by now.
            status: The HTTP status.
            ended: When that was.
        """
        route = getattr(scope.get("route"), "path", "")
        if route:
            self._span.update_name(f"{scope['method']} {route}")
            self._span.set_attribute("http.route", route)
        self._span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self._tracing.failed(self._span)
        self._span.end(self._tracing.nanoseconds(ended))


class Traced:
    """Traces every request but those that only ask how the server is.

    Args:
        app: The application within.
        tracing: What sends the traces.
    """

    def __init__(self, app: ASGIApp, *, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["path"].startswith(_QUIET):
            await self._app(scope, receive, send)
            return
        trace = self._tracing.begin(scope, time.perf_counter())
        scope["state"]["trace"] = trace
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            trace.end(scope, status, time.perf_counter())
