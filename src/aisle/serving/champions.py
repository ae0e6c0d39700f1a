"""Keeps a model in service: looks which it is to be, loads and verifies it aside, then swaps one reference."""

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import structlog

from aisle.errors import AisleError, BundleError
from aisle.serving.predictor import Champion, ChampionRef, ChampionSource
from aisle.serving.roles import Role, Sign
from aisle.telemetry import Telemetry

_log = structlog.get_logger(__name__)
_MAX_DELAY_S = 300.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the model that is due is not the one in service.

    Args:
        reason: What happened, as a sentence.
        ref: The version that was refused; None when it could not even be learnt which one is due.
    """

    reason: str
    ref: ChampionRef | None = None


class ChampionWatch:
    """Follows a source of champions from a thread of its own, or holds one version of it.

    Whatever the source does, the model in service stays until another one has been loaded and verified. A bundle that
    was refused is tried again after a delay that doubles up to five minutes, for the fault may have been the network's.

    Args:
        source: Says who is champion and loads it.
        poll_s: Seconds between looks.
        telemetry: Counts swaps and shows readiness.
        version: The version to hold, whoever is champion; the champion is followed where it is `None`.
        role: What the model does here.
    """

    def __init__(
        self,
        source: ChampionSource,
        *,
        poll_s: float,
        telemetry: Telemetry,
        version: int | None = None,
        role: Role = "champion",
    ) -> None:
        self.version = version
        self._source = source
        self._poll_s = poll_s
        self._role = role
        self._sign = Sign(role, telemetry, pinned=version is not None)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=role)
        self._watching: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()
        self._candidate: ChampionRef | None = None
        self._refused: ChampionRef | None = None
        self._refusals = 0
        self._retry_at = 0.0
        self._retired = False
        # Read by request threads, written by the one thread of this watch: each is one reference, replaced as a whole.
        self.champion: Champion | None = None
        self.trouble: Trouble | None = None

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

    def retire(self, trouble: Trouble | None = None) -> None:
        """Take the model out of service for good.

        Args:
            trouble: Why, if something is wrong with it.
        """
        self._retired = True
        self.champion, self.trouble = None, trouble
        self._sign.absent()

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
        serving = self.champion
        if self._retired or (serving is not None and self.version is not None):
            # A version's bundle never changes: one that is held needs no second look, and no database.
            return
        ref = self._source.current() if self.version is None else self._source.registered(self.version)
        if ref is None:
            self.trouble = Trouble("No version has been promoted yet.") if serving is None else None
        elif serving is not None and ref.bundle == serving.ref.bundle:
            # The same model, perhaps promoted again or registered under another version: nothing to load.
            self.champion, self.trouble = replace(serving, ref=ref), None
            self._sign.named(ref)
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
        self._sign.taken(ref, load_s=seconds, swap_s=time.perf_counter() - started)
        _log.info(f"{self._role} taken into service", version=ref.version, bundle=ref.bundle, seconds=round(seconds, 3))

    def _note(self, error: BaseException) -> None:
        expected = isinstance(error, AisleError)
        reason = str(error) if expected else f"Unexpected {type(error).__name__}; the log has its trace."
        trace = None if expected else error
        ref = self._candidate
        self.trouble = Trouble(reason, ref)
        if ref is None:
            _log.error(f"{self._role} unknown", reason=reason, exc_info=trace)
            return
        self._refusals = self._refusals + 1 if ref == self._refused else 1
        self._refused = ref
        self._retry_at = time.monotonic() + min(self._poll_s * 2**self._refusals, _MAX_DELAY_S)
        self._sign.refused()
        _log.error(f"{self._role} refused", version=ref.version, bundle=ref.bundle, reason=reason, exc_info=trace)
