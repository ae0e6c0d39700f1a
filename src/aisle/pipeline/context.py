"""What a step works with: the process's live objects, handed in by `aisle.bootstrap`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aisle.models.bundle import Bundle
from aisle.registry.bundles import fetch
from aisle.registry.ledger import Ledger
from aisle.settings import Settings
from aisle.storage.database import Database
from aisle.storage.objects import Bucket

if TYPE_CHECKING:
    # Half a second to import, and most steps do without.
    from aisle.registry.mlflow import Tracking

Report = Callable[[str, int, int], None]
"""Told how far a step has come: what it does, how much of it was done since the last call, and how much there is in all."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class Context:
    """The live objects of one process, as steps see them.

    Args:
        settings: Every setting.
        database: The catalogue, the ledger and the pipeline's memory.
        images: The bucket of product images.
        artifacts: The bucket of snapshots and bundles.
        tracking: Opens MLflow; called by the steps that need it only.
        commit: The program's git commit, or `unknown`.
        report: Told how far a step has come.
    """

    settings: Settings
    database: Database
    images: Bucket
    artifacts: Bucket
    tracking: "Callable[[], Tracking]"
    commit: str
    report: Report = silent

    @property
    def ledger(self) -> Ledger:
        """The promotion ledger."""
        return Ledger(self.database)

    @property
    def bundle_cache(self) -> Path:
        """The folder of bundles that were fetched."""
        return self.settings.workspace.home / "bundles"

    def bundle(self, digest: str) -> Bundle:
        """Fetch, verify and load a bundle.

        Raises:
            BundleError: It is missing or damaged.
        """
        return Bundle.load(fetch(self.artifacts, digest, self.bundle_cache))
