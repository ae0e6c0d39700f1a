"""How often a key may ask: a token bucket for each, in this process."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

_MINUTE_S = 60.0
_MAX_BUCKETS = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a request found in its bucket.

    Args:
        limit: Requests a minute.
        remaining: Requests that may follow at once.
        reset_s: Seconds until the bucket is full again.
        retry_after_s: Seconds until the next request is accepted; 0 if this one was.
    """

    limit: int
    remaining: int
    reset_s: int
    retry_after_s: float

    @property
    def headers(self) -> dict[str, str]:
        """The state of the limit as headers of an answer."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }


class Rates:
    """Token buckets by name: a minute's requests at most at once, refilled evenly. For one thread, the event loop's.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, name: str, limit: int) -> Allowance:
        """Take one request out of a bucket, if one is in it.

        Args:
            name: Whose bucket: a key and the one that replaces it share a name, and so a bucket.
            limit: Requests a minute.
        """
        now, refill = self._clock(), limit / _MINUTE_S
        bucket = self._buckets.get(name)
        if bucket is None:
            self._make_room(now)
            bucket = self._buckets[name] = _Bucket(float(limit), now)
        bucket.tokens = min(float(limit), bucket.tokens + (now - bucket.at) * refill)
        bucket.at = now
        accepted = bucket.tokens >= 1
        if accepted:
            bucket.tokens -= 1
        reset = math.ceil((limit - bucket.tokens) / refill)
        return Allowance(limit, int(bucket.tokens), reset, 0.0 if accepted else (1 - bucket.tokens) / refill)

    def _make_room(self, now: float) -> None:
        # A bucket that was left alone for a minute is full, so forgetting it changes nothing.
        if len(self._buckets) >= _MAX_BUCKETS:
            self._buckets = {name: bucket for name, bucket in self._buckets.items() if now - bucket.at < _MINUTE_S}
