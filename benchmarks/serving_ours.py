"""Our own server with the bundle of a folder as its champion: nothing else is imported, for its start is measured too.

python -m benchmarks.serving_ours FOLDER PORT
"""

import sys
from pathlib import Path

from aisle.models.explain import ExplainingBundle as Bundle
from aisle.serving.app import create_app
from aisle.serving.predictor import ChampionRef
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


if __name__ == "__main__":
    configure_logging("info", "json")
    options = Serving(port=int(sys.argv[2]), open=True, drain_s=0)
    champions = FolderChampion(Path(sys.argv[1]))
    run(create_app(options=options, champions=champions, telemetry=Telemetry()), options)
