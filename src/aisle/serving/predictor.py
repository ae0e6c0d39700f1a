"""What a server scores with: the loaded model, where it comes from, and the threads that do the work."""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from aisle.catalog.product import Product
from aisle.errors import ModelError, Overloaded
from aisle.models.explain import Explanation
from aisle.models.prediction import Prediction

_T = TypeVar("_T")
_WARMING = 9
_PROBE = Product("probe", title="Piscine hors sol ronde en acier avec pompe, filtre et bâche 3,66 m" * 8)
"""A title that is long, so that what is measured with it is no less than what titles take."""


class Model(Protocol):
    """A loaded and verified bundle; several threads may call it at once."""

    @property
    def digest(self) -> str:
        """The bundle's digest."""
        ...

    @property
    def categories(self) -> Mapping[str, str]:
        """Every category that it can answer: code -> name."""
        ...

    def predict(self, products: Sequence[Product], *, top: int = 5) -> list[Prediction]:
        """Return one answer per product, in their order, with the `top` most probable categories each."""
        ...

    def explain(self, product: Product, code: str | None = None, *, terms: int = 10) -> Explanation:
        """Return what spoke for a category of a product, the answered one by default, and against it.

        Raises:
            InputError: There is no such category.
        """
        ...


@dataclass(frozen=True, slots=True)
class ChampionRef:
    """Who is champion.

    Args:
        version: Number of the registered model version.
        bundle: Digest of its bundle.
        sequence: Number of the ledger's row that made it champion; 0 for a version that is served for another reason.
    """

    version: int
    bundle: str
    sequence: int


class ChampionSource(Protocol):
    """Where a server learns who is champion, and gets its bundle."""

    def current(self) -> ChampionRef | None:
        """Return the champion as the ledger has it, or None before the first promotion."""
        ...

    def registered(self, version: int) -> ChampionRef:
        """Return a version by its number, whoever is champion.

        Raises:
            VersionNotFound: There is no such version.
        """
        ...

    def load(self, ref: ChampionRef) -> Model:
        """Fetch, verify and replay a bundle, and return it ready to predict.

        Raises:
            BundleError: The bundle is missing, damaged or foreign.
        """
        ...


@dataclass(frozen=True, slots=True)
class Champion:
    """A model in service.

    Args:
        ref: Which one it is.
        model: The model itself.
        loaded_at: Since when it has been loaded.
        seconds: What it takes to answer one product.
    """

    ref: ChampionRef
    model: Model
    loaded_at: datetime
    seconds: float = math.inf

    @classmethod
    def of(cls, ref: ChampionRef, model: Model) -> "Champion":
        """Return a model that was just loaded, with its time for one product."""
        times = []
        for _ in range(_WARMING):
            started = time.perf_counter()
            model.predict([_PROBE])
            times.append(time.perf_counter() - started)
        # The best of a few: a machine that is busy while it loads says nothing of the model.
        return cls(ref, model, datetime.now(UTC), min(times))

    def predict(self, products: Sequence[Product], top: int) -> list[Prediction]:
        """Return one answer per product, in their order.

        Args:
            products: What to classify.
            top: How many categories each answer holds.

        Raises:
            ModelError: There are not as many answers as products.
        """
        found = self.model.predict(products, top=top)
        if len(found) != len(products):
            raise ModelError(f"Version {self.ref.version} gave {len(found)} answers for {len(products)} products.")
        return found


class Scorer:
    """A few threads with a bounded queue, so that scoring never holds up the event loop nor piles up work.

    Args:
        threads: Jobs run at once.
        max_waiting: Jobs that may wait for a thread.
        max_wait_s: Seconds that one may wait: later its client has gone, and those behind it still hope.
    """

    def __init__(self, *, threads: int, max_waiting: int, max_wait_s: float = math.inf) -> None:
        self.threads = threads
        self._max_wait_s = max_wait_s
        self._places = threads + max_waiting
        self._limit = max_waiting
        self._lock = threading.Lock()
        self._inside = 0
        self._busy = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="scorer")

    @property
    def busy(self) -> int:
        """How many threads are at work."""
        return self._busy

    @property
    def waiting(self) -> int:
        """How many jobs wait for a thread."""
        return max(0, self._inside - self._busy)

    async def run(self, job: Callable[[], _T]) -> _T:
        """Run a job in one of the threads and return what it returns.

        Raises:
            Overloaded: As many jobs as may wait are waiting already, or this one has waited for too long.
        """
        self.admit()
        future = self.submit(partial(self._timely, job, time.monotonic()))
        # The place is given back when the job is over, not when its client has lost patience: the thread is busy until then.
        future.add_done_callback(self._give_back)
        return await asyncio.wrap_future(future)

    def admit(self) -> None:
        """Take a place, for whoever gives it back.

        Raises:
            Overloaded: As many jobs as may wait are waiting already.
        """
        with self._lock:
            if self.room <= 0:
                raise self.overloaded()
            self._inside += 1

    def release(self, places: int) -> None:
        """Give places back that were taken by `admit`."""
        with self._lock:
            self._inside -= places

    def submit(self, job: Callable[[], _T]) -> "Future[_T]":
        """Have a job run in one of the threads, however long it waits; it takes no place."""
        return self._pool.submit(self._counted, job)

    def check_wait(self, since: float) -> None:
        """Check that a job has not waited for too long.

        Args:
            since: Since when it waits, by `time.monotonic`.

        Raises:
            Overloaded: It has.
        """
        if time.monotonic() - since > self._max_wait_s:
            raise Overloaded(f"The request has waited for {self._max_wait_s:g} seconds.", hint="Ask again shortly.")

    @property
    def room(self) -> int:
        """How many more jobs may run or wait."""
        return self._places - self._inside

    def overloaded(self) -> Overloaded:
        """Return the error of a job that there is no room for."""
        return Overloaded(f"{self._limit} requests are waiting already.", hint="Ask again shortly.")

    def close(self) -> None:
        """Drop the waiting jobs, and end the threads as their running ones finish; does not wait for that."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _timely(self, job: Callable[[], _T], since: float) -> _T:
        self.check_wait(since)
        return job()

    def _counted(self, job: Callable[[], _T]) -> _T:
        with self._lock:
            self._busy += 1
        try:
            return job()
        finally:
            with self._lock:
                self._busy -= 1

    def _give_back(self, _: Future[Any]) -> None:
        self.release(1)
