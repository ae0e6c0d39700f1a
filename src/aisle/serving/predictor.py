"""What a server scores with: the loaded model, where it comes from, and the threads that do the work."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from aisle.catalog.product import Product
from aisle.errors import Overloaded
from aisle.models.prediction import Prediction

_T = TypeVar("_T")


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


@dataclass(frozen=True, slots=True)
class ChampionRef:
    """Who is champion.

    Args:
        version: Number of the registered model version.
        bundle: Digest of its bundle.
        sequence: Number of the ledger's row that made it champion.
    """

    version: int
    bundle: str
    sequence: int


class ChampionSource(Protocol):
    """Where a server learns who is champion, and gets its bundle."""

    def current(self) -> ChampionRef | None:
        """Return the champion as the ledger has it, or None before the first promotion."""
        ...

    def load(self, ref: ChampionRef) -> Model:
        """Fetch, verify and replay a bundle, and return it ready to predict.

        Raises:
            BundleError: The bundle is missing, damaged or foreign.
        """
        ...


@dataclass(frozen=True, slots=True)
class Champion:
    """A model in service: which one it is, the model itself, and since when it has been loaded."""

    ref: ChampionRef
    model: Model
    loaded_at: datetime


class Scorer:
    """A few threads with a bounded queue, so that scoring never holds up the event loop nor piles up work.

    Args:
        threads: Jobs run at once.
        max_waiting: Jobs that may wait for a thread.
    """

    def __init__(self, *, threads: int, max_waiting: int) -> None:
        self._room = threading.BoundedSemaphore(threads + max_waiting)
        self._limit = max_waiting
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="scorer")

    async def run(self, job: Callable[[], _T]) -> _T:
        """Run a job in one of the threads and return what it returns.

        Raises:
            Overloaded: As many jobs as may wait are waiting already.
        """
        if not self._room.acquire(blocking=False):
            raise Overloaded(f"{self._limit} requests are waiting already.", hint="Ask again shortly.")
        future = self._threads.submit(job)
        # The place is given back when the job is over, not when its client has lost patience: the thread is busy until then.
        future.add_done_callback(self._give_back)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Drop the waiting jobs, and end the threads as their running ones finish; does not wait for that."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _give_back(self, _: Future[Any]) -> None:
        self._room.release()
