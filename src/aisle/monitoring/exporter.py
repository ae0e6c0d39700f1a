"""The exporter's figures: what monitoring found and how everything stands, read from the database when Prometheus asks.

A look is kept for some seconds, so that several who ask cost one look. While the database is away the last figures stay,
with their age and `aisle_exporter_up` 0: no alarm about them goes silent, and one about the database comes.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import Lock

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

from aisle.errors import DatabaseError
from aisle.monitoring.findings import read_findings
from aisle.monitoring.standing import read_standing
from aisle.storage.database import Database
from aisle.telemetry import Readings

Reader = Callable[[Connection, Readings], None]
"""Puts figures from a transaction into readings."""

_log = structlog.get_logger(__name__)


class Exporter:
    """Looks at the database and answers with what it saw.

    Args:
        database: Opens where everything is on record; it need not answer, now or ever.
        model: Name of the registered model whose retrainings are shown.
        cache_s: Seconds for which a look is good enough.
        readers: What is read at a look; everything by default.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        database: Callable[[], Database],
        *,
        model: str,
        cache_s: float,
        readers: Sequence[Reader] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._cache_s = cache_s
        self._readers = readers or (partial(read_findings, model=model), read_standing)
        self._clock = clock
        self._lock = Lock()
        self._seen = Readings()
        self._seen_at: float | None = None
        self._tried_at: float | None = None
        self._took = 0.0
        self._failures = 0
        self._trouble: str | None = None

    def read(self) -> Readings:
        """Return the figures, `cache_s` old at most or, while the database is away, those of the last look."""
        with self._lock:
            now = self._clock()
            if self._tried_at is None or now - self._tried_at >= self._cache_s:
                self._look()
            seen = self._seen.copy()
            seen.set("aisle_exporter_up", 0 if self._trouble else 1)
            seen.set("aisle_exporter_failures_total", self._failures)
            if self._seen_at is not None:
                seen.set("aisle_exporter_age_seconds", self._clock() - self._seen_at)
                seen.set("aisle_exporter_look_seconds", self._took)
            return seen

    def _look(self) -> None:
        begun = self._clock()
        seen = Readings()
        try:
            with self._database().reading() as connection:
                for reader in self._readers:
                    reader(connection, seen)
        except (DatabaseError, ProgrammingError) as error:  # the second is a schema that is not this version's
            self._note(str(error).partition("\n")[0])
        else:
            if self._trouble:
                _log.info("the database answers again")
            self._seen, self._seen_at, self._trouble = seen, begun, None
            self._took = self._clock() - begun
        self._tried_at = self._clock()

    def _note(self, reason: str) -> None:
        self._failures += 1
        if not self._trouble:
            _log.error("the database cannot be read: what is shown grows old", reason=reason)
        self._trouble = reason
