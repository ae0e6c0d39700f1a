"""A second version that is asked what the champion was asked, aside and afterwards, and that never answers.

What was answered waits in a queue that is bounded in products and in bytes; what does not fit is dropped and counted. One
thread scores it and rests in between, so that of the one interpreter that both share the answers keep the greater part.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from aisle.catalog.product import Product
from aisle.errors import AisleError, ModelError
from aisle.models.prediction import Prediction
from aisle.serving.attempt import Attempt
from aisle.serving.champions import ChampionWatch
from aisle.serving.comparison import Comparison
from aisle.serving.predictor import Champion, ChampionRef
from aisle.telemetry import Telemetry

_AT_ONCE = 32
_MAX_BYTES = 16 << 20
_REST = 3.0
"""Seconds of rest for each second of work: the shadow takes a quarter of one core at most."""

_STOP_S = 2.0
_log = structlog.get_logger(__name__)

State = Literal["loading", "refused", "live", "champion"]


@dataclass(frozen=True, slots=True)
class _Answered:
    champion: ChampionRef
    products: Sequence[Product]
    found: Sequence[Prediction]
    weight: int


class Shadow:
    """Scores live traffic with another version and compares.

    Args:
        watch: Keeps the version.
        champions: Keeps the champion.
        max_products: Products that may wait.
        telemetry: Counts what came of them.
    """

    def __init__(self, watch: ChampionWatch, champions: ChampionWatch, *, max_products: int, telemetry: Telemetry) -> None:
        self.watch = watch
        self.comparison = Comparison()
        self.dropped = 0
        self.failed = 0
        self._champions = champions
        self._max_products = max_products
        self._counts = telemetry.counter("aisle_shadow_products_total")
        self._differences = telemetry.histogram("aisle_shadow_confidence_difference")
        self._lock = threading.Lock()
        self._queue: deque[_Answered] = deque()
        self._products = 0
        self._bytes = 0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._failing = False
        # A daemon: a model that never comes back must not keep a process that wants to end.
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    @property
    def state(self) -> State:
        """What it is doing: nothing while it is being loaded or was refused, nor while it is champion itself."""
        shadow = self.watch.champion
        if shadow is None:
            return "loading" if self.watch.trouble is None else "refused"
        return "champion" if self._is_champion(shadow) else "live"

    def offer(self, champion: Champion, products: Sequence[Product], found: Sequence[Prediction]) -> None:
        """Take answers aside to be compared; never waits.

        Args:
            champion: Who gave them.
            products: What was asked.
            found: The answers.
        """
        shadow, serving = self.watch.champion, self._champions.champion
        if shadow is None or serving is None or champion.ref.bundle != serving.ref.bundle or self._is_champion(shadow):
            return
        weight = sum(len(p.image or b"") + len(p.title or "") + len(p.description or "") for p in products)
        with self._lock:
            fits = self._products + len(products) <= self._max_products and self._bytes + weight <= _MAX_BYTES
            if fits:
                self._queue.append(_Answered(champion.ref, products, found, weight))
                self._products += len(products)
                self._bytes += weight
            else:
                self.dropped += len(products)
        if fits:
            self._wake.set()
        else:
            self._counts.labels("dropped").inc(len(products))

    async def start(self) -> None:
        """Load the version, and begin to score."""
        self._thread.start()
        await self.watch.start()

    async def stop(self) -> None:
        """End; what is waiting is forgotten."""
        self._stopping.set()
        self._wake.set()
        await self.watch.stop()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, _STOP_S)

    def _is_champion(self, shadow: Champion) -> bool:
        serving = self._champions.champion
        return serving is not None and serving.ref.bundle == shadow.ref.bundle

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            while (batch := self._next()) and not self._stopping.is_set():
                started = time.perf_counter()
                self._score(batch)
                self._stopping.wait(_REST * (time.perf_counter() - started))

    def _next(self) -> list[_Answered]:
        batch: list[_Answered] = []
        size = 0
        with self._lock:
            while self._queue and (not batch or size + len(self._queue[0].products) <= _AT_ONCE):
                # Answers of two champions are not compared in one go.
                if batch and self._queue[0].champion != batch[0].champion:
                    break
                batch.append(self._queue.popleft())
                size += len(batch[-1].products)
                self._bytes -= batch[-1].weight
            self._products -= size
        return batch

    def _score(self, batch: Sequence[_Answered]) -> None:
        shadow = self.watch.champion
        products = [product for one in batch for product in one.products]
        answered = [prediction for one in batch for prediction in one.found]
        if shadow is None:
            return
        with Attempt() as made:
            found = shadow.model.predict(products, top=1)
            if len(found) != len(products):
                raise ModelError(f"Version {shadow.ref.version} gave {len(found)} answers for {len(products)} products.")
            self._compare(batch[0].champion, answered, found)
        if made.error is None:
            if self._failing:
                _log.info("the shadow answers again", version=shadow.ref.version)
            self._failing = False
        elif len(batch) > 1:
            # One product that breaks the model must not take its neighbours along.
            for one in batch:
                self._score([one])
        else:
            self._fail(shadow, len(products), made.error)

    def _compare(self, champion: ChampionRef, answered: Sequence[Prediction], found: Sequence[Prediction]) -> None:
        agree = self.comparison.add(champion, answered, found)
        for one, two in zip(answered, found, strict=True):
            self._differences.observe(abs(two.confidence - one.confidence))
        self._counts.labels("agree").inc(agree)
        self._counts.labels("differ").inc(len(found) - agree)

    def _fail(self, shadow: Champion, products: int, error: Exception) -> None:
        self.failed += products
        self._counts.labels("failed").inc(products)
        if not self._failing:
            trace = None if isinstance(error, AisleError) else error
            _log.error("the shadow failed", version=shadow.ref.version, reason=str(error), exc_info=trace)
        self._failing = True
