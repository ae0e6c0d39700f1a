"""How full the server is: how late its event loop comes, how many threads score and how many requests wait, sampled."""

import asyncio
import time

from aisle.serving.batching import Batcher
from aisle.serving.predictor import Scorer
from aisle.telemetry import Telemetry

EVERY_S = 0.1
"""Seconds between two samples."""


class Saturation:
    """Samples from a task of its own, so that no request pays for it.

    Args:
        scorer: The threads that score.
        batcher: What waits for its turn on the event loop.
        telemetry: Where it shows.
    """

    def __init__(self, scorer: Scorer, batcher: Batcher, telemetry: Telemetry) -> None:
        self._scorer = scorer
        self._batcher = batcher
        self._lag = telemetry.histogram("aisle_event_loop_lag_seconds")
        self._busy = telemetry.gauge("aisle_scoring_threads_busy")
        waiting = telemetry.gauge("aisle_scoring_waiting")
        self._for_thread, self._for_turn = waiting.labels("thread"), waiting.labels("turn")
        self._sampling: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to sample."""
        self._sampling = asyncio.create_task(self._sample())

    async def stop(self) -> None:
        """End sampling."""
        if self._sampling is not None:
            self._sampling.cancel()
            await asyncio.wait({self._sampling})

    async def _sample(self) -> None:
        while True:
            due = time.perf_counter() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self._lag.observe(max(0.0, time.perf_counter() - due))
            self._busy.set(self._scorer.busy)
            self._for_thread.set(self._scorer.waiting)
            self._for_turn.set(self._batcher.waiting)
