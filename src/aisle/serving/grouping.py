"""Requests that wait for a scoring thread, answered together by the thread that takes the first of them.

Nothing waits for others to come: a thread that is free takes what there is, up to a bound. What a model and a thread cost
beside the products themselves is then paid once, which matters most where they are scarce: when requests pile up.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from aisle.catalog.product import Product
from aisle.errors import ModelError
from aisle.models.prediction import Prediction
from aisle.serving.attempt import Attempt
from aisle.serving.predictor import Champion, Scorer
from aisle.telemetry import Telemetry

MAX_BYTES = 65_536
"""A body of more bytes is answered by itself: a title with an image of usual size has fewer."""

_REQUESTS, _PRODUCTS = 8, 16


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that has been read.

    Args:
        products: What to classify, in order.
        top: How many categories each answer holds.
        finish: Makes the answer of the predictions, and of when scoring began and ended by `time.perf_counter`.
    """

    products: Sequence[Product]
    top: int
    finish: Callable[[list[Prediction], float, float], bytes]


@dataclass(eq=False, slots=True)
class _Waiting:
    champion: Champion
    prepare: Callable[[], Prepared]
    future: "asyncio.Future[bytes]"
    since: float
    prepared: Prepared | None = None
    answer: bytes | None = None
    error: Exception | None = None


class Grouper:
    """Answers small requests in a scorer's threads, those that wait for one champion together.

    Args:
        scorer: The threads, and how many requests may wait for them.
        telemetry: Shows how many products came together.
    """

    def __init__(self, scorer: Scorer, *, telemetry: Telemetry) -> None:
        self._scorer = scorer
        self._together = telemetry.histogram("aisle_batch_products")
        self._lock = threading.Lock()
        self._queue: deque[_Waiting] = deque()
        self._turns = 0

    async def run(self, champion: Champion, prepare: Callable[[], Prepared]) -> bytes:
        """Return the answer to a request.

        Args:
            champion: Who answers.
            prepare: Reads the request; called in a thread.

        Raises:
            Overloaded: Too many requests are waiting, or this one has waited for too long.
            InvalidRequest: What was read is not what it should be.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(champion, prepare, loop.create_future(), time.monotonic())
        self._scorer.admit()
        with self._lock:
            self._queue.append(waiting)
            # A turn goes on for as long as anything waits: there are as many as threads, whatever comes.
            begin = self._turns < self._scorer.threads
            self._turns += begin
        if begin:
            self._scorer.submit(partial(self._turn, loop))
        return await waiting.future

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        group = self._taken()
        ready = [waiting for waiting in group if waiting.prepared is not None]
        if ready:
            _score(ready)
            self._together.observe(sum(len(waiting.prepared.products) for waiting in ready if waiting.prepared))
        self._scorer.release(len(group))
        if group:
            loop.call_soon_threadsafe(_settle, group)
        with self._lock:
            more = bool(self._queue)
            self._turns -= not more
        if more:
            # Behind the jobs that came meanwhile: a long one must not wait until there is nothing small.
            self._scorer.submit(partial(self._turn, loop))

    def _taken(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        products = 0
        while len(group) < _REQUESTS and products < _PRODUCTS:
            with self._lock:
                if not self._queue or (group and self._queue[0].champion is not group[0].champion):
                    break
                waiting = self._queue.popleft()
            group.append(waiting)
            with Attempt() as made:
                self._scorer.check_wait(waiting.since)
                waiting.prepared = waiting.prepare()
                products += len(waiting.prepared.products)
            waiting.error = made.error
        return group


def _score(group: Sequence[_Waiting]) -> None:
    """Answer requests that have been read: together, or each alone where that goes wrong."""
    if len(group) > 1:
        with Attempt() as made:
            _answer(group)
        if made.error is None:
            return
    for waiting in group:
        with Attempt() as alone:
            _answer([waiting])
        waiting.error = alone.error or waiting.error


def _answer(group: Sequence[_Waiting]) -> None:
    asked = [waiting.prepared for waiting in group if waiting.prepared is not None]
    products = [product for one in asked for product in one.products]
    top = max(one.top for one in asked)
    began = time.perf_counter()
    found = group[0].champion.predict(products, top)
    ended = time.perf_counter()
    start = 0
    for waiting, one in zip(group, asked, strict=True):
        own = found[start : start + len(one.products)]
        start += len(one.products)
        with Attempt() as made:
            waiting.answer = one.finish(own if one.top == top else [each.brief(one.top) for each in own], began, ended)
        waiting.error = made.error


def _settle(group: Sequence[_Waiting]) -> None:
    for waiting in group:
        if waiting.future.done():
            continue  # its client has left
        if waiting.answer is not None:
            waiting.future.set_result(waiting.answer)
        else:
            waiting.future.set_exception(waiting.error or ModelError("The request was not answered."))
