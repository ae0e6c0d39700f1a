"""How well and how fast a text-only model is trained on 11,050 real titles of 27 categories, and how fast it answers.

python -m benchmarks.bench_train

Two scores are told. The gold split is the product's own: a tenth of the rows, chosen by hash, looked at once. Its interval
is wide, so the mean over five splits with other seeds stands beside it, which no choice was made on.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import polars as pl

from aisle.catalog.snapshot import SCHEMA
from aisle.models.bundle import Bundle
from aisle.settings import Training
from aisle.training.fit import TrainingReport, train
from aisle.training.rows import products
from benchmarks.catalogues import real_data
from benchmarks.reporting import Figure, commit, report

SEEDS = range(5)
REPEATS = 5


def read_snapshot(folder: Path) -> pl.DataFrame:
    """Return the labelled rows of a folder in the challenge's layout, as a snapshot has them."""
    rows = pl.read_csv(folder / "X_train_update.csv", infer_schema=False)
    labels = pl.read_csv(folder / "Y_train_CVw08PX.csv", infer_schema=False)
    known = rows.select(
        source=pl.lit(folder.name),
        split=pl.lit("train"),
        id=pl.col(""),
        title=pl.col("designation"),
        description=pl.col("description"),
        label=labels["prdtypecode"],
    )
    missing = {name: pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in known.columns}
    return known.with_columns(missing.values()).select(list(SCHEMA))


def fastest(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Return the least seconds of several runs."""
    taken = []
    for _ in range(REPEATS):
        begin = clock()
        work()
        taken.append(clock() - begin)
    return min(taken)


def trained(frame: pl.DataFrame, folder: Path, seed: int) -> TrainingReport:
    """Train once with a seed."""
    return train(frame, "0" * 64, Training(seed=seed), folder=folder, commit=commit())


def main() -> int:
    data = real_data()
    if data is None or not (data / "rakuten-14k").is_dir():
        print("not run: no rakuten-14k among the real catalogues (AISLE_TEST_DATA names their folder)")
        return 0
    frame = read_snapshot(data / "rakuten-14k")
    with TemporaryDirectory() as place:
        folder = Path(place) / "bundle"
        begin = time.perf_counter()
        own = train(frame, "0" * 64, Training(), folder=folder, commit=commit(), progress=print)
        seconds = time.perf_counter() - begin
        again = trained(frame, Path(place) / "again", Training().seed)
        others = [trained(frame, Path(place) / str(seed), seed).metrics["gold"] for seed in SEEDS]
        bundle = Bundle.load(folder)
        items = products(frame)
        gold = own.metrics["gold"]
        figures = [
            Figure("weighted F1, gold split", gold["weighted_f1"]["value"], bar=0.76),
            Figure("  95 % interval from", gold["weighted_f1"]["low"]),
            Figure("  95 % interval to", gold["weighted_f1"]["high"]),
            Figure("weighted F1, mean of 5 other splits", mean(m["weighted_f1"]["value"] for m in others), bar=0.76),
            Figure("macro F1, gold split", gold["macro_f1"]["value"]),
            Figure("macro F1, mean of 5 other splits", mean(m["macro_f1"]["value"] for m in others)),
            Figure("calibration error, mean of 5 other splits", mean(m["calibration_error"] for m in others)),
            Figure("training", seconds, "s"),
            Figure("trained twice, same digest", float(own.digest == again.digest), bar=1),
            Figure("loading", fastest(lambda: Bundle.load(folder), time.perf_counter), "s", bar=1, higher_is_better=False),
            Figure(
                "answers on one core", len(items) / fastest(lambda: bundle.predict(items), time.process_time), "titles/s"
            ),
            Figure("bundle", bundle.size_bytes / 1e6, "MB", bar=60, higher_is_better=False),
        ]
    about = {"data": "rakuten-14k", "rows": dict(own.rows), "seconds": dict(own.seconds), "bundle": own.digest}
    return report("train", figures, about=about)


if __name__ == "__main__":
    sys.exit(main())
