"""A server as a process, with the bundle of a folder as its champion; as a program it is that server.

python -m tests.integration.serving_process FOLDER [SETTING=VALUE ...]
"""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aisle.models.explain import ExplainingBundle as Bundle
from aisle.serving.app import create_app
from aisle.serving.predictor import ChampionRef
from aisle.serving.server import run
from aisle.settings import Serving
from aisle.telemetry import Telemetry, configure_logging

ROOT = Path(__file__).parents[2]


class FolderChampion:
    """The bundle of a folder as champion."""

    def __init__(self, folder: Path) -> None:
        self._bundle = Bundle.load(folder)

    def current(self) -> ChampionRef:
        return ChampionRef(1, self._bundle.digest, 1)

    def load(self, _: ChampionRef) -> Bundle:
        return self._bundle


@dataclass(frozen=True)
class Started:
    """A server: its address and its process."""

    url: str
    process: "subprocess.Popen[str]"


@contextlib.contextmanager
def serving_process(bundle: Path, **settings: object) -> Iterator[Started]:
    """Start a server on a free port, and wait until it listens."""
    given = [f"{name}={value}" for name, value in settings.items()]
    command = [sys.executable, "-m", "tests.integration.serving_process", str(bundle), *given]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            events = (json.loads(line) for line in process.stderr)
            url = next(event["url"] for event in events if event["event"] == "serving")
            # Somebody has to read what it says, or it waits at a full pipe.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield Started(url, process)
        finally:
            process.kill()


if __name__ == "__main__":
    changed = dict(pair.split("=", 1) for pair in sys.argv[2:])
    options = Serving.model_validate({"port": 0, "open": True, "drain_s": 0, **changed})
    configure_logging("info", "json")
    run(create_app(options=options, champions=FolderChampion(Path(sys.argv[1])), telemetry=Telemetry()), options)
