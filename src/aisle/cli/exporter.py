"""`aisle monitor export`: what the database knows, for Prometheus."""

import signal
import threading
from typing import Annotated

import structlog
import typer

from aisle.bootstrap import open_application
from aisle.errors import MonitoringError

_log = structlog.get_logger(__name__)


def export(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [default: AISLE_EXPORTER_HOST]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.  [default: AISLE_EXPORTER_PORT]")
    ] = None,
) -> None:
    """Show Prometheus what monitoring found and how catalogue, pipeline and registry stand, until SIGTERM or Ctrl-C.

    Figures are read from the database when they are asked for. While it is away, the last ones stay with their age, and
    `aisle_exporter_up` is 0. There is nothing to sign in with: keep it on loopback or in a private network.
    """
    from aisle.telemetry import serve_readings

    with open_application() as application:
        options = application.settings.exporter
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        host = options.host if host is None else host
        port = options.port if port is None else port
        try:
            with serve_readings(application.exporter.read, host=host, port=port) as taken:
                shown = f"[{host}]" if ":" in host else host
                _log.info("exporting", url=f"http://{shown}:{taken}/metrics")
                stop.wait()
        except OSError as error:
            raise MonitoringError(
                f"Cannot listen on {host}:{port}: {error.strerror}.",
                hint="Set AISLE_EXPORTER_HOST and AISLE_EXPORTER_PORT to an address of this machine and a free port.",
            ) from None
        _log.info("stopped")
