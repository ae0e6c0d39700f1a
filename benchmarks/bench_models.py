"""How good the product's own models are, how soon they are there, and what they take: every figure that is promised.

python -m benchmarks.bench_models [--budget 10m] [--parts challenge,shop,full] [--rows 85000]

- `challenge`: two real catalogues of the challenge (20,629 labelled products, 11,626 images) are taken in and frozen, then
  learnt from with text and images within the budget. Gold rows are looked at once; they are a tenth of the labelled rows.
- `shop`: another shop's catalogue, by its mapping file alone, at one level of categories and at two (hundreds of classes).
- `full`: a made-up catalogue of full size with images, for time and memory only: its scores say nothing.

Memory is what the process and its workers hold together (proportional set size), looked at twice a second.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from sklearn.metrics import f1_score

from aisle.catalog.product import Product
from aisle.catalog.sample import write_sample
from aisle.pipeline.context import Context
from aisle.pipeline.messages import TrainInput, TrainOutput
from aisle.pipeline.scoring import score_split
from aisle.pipeline.steps import train_bundle
from aisle.training.curves import calibration_by_chance
from aisle.training.evaluate import evaluate, gold_rows
from aisle.training.rows import products
from benchmarks.reporting import RESULTS, ROOT, Figure, report
from benchmarks.shops import Shop, opened_shop
from tests.catalogues import real_catalogues

PARTS = ("challenge", "shop", "full")
GB = 1e9
FULL_GB, ASKED_GB = 6, 5.5
"""What a training on a full catalogue may hold, and what it is told that it may: fits are estimated."""


@dataclass
class Watched:
    """What a block took.

    Args:
        seconds: By the clock.
        peak_bytes: The most that the process and its children held together.
    """

    seconds: float = 0.0
    peak_bytes: int = 0


@contextmanager
def watched() -> Iterator[Watched]:
    """Time the block, and look at how much memory it takes."""
    found, over = Watched(), threading.Event()

    def look() -> None:
        me = psutil.Process()
        while not over.wait(0.5):
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss
                except psutil.NoSuchProcess:
                    continue
            found.peak_bytes = max(found.peak_bytes, total)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    begin = time.perf_counter()
    try:
        yield found
    finally:
        found.seconds = time.perf_counter() - begin
        over.set()
        watcher.join()


def told(context: Context) -> Context:
    """Return what steps work with, telling how far they are on lines of their own."""
    said: set[str] = set()

    def tell(what: str, _done: int, _total: int) -> None:
        if what not in said:
            said.add(what)
            print(f"… {what}", flush=True)

    return replace(context, report=tell)


def trained(shop: Shop, **asked: Any) -> TrainOutput:
    """Train on a frozen catalogue."""
    return train_bundle(told(shop.context), TrainInput(snapshot=shop.snapshot, **asked))


def weighted_f1(correct: tuple[str, ...], predicted: list[str]) -> float:
    """Return the weighted F1 of answers."""
    return float(f1_score(correct, predicted, average="weighted", zero_division=0))


def challenge(data: Path, budget: str) -> tuple[list[Figure], dict[str, Any]]:
    """Return the figures of the challenge's real catalogues."""
    names = [name for name in ("rakuten-14k", "rakuten-raw") if (data / name).is_dir()]
    with opened_shop([data / name for name in names]) as shop, TemporaryDirectory() as place:
        with watched() as first:
            made = trained(shop, budget=budget)
        bundle = shop.context.bundle(made.bundle)
        options = shop.context.settings.training
        gold = gold_rows(shop.rows(), options)
        images = shop.images()
        scores = evaluate(bundle, gold, images)
        titles = np.array([name.startswith("rakuten-14k/") for name in scores.ids])
        correct, predicted = np.array(scores.correct), np.array(scores.predicted)
        sight = [
            (product, code) for product, code in zip(products(gold, images), scores.correct, strict=True) if product.image
        ]
        blind = [Product(product.id, image=product.image) for product, _ in sight]
        seen = bundle.predict(blind, top=1)
        confidence = scores.probabilities.max(axis=1).astype(np.float64)
        surest = np.argsort(-confidence)[: round(0.9 * len(confidence))]
        chance, _ = calibration_by_chance(confidence, seed=options.seed)
        score_split(shop.context, bundle, "test", Path(place, "submission.csv"), source="rakuten-14k")
        submitted = len(Path(place, "submission.csv").read_text().splitlines()) - 1
        folder = shop.context.bundle_cache / made.bundle
        Path(place, "titles.json").write_text(json.dumps([product.title for product in products(shop.rows())]), "utf-8")
        command = [sys.executable, "-m", "benchmarks.answering", str(folder), str(Path(place, "titles.json"))]
        answering = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT).stdout)
        with watched() as second:
            again = trained(shop, budget=budget)
        figures = [
            Figure("weighted F1, gold rows", made.metrics["weighted_f1"], bar=0.81),
            Figure("  95 % interval from", made.metrics["weighted_f1_low"]),
            Figure("  95 % interval to", made.metrics["weighted_f1_high"]),
            Figure("macro F1, gold rows", made.metrics["macro_f1"], bar=0.785),
            Figure(
                f"weighted F1, the {titles.sum():,} of rakuten-14k",
                weighted_f1(correct[titles], predicted[titles]),
                bar=0.81,
            ),
            Figure(
                "macro F1, those of rakuten-14k",
                float(f1_score(correct[titles], predicted[titles], average="macro", zero_division=0)),
                bar=0.785,
            ),
            Figure(
                f"weighted F1, image alone ({len(sight):,} rows)",
                weighted_f1(tuple(code for _, code in sight), [answer.code for answer in seen]),
                bar=0.40,
            ),
            Figure("calibration error", made.metrics["calibration_error"], bar=0.02, higher_is_better=False),
            Figure("  by chance alone on as many rows", chance),
            *held_back(bundle.metrics),
            Figure("accuracy at 90 % coverage", float((correct == predicted)[surest].mean()), bar=0.86),
            # Both do the same work: what the slower took longer is what else the machine did.
            Figure("training, the faster of two", min(first.seconds, second.seconds), "s", 600, higher_is_better=False),
            Figure("  first", first.seconds, "s"),
            Figure("  second", second.seconds, "s"),
            Figure("training, peak memory", first.peak_bytes / GB, "GB", bar=3, higher_is_better=False),
            Figure("trained twice, same digest", float(made.bundle == again.bundle), bar=1),
            Figure("rows of the submission", submitted, bar=2_762),
            Figure("bundle", bundle.size_bytes / 1e6, "MB", bar=60, higher_is_better=False),
            Figure("loading", answering["loading_s"][1], "s", bar=1, higher_is_better=False),
            Figure("  the first of a process", answering["loading_s"][0], "s"),
            Figure("answers to titles on one core", answering["titles_per_second"], "titles/s", bar=40_000),
        ]
        about = {"data": names, "bundle": made.bundle, "components": bundle.metrics["components"]}
    return figures, {"challenge": about}


def held_back(metrics: Mapping[str, Any]) -> list[Figure]:
    """Return the calibration error on rows held back, for each pattern of what a product has."""
    looks = {entry["name"]: entry["modality"] for entry in metrics["components"]}
    return [
        Figure(
            f"  on {pattern['rows']:,} rows held back, {' and '.join(sorted({looks[name] for name in pattern['usable']}))}",
            pattern["calibration_error"],
        )
        for pattern in metrics["patterns"]
    ]


def shop_levels(data: Path, budget: str) -> tuple[list[Figure], dict[str, Any]]:
    """Return the figures of another shop's catalogue at two levels of its categories."""
    figures: list[Figure] = []
    mapping = ROOT / "examples" / "cdiscount" / "catalog.toml"
    with opened_shop([data / "cdiscount-50k"], mapping=mapping) as shop:
        for level in (1, 2):
            with watched() as took:
                made = trained(shop, budget=budget, level=level)
            metrics = shop.context.bundle(made.bundle).metrics
            name = f"cdiscount, level {level}"
            figures += [
                Figure(f"{name}: classes", len(shop.context.bundle(made.bundle).categories)),
                Figure(f"{name}: weighted F1", made.metrics["weighted_f1"]),
                Figure(f"{name}: macro F1", made.metrics["macro_f1"]),
                Figure(f"{name}: classes of one row, named", len(metrics["too_rare"])),
                Figure(
                    f"{name}: bundle", shop.context.bundle(made.bundle).size_bytes / 1e6, "MB", 60, higher_is_better=False
                ),
                Figure(f"{name}: training", took.seconds, "s"),
                Figure(f"{name}: peak memory", took.peak_bytes / GB, "GB"),
            ]
    return figures, {}


def full_size(rows: int, budget: str) -> tuple[list[Figure], dict[str, Any]]:
    """Return time and memory of a made-up catalogue of full size with images."""
    drawn = RESULTS / f"sample-{rows}"
    if not drawn.is_dir():
        # Drawing takes minutes: it is done once, and a drawing that was cut off is none.
        with TemporaryDirectory(dir=RESULTS) as place:
            write_sample(Path(place, "shop"), rows=rows, seed=1)
            Path(place, "shop").rename(drawn)
    with opened_shop([drawn]) as shop, watched() as took:
        trained(shop, budget=budget, memory=ASKED_GB)
    figures = [
        Figure(f"{rows:,} rows with images: training", took.seconds / 60, "min", bar=60, higher_is_better=False),
        Figure(f"{rows:,} rows with images: peak memory", took.peak_bytes / GB, "GB", bar=FULL_GB, higher_is_better=False),
    ]
    return figures, {"full": {"rows": rows, "budget": budget}}


def main() -> int:
    """Run the chosen parts and return the exit status; parts whose data is not there are named and passed over."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--budget", default="10m", help="time for each training on real rows")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--rows", type=int, default=85_000, help="rows of the catalogue of full size")
    parser.add_argument("--full-budget", default="45m", help="time for the training of full size")
    asked = parser.parse_args()
    data = real_catalogues()
    figures: list[Figure] = []
    about: dict[str, Any] = {"budget": asked.budget}
    runs = {
        "challenge": ("rakuten-14k", lambda: challenge(data or Path(), asked.budget)),
        "shop": ("cdiscount-50k", lambda: shop_levels(data or Path(), asked.budget)),
        "full": (None, lambda: full_size(asked.rows, asked.full_budget)),
    }
    for part in asked.parts.split(","):
        folder, run = runs[part]
        if folder is not None and (data is None or not (data / folder).is_dir()):
            print(f"{part} not run: no {folder} among the real catalogues (AISLE_TEST_DATA names their folder)")
            continue
        found, more = run()
        figures += found
        about |= more
    return report("models", figures, about=about)


if __name__ == "__main__":
    sys.exit(main())
