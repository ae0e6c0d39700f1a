"""Our own server with the bundle of a folder as its champion: nothing else is imported, for its start is measured too.

python -m benchmarks.serving_ours FOLDER PORT [HOME]

Without HOME it is open and keeps nothing; with it, it knows the keys of the database there and logs its answers to it.
"""

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aisle.models.explain import ExplainingBundle
    from aisle.serving.predictor import ChampionRef
    from aisle.serving.records import Records


class FolderChampion:
    """A bundle as champion.

    Args:
        bundle: The bundle.
        ref: What it is called.
    """

    def __init__(self, bundle: "ExplainingBundle", ref: "ChampionRef") -> None:
        self._bundle = bundle
        self._ref = ref

    def current(self) -> "ChampionRef":
        """Return the one version that there is."""
        return self._ref

    def registered(self, version: int) -> "ChampionRef":
        """Return the one version that there is."""
        assert version == self._ref.version
        return self._ref

    def load(self, _: "ChampionRef") -> "ExplainingBundle":
        """Return its bundle."""
        return self._bundle


def records_of(home: str) -> "Records":
    """Return what a server keeps in the database of a home."""
    from aisle.bootstrap import Application
    from aisle.configuration import load_settings

    return Application(load_settings({"AISLE_HOME": home}, folder=Path(home))).records


def main() -> None:
    """Serve until the process is ended."""
    # As `aisle serve` does.
    gc.disable()
    from aisle.models.explain import ExplainingBundle
    from aisle.serving.app import create_app
    from aisle.serving.predictor import ChampionRef
    from aisle.serving.server import run
    from aisle.settings import Serving
    from aisle.telemetry import Telemetry, configure_logging

    gc.enable()
    configure_logging("info", "json")
    records = records_of(sys.argv[3]) if len(sys.argv) > 3 else None
    options = Serving(port=int(sys.argv[2]), open=records is None, drain_s=0)
    bundle = ExplainingBundle.load(Path(sys.argv[1]))
    champions = FolderChampion(bundle, ChampionRef(1, bundle.digest, 1))
    run(create_app(options=options, champions=champions, telemetry=Telemetry(), records=records), options)


if __name__ == "__main__":
    main()
