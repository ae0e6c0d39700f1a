"""The API keys that a server knows: read from their table by polling, kept in memory, proved there."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Protocol

import structlog

from aisle.errors import AisleError, NotReady, Unauthenticated
from aisle.registry.key_secrets import key_prefix
from aisle.registry.keys import ApiKey
from aisle.telemetry import Telemetry

_HOW = "Send one as `Authorization: Bearer KEY` or `X-API-Key: KEY`; `aisle keys create` makes one."
_log = structlog.get_logger(__name__)


class KeySource(Protocol):
    """Where a server learns which keys work."""

    def live(self) -> Sequence[ApiKey]:
        """Return the keys that work now.

        Raises:
            DatabaseError: They cannot be read.
        """
        ...

    def touch(self, used: Mapping[int, datetime]) -> None:
        """Keep when keys were last used, by their numbers.

        Raises:
            DatabaseError: It cannot be written.
        """
        ...


class Keyring:
    """Knows the keys, from a thread of its own; proving one takes neither a lock nor the database.

    While the table cannot be read, the keys that were known go on working until they expire.

    Args:
        source: The table; without one no key is known.
        poll_s: Seconds between looks, and so the longest that a new or revoked key takes to be noticed.
        telemetry: Counts looks and keys.
    """

    def __init__(self, source: KeySource | None, *, poll_s: float, telemetry: Telemetry) -> None:
        self._source = source
        self._poll_s = poll_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="keys")
        self._looks = telemetry.counter("aisle_api_key_looks_total")
        self._count = telemetry.gauge("aisle_api_keys")
        self._watching: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()
        self._used: dict[int, datetime] = {}
        # Read by requests, written by the thread: one reference, replaced as a whole. None until the first look succeeds.
        self._known: Mapping[str, ApiKey] | None = {} if source is None else None

    @property
    def known(self) -> Sequence[ApiKey]:
        """The keys that are known, whether or not they have expired since."""
        return tuple((self._known or {}).values())

    @property
    def is_empty(self) -> bool:
        """Whether it is known that there are no keys."""
        return self._known is not None and not self._known

    def prove(self, key: str) -> ApiKey:
        """Return whose key this is, and note that it was used.

        Args:
            key: What came with a request.

        Raises:
            Unauthenticated: It is no key that works; the error does not repeat it.
            NotReady: No key is known yet, for the table could not be read so far.
        """
        now = datetime.now(UTC)
        prefix = key_prefix(key)
        if prefix is None:
            raise Unauthenticated("What came as API key has not the form of one.", hint=_HOW, sent=True)
        if self._known is None:
            raise NotReady("The API keys could not be read yet.", hint="Ask again shortly.", retry_after_s=self._poll_s)
        found = self._known.get(prefix)
        if found is None or not found.seal.fits(key):
            raise Unauthenticated("The API key is not known, or has been revoked.", hint=_HOW, sent=True)
        if found.state(now) == "expired":
            raise Unauthenticated("The API key has expired.", hint="Ask for a new one.", sent=True)
        self._used[found.id] = now
        return found

    def missing(self) -> Unauthenticated:
        """Return the error for a request without any key."""
        return Unauthenticated("The request carries no API key.", hint=_HOW)

    async def start(self) -> None:
        """Begin to look, and give the first look as long as one round may take."""
        if self._source is None:
            return
        self._watching = asyncio.create_task(self._watch(self._source))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._looked.wait(), self._poll_s)

    async def stop(self) -> None:
        """End looking."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _watch(self, source: KeySource) -> None:
        while True:
            used, self._used = self._used, {}
            round_ = asyncio.get_running_loop().run_in_executor(self._thread, self._look, source, used)
            await asyncio.wait({round_})
            # Judged here, not raised: no fault of the table may end the watch.
            error = round_.exception()
            self._looks.labels("failed" if error else "done").inc()
            if error is not None:
                trace = None if isinstance(error, AisleError) else error
                _log.error("API keys not read", reason=str(error), known=len(self.known), exc_info=trace)
            self._looked.set()
            await asyncio.sleep(self._poll_s)

    def _look(self, source: KeySource, used: Mapping[int, datetime]) -> None:
        self._known = {key.prefix: key for key in source.live()}
        self._count.set(len(self._known))
        source.touch(used)
