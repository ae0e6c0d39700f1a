"""The server process: listens, answers, and stops without losing a request."""

import contextlib
import gc
import logging
import math
import signal
import socket
import time
from collections.abc import Callable, Iterator
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from aisle.errors import ServingError
from aisle.serving.access import is_loopback, require_loopback_if_open
from aisle.serving.service import Service
from aisle.serving.shedding import shedding
from aisle.settings import Serving

_BACKLOG = 2048
_log = structlog.get_logger(__name__)


def run(app: FastAPI, options: Serving) -> None:
    """Serve an application until SIGTERM or SIGINT, and return when every request under way has been answered.

    At the signal readiness turns 503 while requests are still taken (`drain_s`), then the server stops listening and
    gives the rest `stop_s`. A second signal skips the waiting.

    Args:
        app: What `create_app` made.
        options: Where to listen, and how long to wait.

    Raises:
        ServingError: The address cannot be listened on.
        SettingsError: The server would be open to other machines.
    """
    require_loopback_if_open(options)
    listener = listen(options.host, options.port)
    if not is_loopback(options.host):
        _log.warning("listening beyond this machine without TLS: keys belong behind a proxy that has it", host=options.host)
    with _logged("uvicorn.error"), _logged("opentelemetry"):
        make_server(app, options).run([listener])
    _log.info("stopped")


def make_server(app: FastAPI, options: Serving) -> "DrainingServer":
    """Return the server of an application, not yet running.

    Args:
        app: What `create_app` made.
        options: How long it waits when it stops.
    """
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=shedding(service),  # type: ignore[arg-type]  # uvicorn calls it, and needs no class
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=math.ceil(options.stop_s),
    )
    return DrainingServer(config, drain_s=options.drain_s, drain=service.drain)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: Address or name of an interface.
        port: Port; 0 takes a free one.

    Raises:
        ServingError: The port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ServingError(
            f"Cannot listen on {_shown(host, port)}: {error.strerror}.",
            hint="Set AISLE_SERVING_HOST and AISLE_SERVING_PORT to an address of this machine and a free port.",
        ) from None


class DrainingServer(uvicorn.Server):
    """A uvicorn server that says that it is stopping before it stops, and whose stop is no failure.

    Args:
        config: How uvicorn serves.
        drain_s: Seconds between the signal and the end of listening.
        drain: Called at the signal; makes readiness say no.
    """

    def __init__(self, config: uvicorn.Config, *, drain_s: float, drain: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain_s = drain_s
        self._drain = drain
        self._stop_at = math.inf

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say where."""
        await super().startup(sockets)
        # What has been imported and loaded stays: the collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        for listener in sockets or []:
            _log.info("serving", url=_shown(*listener.getsockname()[:2]))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; at the second signal stop listening at once, at a third do not wait for requests either."""
        if self.should_exit:
            self.force_exit = sig == signal.SIGINT
        elif self._stop_at < math.inf:
            self.should_exit = True
        else:
            self._drain()
            self._stop_at = time.monotonic() + self._drain_s

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop now; uvicorn asks ten times a second."""
        if time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)


class _ToStructlog(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Write a record of the standard library's as a structured event."""
        _log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


@contextlib.contextmanager
def _logged(name: str) -> Iterator[None]:
    # uvicorn speaks through the standard library; its warnings and traces belong in the same stream as everything else.
    logger, handler = logging.getLogger(name), _ToStructlog(logging.WARNING)
    logger.addHandler(handler)
    propagates, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates


def _shown(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
