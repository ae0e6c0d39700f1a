from collections.abc import Iterator
from pathlib import Path

import pytest

from aisle.registry.ledger import Ledger
from aisle.storage.database import Database


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Database]:
    """A migrated SQLite database of this test's own."""
    database = Database(f"sqlite:///{tmp_path / 'aisle.db'}")
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def ledger(embedded: Database) -> Ledger:
    """A ledger that knows versions 1 to 5 and has no champion."""
    ledger = Ledger(embedded)
    for version in range(1, 6):
        ledger.add_model(version, f"bundle-{version}", "snapshot", f"run-{version}", {"weighted_f1": 0.7 + version / 100})
    return ledger
