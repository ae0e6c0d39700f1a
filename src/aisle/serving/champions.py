"""Keeps the champion in service: looks who it is, loads and verifies it aside, then swaps one reference."""

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import structlog

from aisle import __version__
from aisle.errors import AisleError, BundleError
from aisle.serving.predictor import Champion, ChampionRef, ChampionSource
from aisle.telemetry import Telemetry

_log = structlog.get_logger(__name__)
_MAX_DELAY_S = 300.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the champion of the ledger is not the one in service.

    Args:
        reason: What happened, as a sentence.
        ref: The version that was refused; None when it could not even be learnt who is champion.
    """

    reason: str
    ref: ChampionRef | None = None


class ChampionWatch:
    """Follows a source of champions from a thread of its own.

    Whatever the source does, the model in service stays until another one has been loaded and verified. A bundle that
    was refused is tried again after a delay that doubles up to five minutes, for the fault may have been the network's.

    Args:
        source: Says who is champion and loads it.
        poll_s: Seconds between looks.
        telemetry: Counts swaps and shows readiness.
    """

    def __init__(self, source: ChampionSource, *, poll_s: float, telemetry: Telemetry) -> None:
        self._source = source
        self._poll_s = poll_s
        self._telemetry = telemetry
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="champion")
        self._watching: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()
        self._candidate: ChampionRef | None = None
        self._refused: ChampionRef | None = None
        self._refusals = 0
        self._retry_at = 0.0
        # Read by request threads, written by the one thread of this watch: each is one reference, replaced as a whole.
        self.champion: Champion | None = None
        self.trouble: Trouble | None = None
        self._show_build("none")
        telemetry.gauge("aisle_model_ready").set(0)

    async def start(self) -> None:
        """Begin to watch, and give the first look as long as one round may take."""
        self._watching = asyncio.create_task(self._watch())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._looked.wait(), self._poll_s)

    async def stop(self) -> None:
        """End watching; a load under way is left to end by itself."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def look(self) -> None:
        """Look once who is champion, and take it into service if it is another one than before."""
        round_ = asyncio.get_running_loop().run_in_executor(self._thread, self._look)
        await asyncio.wait({round_})
        # Judged here, not raised: a fault of the source, even one that nobody thought of, must not end the watch.
        if error := round_.exception():
            self._note(error)

    async def _watch(self) -> None:
        while True:
            await self.look()
            self._looked.set()
            await asyncio.sleep(self._poll_s)

    def _look(self) -> None:
        self._candidate = None
        ref = self._source.current()
        serving = self.champion
        if ref is None:
            self.trouble = Trouble("No version has been promoted yet.") if serving is None else None
        elif serving is not None and ref.bundle == serving.ref.bundle:
            # The same model, perhaps promoted again or registered under another version: nothing to load.
            self.champion, self.trouble = replace(serving, ref=ref), None
            self._show_build(str(ref.version))
        elif ref != self._refused or time.monotonic() >= self._retry_at:
            self._candidate = ref
            self._take(ref)

    def _take(self, ref: ChampionRef) -> None:
        started = time.perf_counter()
        model = self._source.load(ref)
        if model.digest != ref.bundle:
            raise BundleError(f"Version {ref.version} is bundle {ref.bundle}, but {model.digest} was loaded.")
        seconds = time.perf_counter() - started
        self.champion, self.trouble = Champion.of(ref, model), None
        self._refused, self._refusals = None, 0
        self._telemetry.gauge("aisle_model_ready").set(1)
        self._telemetry.gauge("aisle_model_load_seconds").set(seconds)
        self._telemetry.counter("aisle_model_swaps_total").labels("taken").inc()
        self._show_build(str(ref.version))
        _log.info("champion taken into service", version=ref.version, bundle=ref.bundle, seconds=round(seconds, 3))

    def _note(self, error: BaseException) -> None:
        expected = isinstance(error, AisleError)
        reason = str(error) if expected else f"Unexpected {type(error).__name__}; the log has its trace."
        trace = None if expected else error
        ref = self._candidate
        self.trouble = Trouble(reason, ref)
        if ref is None:
            _log.error("champion unknown", reason=reason, exc_info=trace)
            return
        self._refusals = self._refusals + 1 if ref == self._refused else 1
        self._refused = ref
        self._retry_at = time.monotonic() + min(self._poll_s * 2**self._refusals, _MAX_DELAY_S)
        self._telemetry.counter("aisle_model_swaps_total").labels("refused").inc()
        _log.error("champion refused", version=ref.version, bundle=ref.bundle, reason=reason, exc_info=trace)

    def _show_build(self, model_version: str) -> None:
        build = self._telemetry.gauge("aisle_build_info")
        build.clear()
        build.labels(__version__, model_version).set(1)
