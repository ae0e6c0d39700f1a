"""A closed server with everything that a route tells of: a database, keys, two versions, a canary and a shadow.

python -m tests.integration.contract_server FOLDER

It writes the key to standard output, and its address to its log.
"""

import sys
from pathlib import Path

from aisle.models.bundle import write_bundle
from aisle.models.explain import ExplainingBundle
from aisle.registry.keys import SCOPES
from aisle.registry.ledger import Ledger
from aisle.serving.app import create_app
from aisle.serving.predictor import ChampionRef
from aisle.serving.server import run
from aisle.settings import Serving
from aisle.storage.database import Database
from aisle.telemetry import Telemetry, configure_logging
from tests.unit.models.examples import fitted, parts
from tests.unit.serving.fakes import real_records


class Shelf:
    """The bundles of two versions, of which the ledger says which is champion.

    Args:
        ledger: The ledger; both are registered there.
        folder: Where the bundles are made.
    """

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self._ledger = ledger
        self._bundles: dict[int, ExplainingBundle] = {}
        for version, model in ((1, fitted(images=True)), (2, fitted(140))):
            # Categories of the document's examples, which are sent as they stand.
            categories = {code: f"Category {code}" for code in ("10", "2583", "3")}
            write_bundle(folder / f"bundle-{version}", parts(model=model, categories=categories))
            bundle = self._bundles[version] = ExplainingBundle.load(folder / f"bundle-{version}")
            ledger.add_model(version, bundle.digest, "5" * 64, f"run-{version}", {})
        ledger.promote(1, actor="test", reason="The first.", evidence={}, expected=None)

    def current(self) -> ChampionRef:
        row = self._ledger.champion()
        assert row is not None
        return ChampionRef(row.version, self._bundles[row.version].digest, row.seq)

    def registered(self, version: int) -> ChampionRef:
        return ChampionRef(version, self._bundles[version].digest, 0)

    def load(self, ref: ChampionRef) -> ExplainingBundle:
        return next(bundle for bundle in self._bundles.values() if bundle.digest == ref.bundle)


def main(folder: Path) -> None:
    """Serve until a signal comes."""
    configure_logging("info", "json")
    database = Database(f"sqlite:///{folder / 'aisle.db'}")
    database.migrate()
    records = real_records(database)
    _, secret = records.keys.create("contract", scopes=SCOPES, requests_per_minute=None)  # type: ignore[attr-defined]
    print(secret, flush=True)
    # The longest text is as short as may be: what is one letter longer has to be within what the tool can draw.
    kept = {"canary": 2, "shadow": 2, "canary_share": 0.2, "log_lines": 1, "max_text_chars": 1_000}
    options = Serving(port=0, drain_s=0, metrics="key", poll_s=0.2, **kept)
    source = Shelf(Ledger(database), folder)
    run(create_app(options=options, champions=source, telemetry=Telemetry(), records=records), options)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
