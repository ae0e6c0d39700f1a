"""Small requests that come in the same turn of the event loop, scored together in that loop.

A model takes 16 products in hardly more time than one, and a hop to a thread and back costs more than either. So what is
tiny is scored where it is: nothing waits for others to come, and no batch is larger than what the loop may be held up for.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from aisle.catalog.product import Product
from aisle.errors import Overloaded
from aisle.models.prediction import Prediction
from aisle.serving.predictor import Champion
from aisle.telemetry import Telemetry

AT_ONCE = 32
"""Products scored in one go on the event loop: about a millisecond."""

MAX_BYTES = 4_096
"""A body of more bytes is no small request."""

Timed = Callable[[float, float], None]
"""Told when something began and ended."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    champion: Champion
    products: Sequence[Product]
    top: int
    future: "asyncio.Future[list[Prediction] | None]"
    timed: Timed | None


class Batcher:
    """Scores small requests in the event loop, those of one turn and one champion together.

    Args:
        telemetry: Shows how many products came together.
        max_waiting: Requests that may wait for their turn.
    """

    def __init__(self, *, telemetry: Telemetry, max_waiting: int) -> None:
        self._together = telemetry.histogram("aisle_batch_products")
        self._max_waiting = max_waiting
        self._waiting: deque[_Waiting] = deque()
        self._scheduled = False

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._waiting)

    async def score(
        self, champion: Champion, products: Sequence[Product], top: int, timed: Timed | None = None
    ) -> list[Prediction] | None:
        """Return the answers to a small request, or None where scoring it with others went wrong: then score it alone.

        Args:
            champion: Who answers.
            products: A few products without images, `AT_ONCE` at most.
            top: How many categories each answer holds.
            timed: Told when scoring began and ended, by `time.perf_counter`.

        Raises:
            Overloaded: As many requests as may wait are waiting already.
        """
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded(f"{self._max_waiting} requests are waiting already.", hint="Ask again shortly.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Prediction] | None] = loop.create_future()
        self._waiting.append(_Waiting(champion, products, top, future, timed))
        if not self._scheduled:
            self._scheduled = True
            # After every request that is ready in this turn has got as far as here.
            loop.call_soon(self._turn, loop)
        return await future

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        batch = [self._waiting.popleft()]
        size = len(batch[0].products)
        while self._waiting and self._waiting[0].champion is batch[0].champion:
            if size + len(self._waiting[0].products) > AT_ONCE:
                break
            batch.append(self._waiting.popleft())
            size += len(batch[-1].products)
        self._scheduled = bool(self._waiting)
        if self._scheduled:
            # One batch a turn: in between, the loop reads and writes.
            loop.call_soon(self._turn, loop)
        self._together.observe(size)
        _answer(batch)


def _answer(batch: Sequence[_Waiting]) -> None:
    products = [product for waiting in batch for product in waiting.products]
    top = max(waiting.top for waiting in batch)
    found: list[Prediction] = []
    began = time.perf_counter()
    try:
        found = batch[0].champion.model.predict(products, top=top)
    finally:
        # One product that breaks the model must not take its neighbours along: each is then asked alone, elsewhere, and
        # the loop's handler has logged the error that passes here.
        ended = time.perf_counter()
        start = 0
        whole = len(found) == len(products)
        for waiting in batch:
            own = found[start : start + len(waiting.products)] if whole else None
            start += len(waiting.products)
            if own is not None and waiting.top < top:
                own = [replace(prediction, top=prediction.top[: waiting.top]) for prediction in own]
            if waiting.timed is not None:
                waiting.timed(began, ended)
            if not waiting.future.done():
                waiting.future.set_result(own)
