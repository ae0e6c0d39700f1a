"""Speaking with MLflow: its client, quietly, with time limits, and without leaving traces in the process.

MLflow takes time limits, telemetry and progress bars from environment variables only, and warns and logs a lot. All of
that is set around each use, under one lock, and put back as it was.
"""

import logging
import math
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from sqlalchemy.exc import SQLAlchemyError

from aisle.errors import TrackingError
from aisle.settings import Tracking as TrackingSettings

_LOCK = RLock()
"""Held while the environment is MLflow's: it is the whole process's, so one of us speaks at a time."""

_CONNECT_S = 5.0
"""Seconds after which a server that does not even accept a connection is taken for unreachable."""

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # It would copy the lock file of whatever project the working directory belongs to into every model.
    "MLFLOW_UV_AUTO_DETECT": "false",
}


class Session:
    """A client of one MLflow, SQLite file or server.

    Args:
        options: Where MLflow is and how long it may take.

    Raises:
        TrackingError: The address is of neither kind.
    """

    def __init__(self, options: TrackingSettings) -> None:
        if not options.url.startswith(("sqlite:///", "http://", "https://")):
            raise TrackingError(
                f"AISLE_TRACKING_URL is {_shown(options.url)!r}, which is neither an SQLite file nor an MLflow server.",
                hint="Write sqlite:///FILE or http(s)://HOST:PORT.",
            )
        self.address = _shown(options.url)
        self._options = options
        self._environment = {
            **_QUIET,
            "MLFLOW_HTTP_REQUEST_TIMEOUT": str(math.ceil(options.timeout_s)),
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
            "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        }
        self._client: Any = None
        # Here and not at the top of the module, because it takes seconds and most processes need no MLflow.
        with _LOCK, _environment(self._environment), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mlflow
            import mlflow.pyfunc
        self.mlflow: Any = mlflow

    @contextmanager
    def client(self, doing: str) -> Iterator[Any]:
        """Lend the `MlflowClient`; the store is opened, or the server asked for, on first use.

        Args:
            doing: What it is lent for, for the sentence of an error: "log metrics".

        Raises:
            TrackingError: MLflow cannot be reached, or refused.
        """
        with _LOCK, _environment(self._environment), warnings.catch_warnings(), _hushed("mlflow", "alembic", "urllib3"):
            warnings.simplefilter("ignore")
            try:
                if self._client is None:
                    self._client = self._connect()
                yield self._client
            except (self.mlflow.MlflowException, SQLAlchemyError, OSError) as error:
                raise TrackingError(
                    f"MLflow at {self.address} did not {doing}: {self._told(error)}.",
                    hint="Check AISLE_TRACKING_URL and AISLE_TRACKING_ARTIFACT_ROOT, and what MLflow's own log says.",
                ) from error

    def _connect(self) -> Any:
        if self._options.url.startswith("http"):
            # MLflow's own client would wait for its whole time limit three times over before it gave up.
            try:
                httpx.get(f"{self._options.url.rstrip('/')}/health", timeout=min(_CONNECT_S, self._options.timeout_s))
            except httpx.HTTPError as error:
                raise TrackingError(
                    f"The MLflow server {self.address} cannot be reached: {self._told(error)}.",
                    hint="Check AISLE_TRACKING_URL, and that the server runs.",
                ) from error
        return self.mlflow.MlflowClient(self._options.url, registry_uri=self._options.url)

    def _told(self, error: Exception) -> str:
        """Return an error's first line without the password, which MLflow repeats with the address."""
        line = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        credentials, found, _ = urlsplit(self._options.url).netloc.rpartition("@")
        return line.replace(f"{credentials}@", "****@") if found else line


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _hushed(*names: str) -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _shown(url: str) -> str:
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc="****@" + parts.netloc.rpartition("@")[2]))
