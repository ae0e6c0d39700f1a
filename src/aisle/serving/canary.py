"""A second version that answers a stable share of the requests: the same key is always answered by the same version.

A request's key is its header `X-Request-Key`, or else its first product: the id if it has one, its content if not. All of a
request is answered by one version. Whatever is wrong with the canary, the champion answers.
"""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import structlog
from starlette.types import Scope

from aisle.catalog.product import Product
from aisle.errors import AisleError
from aisle.models.prediction import Prediction
from aisle.serving.champions import ChampionWatch, Trouble
from aisle.serving.predictor import Champion
from aisle.telemetry import Telemetry

KEY_HEADER = "X-Request-Key"
"""The header that names a request's key."""

MAX_FAILURES = 3
"""Failures in a row after which a canary is taken out of service."""

_HEADER = KEY_HEADER.lower().encode()
_log = structlog.get_logger(__name__)

State = Literal["loading", "refused", "live", "champion"]


@dataclass(slots=True)
class Tally:
    """What one side has answered since the canary came: requests, products, and those that a person should look at."""

    requests: int = 0
    products: int = 0
    reviewed: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Split:
    """How requests are shared out at one moment.

    Args:
        champion: Who answers most of them.
        canary: Who answers the share.
        share: The share.
        key: The key that the request brought, if it did.
    """

    champion: Champion
    canary: Champion
    share: float
    key: bytes | None

    def of(self, product: Product, position: int = 0) -> Champion:
        """Return who answers a request.

        Args:
            product: Its first product.
            position: The product's place, which is the id of one that came without.
        """
        key = product_key(product, position) if self.key is None else self.key
        return self.canary if takes(key, self.canary.ref.version, self.share) else self.champion


class Canary:
    """Shares requests out between the champion and another version, and counts what either answered.

    Args:
        watch: Keeps the version.
        champions: Keeps the champion.
        share: Share of the keys that the version answers, between 0 and 1.
        telemetry: Counts what either answered.
    """

    def __init__(self, watch: ChampionWatch, champions: ChampionWatch, *, share: float, telemetry: Telemetry) -> None:
        self.watch = watch
        self.share = share
        self.failures = 0
        self.tallies = {"champion": Tally(), "canary": Tally()}
        self._champions = champions
        self._telemetry = telemetry
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._was_champion = False

    @property
    def state(self) -> State:
        """What it is doing; `champion` once it has been champion, for good."""
        self._split(None)
        if self._was_champion:
            return "champion"
        if self.watch.champion is not None:
            return "live"
        return "loading" if self.watch.trouble is None else "refused"

    def split(self, scope: Scope) -> Split | None:
        """Return how a request is shared out, or `None` where the champion answers everything.

        Args:
            scope: The request's ASGI scope.
        """
        return self._split(next((value for name, value in scope["headers"] if name == _HEADER), None))

    def count(self, who: Champion, found: Sequence[Prediction], seconds: float) -> None:
        """Count what one side answered.

        Args:
            who: Who answered.
            found: The answers.
            seconds: How long they took.
        """
        canary = self.watch.champion
        if canary is None:
            return
        variant = "canary" if who.ref.bundle == canary.ref.bundle else "champion"
        reviewed = sum(one.review is not None for one in found)
        tally = self.tallies[variant]
        with self._lock:
            tally.requests += 1
            tally.products += len(found)
            tally.reviewed += reviewed
            tally.seconds += seconds
            if variant == "canary":
                self._in_a_row = 0
        self._telemetry.series("aisle_variant_products_total", variant, "no").inc(len(found) - reviewed)
        if reviewed:
            self._telemetry.series("aisle_variant_products_total", variant, "yes").inc(reviewed)
        self._telemetry.timing("aisle_variant_seconds", variant).observe(seconds)

    def fail(self, error: Exception) -> None:
        """Count a request that the canary could not answer; after `MAX_FAILURES` in a row it is taken out of service."""
        with self._lock:
            self.failures += 1
            self._in_a_row += 1
            ends = self._in_a_row == MAX_FAILURES
        self._telemetry.counter("aisle_variant_failures_total").labels("canary").inc()
        canary = self.watch.champion
        if canary is None:
            return
        trace = None if isinstance(error, AisleError) else error
        ref = canary.ref
        _log.error("the canary failed", version=ref.version, reason=str(error), exc_info=trace)
        if ends:
            self.watch.retire(Trouble(f"It failed {MAX_FAILURES} requests in a row; the log has why.", ref))
            _log.error("canary taken out of service", version=ref.version, failures=self.failures)

    def _split(self, key: bytes | None) -> Split | None:
        champion, canary = self._champions.champion, self.watch.champion
        if champion is None or canary is None:
            return None
        if champion.ref.bundle == canary.ref.bundle:
            # It has passed. Should it be rolled back from, nobody wants it back by this door.
            self._was_champion = True
            self.watch.retire()
            _log.info("the canary is champion", version=canary.ref.version)
            return None
        return Split(champion, canary, self.share, key)


def takes(key: bytes, version: int, share: float) -> bool:
    """Return whether a canary answers the requests of a key; which ones it does is another draw for each version.

    Args:
        key: The key.
        version: The canary's version.
        share: Share of the keys, between 0 and 1.
    """
    digest = hashlib.blake2b(key, key=b"aisle canary %d" % version, digest_size=8).digest()
    return int.from_bytes(digest) < share * 2**64


def product_key(product: Product, position: int = 0) -> bytes:
    """Return the key of a product: its id, or a digest of its content if it came without.

    Args:
        product: The product.
        position: Its place, which is the id of one that came without.
    """
    if product.id != str(position):
        return product.id.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(digest_size=16)
    for part in (product.title, product.description, product.brand):
        text = (part or "").encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(text) + text)
    digest.update(product.image or b"")
    return digest.digest()
