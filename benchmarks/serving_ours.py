"""Our own server with the bundle of a folder as its champion: nothing else is imported, for its start is measured too.

python -m benchmarks.serving_ours FOLDER PORT [HOME]

Without HOME it is open and keeps nothing; with it, it knows the keys of the database there and logs its answers to it.
"""

import sys
from pathlib import Path

from aisle.models.explain import ExplainingBundle as Bundle
from aisle.serving.app import create_app
from aisle.serving.predictor import ChampionRef
from aisle.serving.records import Records
from aisle.serving.server import run
from aisle.settings import Serving
from aisle.telemetry import Telemetry, configure_logging


class FolderChampion:
    """The bundle of a folder as champion."""

    def __init__(self, folder: Path) -> None:
        self._bundle = Bundle.load(folder)

    def current(self) -> ChampionRef:
        """Return the one version that there is."""
        return ChampionRef(1, self._bundle.digest, 1)

    def load(self, _: ChampionRef) -> Bundle:
        """Return its bundle."""
        return self._bundle


def records_of(home: str) -> Records:
    """Return what a server keeps in the database of a home."""
    from aisle.bootstrap import Application
    from aisle.configuration import load_settings

    return Application(load_settings({"AISLE_HOME": home}, folder=Path(home))).records


if __name__ == "__main__":
    configure_logging("info", "json")
    records = records_of(sys.argv[3]) if len(sys.argv) > 3 else None
    options = Serving(port=int(sys.argv[2]), open=records is None, drain_s=0)
    champions = FolderChampion(Path(sys.argv[1]))
    run(create_app(options=options, champions=champions, telemetry=Telemetry(), records=records), options)
