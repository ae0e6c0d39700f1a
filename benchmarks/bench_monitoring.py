"""What monitoring sees, how often it is wrong, and what it costs: each figure beside its bar.

`AISLE_BENCH_WINDOWS` and `AISLE_BENCH_REPEATS` make the two simulations smaller, for a look.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, wasserstein_distance

from aisle.models.reference import number_reference
from aisle.monitoring.compatible import category_drift, number_drift
from aisle.monitoring.distances import distances, js, kl, smoothed, wasserstein
from aisle.monitoring.drift import column_drift
from aisle.monitoring.policy import Policy, read_policy
from aisle.monitoring.quality import quality_values
from aisle.monitoring.table import TableState, references_of, state_of
from benchmarks.monitoring_shop import DRIFTS, Shop, open_shop
from benchmarks.reporting import Figure, report
from tests.oracle import asking
from tests.oracle.tables import random_pairs

_TABLES = 200
_ROWS, _COLUMNS = 85_000, 20
_STREAMED, _BATCH = 10_000_000, 50_000
_LEAST_WINDOW, _LARGEST_WINDOW, _POWER_ROWS = 100, 10_000, 1_000


def main() -> int:
    if sys.argv[1:] == ["--stream"]:
        return _stream()
    figures = [*exactness(), *speed(), *memory()]
    with open_shop() as shop:
        figures += [*false_alarms(shop), *power(shop)]
    about = {"windows": _windows(), "repeats": _repeats(), "drifts": {d.name: d.summary for d in DRIFTS.values()}}
    return report("monitoring", figures, about=about)


def exactness() -> list[Figure]:
    """Distances beside scipy's and, where it is installed, Evidently's."""
    draw, worst = np.random.default_rng(0), {"JS": 0.0, "KL": 0.0, "Wasserstein": 0.0}
    for _ in range(_TABLES):
        bins = int(draw.integers(2, 60))
        p, q = (smoothed(draw.integers(0, 5_000, bins)) for _ in range(2))
        one, two = (
            draw.lognormal(0, 2, int(draw.integers(2, 3_000))),
            draw.normal(0, 3, int(draw.integers(2, 3_000))).round(1),
        )
        worst["JS"] = max(worst["JS"], abs(js(p, q) - jensenshannon(p, q, 2)))
        worst["KL"] = max(worst["KL"], abs(kl(p, q) - entropy(p, q)))
        worst["Wasserstein"] = max(worst["Wasserstein"], abs(wasserstein(one, two) - wasserstein_distance(one, two)))
    figures = [Figure(f"{name}, furthest from scipy", far, "", 1e-9, False) for name, far in worst.items()]
    return [*figures, *_like_evidently(), _outlier()]


def _like_evidently() -> list[Figure]:
    if reason := asking.missing():
        print(f"not compared: {reason}", file=sys.stderr)
        return []
    pairs, furthest = random_pairs(_TABLES, seed=1), 0.0
    for pair, expected in zip(pairs, asking.ask(pairs), strict=True):
        found = (number_drift if pair["kind"] == "number" else category_drift)(pair["reference"], pair["window"])
        for name, value in expected.items():
            furthest = max(furthest, abs(getattr(found, name) - value) / max(1.0, abs(value)))
    return [Figure(f"compatible mode, furthest from Evidently in {_TABLES} tables", furthest, "", 1e-6, False)]


def _outlier() -> Figure:
    draw = np.random.default_rng(1)
    reference, window = number_reference(draw.normal(size=20_000)), draw.normal(0.3, size=1_000)

    def measure(values: Any) -> float:
        places = np.searchsorted(reference.edges, values, side="right")
        return distances(np.bincount(places, minlength=len(reference.counts)), reference.counts).psi

    moved = abs(measure(np.append(window, 1e6)) / measure(window) - 1)
    return Figure("PSI moved by one outlier of 1e6 in 1,000 rows", 100 * moved, "%", 1, False)


def speed() -> list[Figure]:
    """Every drift and quality measure of a wide table, beside Evidently's on the same tables; and cost by rows."""
    reference, window = _table(_ROWS, 0), _table(_ROWS, 1)
    policy = read_policy()
    measure_all(reference, window, policy)
    ours = min(_seconds(lambda: measure_all(reference, window, policy)) for _ in range(3))
    references = references_of(reference)
    small = min(_seconds(lambda: state_of(window[: _ROWS // 4], references, "label")) for _ in range(5))
    large = min(_seconds(lambda: state_of(window, references, "label")) for _ in range(5))
    figures = [
        Figure(f"all drift and quality of {_ROWS:,} x {_COLUMNS}", ours, "s", 0.5, False),
        Figure("cost of four times the rows", large / small, "times", 4.6, False),
    ]
    theirs = _evidently_seconds(reference, window)
    if theirs is not None:
        figures += [
            Figure("Evidently, same tables", theirs, "s"),
            Figure("faster than Evidently", theirs / ours, "times", 10),
        ]
    return figures


def measure_all(reference: pl.DataFrame, window: pl.DataFrame, policy: Policy) -> int:
    """Measure all there is of two tables, the reference's own bins included, and return how many values that are."""
    references = references_of(reference)
    state = state_of(window, references, "label")
    values = [v for name, kept in references.items() for v in column_drift(name, kept, state.columns[name], 1e-4).values]
    return len(values) + len(quality_values(state, policy, 1e-4))


def _table(rows: int, seed: int) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    numbers = {f"number {n}": draw.lognormal(2, 0.2 + n / 10, rows) for n in range(12)}
    names = np.array([f"category {n:02}" for n in range(27)])
    others = {f"category {n}": names[draw.integers(0, 27, rows)] for n in range(_COLUMNS - 13)}
    return pl.DataFrame({**numbers, **others, "label": names[draw.integers(0, 27, rows)]})


_EVIDENTLY = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset, DataSummaryPreset
reference, window = (pd.read_parquet(path) for path in sys.argv[1:])
started = time.perf_counter()
Report([DataDriftPreset(), DataSummaryPreset()]).run(window, reference)
print(time.perf_counter() - started)
"""


def _evidently_seconds(reference: pl.DataFrame, window: pl.DataFrame) -> float | None:
    if asking.missing():
        return None
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="aisle-bench-") as folder:
        paths = [f"{folder}/{name}.parquet" for name in ("reference", "window")]
        for path, frame in zip(paths, (reference, window), strict=True):
            frame.write_parquet(path)
        environment = {"DO_NOT_TRACK": "1", "PATH": "/usr/bin:/bin", "HOME": folder}
        done = subprocess.run(
            [asking.PYTHON, "-c", _EVIDENTLY, *paths], capture_output=True, text=True, check=True, env=environment
        )
    return float(done.stdout.split()[-1])


def memory() -> list[Figure]:
    """Memory that ten million rows take as they stream by, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_monitoring", "--stream"], stdout=subprocess.PIPE, check=True
    )
    told = json.loads(done.stdout)
    return [
        Figure(f"memory of {_STREAMED:,} streamed rows", told["megabytes"], "MB", 300, False),
        Figure("their rate", told["rows_per_second"], "rows/s"),
    ]


def _stream() -> int:
    draw = np.random.default_rng(0)
    languages, codes = np.array(["fr", "en", "de", "unknown"]), np.array([str(n) for n in range(27)])

    def batch() -> pl.DataFrame:
        return pl.DataFrame(
            {
                "title_chars": draw.lognormal(4, 0.4, _BATCH).round(),
                "confidence": draw.beta(6, 2, _BATCH),
                "language": languages[draw.integers(0, 4, _BATCH)],
                "predicted": codes[draw.integers(0, 27, _BATCH)],
            }
        )

    state = TableState(references_of(batch()), "predicted")
    started = time.perf_counter()
    for _ in range(_STREAMED // _BATCH):
        state.update(batch())
    seconds = time.perf_counter() - started
    assert state.rows == _STREAMED
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"megabytes": megabytes, "rows_per_second": _STREAMED / seconds}))
    return 0


def false_alarms(shop: Shop) -> list[Figure]:
    """How many windows alarm although nothing has changed, over all columns and measures together."""
    draw, alarmed, columns = np.random.default_rng(2), 0, dict[str, int]()
    for _ in range(_windows()):
        rows = int(np.exp(draw.uniform(np.log(_LEAST_WINDOW), np.log(_LARGEST_WINDOW))))
        found = shop.look(shop.quiet(rows, draw))
        alarmed += found.state != "ok"
        for value in found.values:
            if value.state in {"watch", "act"}:
                columns[f"{value.column} {value.measure}"] = columns.get(f"{value.column} {value.measure}", 0) + 1
    if columns:
        print(f"false alarms: {columns}", file=sys.stderr)
    return [Figure(f"false alarms in {_windows():,} windows of nothing new", 100 * alarmed / _windows(), "%", 1, False)]


def power(shop: Shop) -> list[Figure]:
    """How often each drift is seen within a thousand rows."""
    figures, draw = [], np.random.default_rng(3)
    for name in DRIFTS:
        seen = sum(shop.look(shop.drifted(name, _POWER_ROWS, draw)).state != "ok" for _ in range(_repeats()))
        figures.append(Figure(f"seen: {name}", 100 * seen / _repeats(), "%", 95))
    return figures


def _windows() -> int:
    return int(os.environ.get("AISLE_BENCH_WINDOWS", "1000"))


def _repeats() -> int:
    return int(os.environ.get("AISLE_BENCH_REPEATS", "100"))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
