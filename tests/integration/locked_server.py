"""`aisle serve` with what the serving lock names and nothing else: what other libraries are installed here is not found.

python -m tests.integration.locked_server MODULES PORT

What it had imported at its end it writes to the file MODULES.
"""

import atexit
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "serving.txt"


def normalised(distribution: str) -> str:
    """Return a distribution's name as locks spell it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def locked() -> set[str]:
    """Return the distributions that a serving image holds."""
    return set(re.findall(r"^([a-z0-9-]+)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE))


def distributions() -> Mapping[str, set[str]]:
    """Return which installed distributions each top-level module is of."""
    return {module: set(map(normalised, names)) for module, names in packages_distributions().items()}


def left_out() -> set[str]:
    """Return the top-level modules that are installed here and are not in a serving image."""
    allowed = {*locked(), "aisle"}
    return {module for module, names in distributions().items() if not names & allowed}


class Without:
    """A finder that finds what another one finds, but for some top-level modules.

    Args:
        finder: The other one.
        names: The modules.
    """

    def __init__(self, finder: Any, names: set[str]) -> None:
        self._finder = finder
        self._names = names

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name.partition(".")[0] in self._names:
            return None
        found: ModuleSpec | None = self._finder.find_spec(name, path, target)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)


def main(modules: Path, port: str) -> None:
    """Serve until a signal comes."""
    before = set(sys.modules)
    names = left_out()
    sys.meta_path[:] = [Without(finder, names) for finder in sys.meta_path]

    def tell() -> None:
        imported = {name.partition(".")[0] for name in set(sys.modules) - before}
        modules.write_text(json.dumps(sorted(imported)), encoding="utf-8")

    atexit.register(tell)
    os.environ.pop("PYTHONPATH", None)
    from aisle.cli import main as aisle

    sys.argv[:] = ["aisle", "serve", "--port", port]
    aisle()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
