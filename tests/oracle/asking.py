"""Evidently as an oracle: in an environment of its own (`scripts/setup-oracle.sh`), asked in another process."""

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-oracle" / "bin" / "python"


def missing() -> str:
    """Return why it cannot be asked; empty where it can."""
    return "" if PYTHON.is_file() else "Evidently is not installed: scripts/setup-oracle.sh makes .venv-oracle"


def ask(pairs: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Return Evidently's figures for pairs of columns: `kind`, `reference` and `window` each."""
    done = subprocess.run(
        [PYTHON, "-W", "ignore", Path(__file__).with_name("evidently_answers.py")],
        input=json.dumps(pairs),
        capture_output=True,
        text=True,
        check=True,
        env={"DO_NOT_TRACK": "1", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )
    answers: list[dict[str, float]] = json.loads(done.stdout)
    return answers
