"""Reports in the object store: `reports/DIGEST/FILE`, under the digest of the bundle whose training they tell of."""

from aisle.errors import ObjectNotFound
from aisle.storage.objects import Bucket

PAGE = "report.html"
"""The one page that holds all of a report."""


def report_key(digest: str, name: str) -> str:
    """Return where a file of a report lies.

    Args:
        digest: The bundle's digest.
        name: The file's name.
    """
    return f"reports/{digest}/{name}"


class Reports:
    """Reads the pages of reports, and remembers of which bundles there is one: pages are written before versions are.

    Args:
        artifacts: The bucket of snapshots, bundles and reports.
    """

    def __init__(self, artifacts: Bucket) -> None:
        self._artifacts = artifacts
        self._known: set[str] = set()

    def has(self, digest: str) -> bool:
        """Return whether there is a page of a bundle's training."""
        if digest not in self._known and self._artifacts.exists(report_key(digest, PAGE)):
            self._known.add(digest)
        return digest in self._known

    def read(self, digest: str) -> bytes | None:
        """Return the page of a bundle's training; nothing where there is none, as of a bundle that came from elsewhere."""
        return self.read_key(report_key(digest, PAGE))

    def read_key(self, key: str) -> bytes | None:
        """Return a page by its key; nothing where there is none."""
        try:
            return self._artifacts.get(key)
        except ObjectNotFound:
            return None
