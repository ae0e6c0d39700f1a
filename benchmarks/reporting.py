"""What every benchmark ends with: a table of figure, bar and met, a JSON file, and an exit status."""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
"""The repository."""
RESULTS = ROOT / "build" / "bench"
"""Where the JSON files go."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number and what it has to reach.

    Args:
        name: What was measured.
        value: The number.
        unit: What it counts.
        bar: What it has to reach; None for a figure that is only told.
        higher_is_better: Whether reaching means being at least the bar, or at most.
    """

    name: str
    value: float
    unit: str = ""
    bar: float | None = None
    higher_is_better: bool = True

    @property
    def met(self) -> bool:
        """Whether the bar is reached; a number that is none (NaN) never reaches it."""
        if self.bar is None:
            return True
        return bool(self.value >= self.bar if self.higher_is_better else self.value <= self.bar)


def report(name: str, figures: Sequence[Figure], *, about: Mapping[str, Any] | None = None) -> int:
    """Print a benchmark's figures as a table, write them to `build/bench/NAME.json` and return the exit status.

    Args:
        name: The benchmark's name.
        figures: What was measured.
        about: What else the JSON should tell, such as the data measured on.

    Returns:
        0 when every bar is met, else 1.
    """
    print(table(figures))
    RESULTS.mkdir(parents=True, exist_ok=True)
    content = {
        "benchmark": name,
        "machine": machine(),
        "commit": commit(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "about": dict(about or {}),
        "figures": [
            {
                "name": f.name,
                "value": float(f.value),
                "unit": f.unit,
                "bar": f.bar,
                "higher_is_better": f.higher_is_better,
                "met": f.met,
            }
            for f in figures
        ],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
    missed = [figure.name for figure in figures if not figure.met]
    if missed:
        print(f"\nmissed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def table(figures: Sequence[Figure]) -> str:
    """Return figures as a plain table with the columns figure, value, bar and met."""
    rows = [("figure", "value", "bar", "met")]
    for figure in figures:
        bar = "" if figure.bar is None else f"{'>=' if figure.higher_is_better else '<='} {_number(figure.bar)}"
        met = "" if figure.bar is None else "yes" if figure.met else "NO"
        rows.append((figure.name, f"{_number(figure.value)} {figure.unit}".rstrip(), bar, met))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {
        "platform": platform.platform(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
    }


def commit() -> str:
    """Return the commit that was measured, with `-dirty` for uncommitted changes; `unknown` without a repository or git."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    described = subprocess.run(
        [git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() if described.returncode == 0 else "unknown"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
