"""The real source of champions: the promotion ledger says who, the object store holds the bundle."""

from pathlib import Path

from aisle.models.explain import ExplainingBundle
from aisle.registry.bundles import fetch
from aisle.registry.ledger import Ledger
from aisle.serving.predictor import ChampionRef
from aisle.storage.objects import Bucket


class LedgerSource:
    """Follows the promotion ledger.

    Args:
        ledger: Says who is champion.
        artifacts: The bucket that keeps bundles.
        cache: The folder of bundles that were fetched.
    """

    def __init__(self, ledger: Ledger, artifacts: Bucket, cache: Path) -> None:
        self._ledger = ledger
        self._artifacts = artifacts
        self._cache = cache

    def current(self) -> ChampionRef | None:
        """Return the champion as the ledger has it, or None before the first promotion."""
        row = self._ledger.champion()
        return None if row is None else ChampionRef(row.version, self._ledger.model(row.version).bundle, row.seq)

    def registered(self, version: int) -> ChampionRef:
        """Return a version by its number, whoever is champion.

        Raises:
            VersionNotFound: There is no such version.
        """
        return ChampionRef(version, self._ledger.model(version).bundle, 0)

    def load(self, ref: ChampionRef) -> ExplainingBundle:
        """Fetch, verify and replay a bundle, and return it ready to predict.

        Raises:
            BundleError: The bundle is missing, damaged or foreign.
        """
        return ExplainingBundle.load(fetch(self._artifacts, ref.bundle, self._cache))
