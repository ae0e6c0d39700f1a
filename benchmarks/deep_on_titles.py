"""What the deep family brings beside logistic regression on titles, and what a checkpoint is worth; needs torch.

python -m benchmarks.deep_on_titles FOLDER
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedShuffleSplit

from aisle.catalog.product import Product
from aisle.features.text import TextFeatures
from aisle.models.deep.start import save_checkpoint
from aisle.models.families import family_named
from aisle.models.text_space_fit import TextOptions, fit_text_space


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the Rakuten challenge's files")
    parser.add_argument("--few", type=int, default=1_400, help="rows of the fit that begins with a checkpoint")
    options = parser.parse_args()
    titles = pl.read_csv(options.folder / "X_train_update.csv")["designation"].fill_null("")
    codes = pl.read_csv(options.folder / "Y_train_CVw08PX.csv")["prdtypecode"].to_numpy()
    labels = np.unique(codes, return_inverse=True)[1]
    text = TextOptions()
    counts = TextFeatures(text.config).counts([Product(str(row), title) for row, title in enumerate(titles)])
    classes = int(labels.max()) + 1
    for seed in range(3):
        split = StratifiedShuffleSplit(1, test_size=0.15, random_state=seed).split(labels, labels)
        train, judged = (np.sort(rows) for rows in next(split))
        space = fit_text_space(counts[train], labels[train], classes, text)
        known, asked = space.matrix(counts[train]), space.matrix(counts[judged])
        scores = {}
        for name in ("logistic", "deep"):
            start = time.process_time()
            scorer = _fit(name, known, labels[train], classes)
            took = time.process_time() - start
            size = sum(map(len, scorer.to_parts()[1].values())) / 1e6
            scores[name] = _logarithms(scorer.scores(asked))
            print(f"split {seed}: {name} {_f1(labels[judged], scores[name]):.1f}, {took:.0f} s of one core, {size:.1f} MB")
        print(f"split {seed}: both {_f1(labels[judged], sum(scores.values())):.1f}")
        if not seed:
            _checkpoint(known, labels[train], asked, labels[judged], options.few)


def _checkpoint(known: Any, labels: Any, asked: Any, answers: Any, few: int) -> None:
    order = np.random.default_rng(0).permutation(len(labels))
    own, others = np.sort(order[:few]), np.sort(order[few:])
    classes = int(labels.max()) + 1
    first = family_named("deep").candidates("text", few, classes)[0]
    names = np.arange(known.shape[1])
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(_fit("deep", known[others], labels[others], classes), names, Path(folder))
        fits = {
            f"logistic on {few:,}": _fit("logistic", known[own], labels[own], classes),
            f"deep on {few:,}": _fit("deep", known[own], labels[own], classes, first),
            f"deep on {few:,} after {len(others):,}": _fit(
                "deep", known[own], labels[own], classes, first.begun_with(folder), names=names
            ),
        }
    for name, scorer in fits.items():
        print(f"{name}: {_f1(answers, scorer.scores(asked)):.1f}")


def _fit(name: str, matrix: Any, labels: Any, classes: int, options: Any = None, **more: Any) -> Any:
    family = family_named(name)
    return family.fit(matrix, labels, classes, options or family.options(), seed=0, jobs=1, **more)


def _logarithms(scores: Any) -> Any:
    scores = scores - scores.max(axis=1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def _f1(labels: Any, scores: Any) -> float:
    return 100 * float(f1_score(labels, scores.argmax(axis=1), average="weighted"))


if __name__ == "__main__":
    main()
