"""Takes answers aside and writes them to the prediction log from a thread of its own, never at an answer's expense.

Answers wait in a queue that is bounded in products and in bytes; what does not fit is dropped and counted. While the log
cannot be written, a batch is tried again a few times and then dropped, so that one that can never be written holds nothing
up; when the log can be written again, writing goes on by itself.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import structlog

from aisle.errors import AisleError
from aisle.monitoring.answers import Answered, LookBudget, answer_rows
from aisle.serving.attempt import Attempt
from aisle.settings import Serving
from aisle.telemetry import Telemetry

_BATCH_ROWS = 1_000
_FLUSH_S = 0.5
_MAX_BYTES = 32 << 20
_ATTEMPTS = 5
_FIRST_DELAY_S = 0.25
_MAX_DELAY_S = 5.0
_log = structlog.get_logger(__name__)


class AnswerStore(Protocol):
    """Where answers are kept."""

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, all or none.

        Raises:
            DatabaseError: They cannot be written.
        """
        ...


class Journal:
    """The queue of answers and the thread that writes them.

    Args:
        store: Where answers are kept; without one nothing is.
        options: Whether they are kept at all, how many may wait, and whether their text is kept.
        telemetry: Counts what was written and dropped.
    """

    def __init__(self, store: AnswerStore | None, *, options: Serving, telemetry: Telemetry) -> None:
        self._store = store if options.log_predictions else None
        self._max_rows = options.log_queue
        self._keep_text = options.keep_text
        self._looks = LookBudget(options.looks_per_second)
        self._counts = telemetry.counter("aisle_prediction_log_total")
        self._failures = telemetry.counter("aisle_prediction_log_failures_total")
        self._waiting = telemetry.gauge("aisle_prediction_log_waiting")
        self._lock = threading.Lock()
        self._queue: deque[Answered] = deque()
        self._rows = 0
        self._bytes = 0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._idle = threading.Event()
        self._ended = False
        self._failing = False
        # A daemon: a database that never answers must not keep a process that wants to end.
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def offer(self, answered: Answered) -> bool:
        """Take an answer aside, and return whether there was room; never waits, whatever becomes of the log."""
        if self._store is None:
            return False
        rows, weight = len(answered.predictions), answered.weight
        with self._lock:
            fits = not self._ended and self._rows + rows <= self._max_rows and self._bytes + weight <= _MAX_BYTES
            if fits:
                self._queue.append(answered)
                self._rows += rows
                self._bytes += weight
                self._idle.clear()
            full = self._rows >= _BATCH_ROWS
        if not fits:
            self._counts.labels("dropped").inc(rows)
        if full:
            self._wake.set()
        return fits

    def start(self) -> None:
        """Begin to write."""
        if self._store is not None:
            self._thread.start()

    async def settle(self, within_s: float) -> bool:
        """Have what is waiting written now, and return whether all of it was."""
        if not self._thread.is_alive():
            return True
        self._wake.set()
        return await asyncio.to_thread(self._idle.wait, within_s)

    async def stop(self, within_s: float) -> None:
        """Write what is waiting, for so long at most; what is left then is dropped and counted."""
        if not self._thread.is_alive():
            return
        self._stopping.set()
        self._wake.set()
        await asyncio.to_thread(self._thread.join, within_s)
        with self._lock:
            left, self._rows, self._ended = self._rows, 0, True
            self._queue.clear()
        if left:
            self._counts.labels("dropped").inc(left)
            _log.error("answers not written before the end", dropped=left)

    def _run(self) -> None:
        while True:
            self._wake.wait(_FLUSH_S)
            self._wake.clear()
            ending = self._stopping.is_set()
            while batch := self._next():
                self._deliver(batch)
            if ending:
                return

    def _next(self) -> list[Answered]:
        """Return the oldest answers that make one batch; they wait until `_done` says what became of them."""
        batch: list[Answered] = []
        rows = 0
        with self._lock:
            self._waiting.set(self._rows)
            for answered in self._queue:
                if batch and rows + len(answered.predictions) > _BATCH_ROWS:
                    break
                batch.append(answered)
                rows += len(answered.predictions)
            if not batch:
                self._idle.set()
        return batch

    def _deliver(self, batch: list[Answered]) -> None:
        rows: Sequence[Mapping[str, Any]] = ()
        with Attempt() as made:
            rows = answer_rows(batch, keep_text=self._keep_text, looks=self._looks)
        if made.error is not None:
            self._note(made.error)
            self._done(batch, "dropped")
            return
        for attempt in range(_ATTEMPTS):
            with Attempt() as written:
                self._write(rows)
            if written.error is None:
                if self._failing:
                    _log.info("the prediction log can be written again")
                self._failing = False
                self._done(batch, "written")
                return
            self._note(written.error)
            if self._stopping.wait(min(_FIRST_DELAY_S * 2**attempt, _MAX_DELAY_S)):
                # The end is near: each batch that is left gets one attempt, and this one has had it.
                break
        self._done(batch, "dropped")

    def _write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if self._store is not None:
            self._store.write(rows)

    def _done(self, batch: list[Answered], outcome: Literal["written", "dropped"]) -> None:
        count = sum(len(answered.predictions) for answered in batch)
        with self._lock:
            if not self._queue:
                return  # `stop` has lost patience and counted these
            for answered in batch:
                self._queue.popleft()
                self._bytes -= answered.weight
            self._rows -= count
            self._waiting.set(self._rows)
        self._counts.labels(outcome).inc(count)

    def _note(self, error: Exception) -> None:
        self._failures.inc()
        if not self._failing:
            trace = None if isinstance(error, AisleError) else error
            _log.error("the prediction log cannot be written", reason=str(error), exc_info=trace)
        self._failing = True
