"""From a snapshot to a bundle: split, fit, calibrate, fit again on more rows, judge once, write."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.catalog.categories import category_name
from aisle.catalog.product import Product
from aisle.digest import json_digest
from aisle.errors import TrainingError
from aisle.features.text import TextFeatures
from aisle.models.bundle import BundleParts, write_bundle
from aisle.models.calibration import fit_temperature
from aisle.models.linear import LinearText
from aisle.models.linear_fit import LinearOptions, fit_linear_text
from aisle.settings import Training
from aisle.training.card import model_card
from aisle.training.evaluate import score_rows
from aisle.training.metrics import Scores, summarise
from aisle.training.profile import reference_profile
from aisle.training.rows import labelled_rows, products
from aisle.training.split import PARTS, split_rows

Progress = Callable[[str], None]

_LONG = ("per_class", "confusion")


@dataclass(frozen=True)
class TrainingReport:
    """How a training went.

    Args:
        digest: The bundle's digest.
        folder: Where the bundle lies.
        metrics: What its `metrics.json` says.
        rows: Rows of each part: `train`, `validation` and `gold`.
        seconds: How long each stage took.
        too_rare: Categories with a single row to learn from: kept, but do not count on them.
        not_judged: Categories without a gold row: trained on, but nobody knows how well.
    """

    digest: str
    folder: Path
    metrics: Mapping[str, Any]
    rows: Mapping[str, int]
    seconds: Mapping[str, float]
    too_rare: tuple[str, ...]
    not_judged: tuple[str, ...]


def train(
    frame: pl.DataFrame,
    snapshot_digest: str,
    options: Training,
    *,
    folder: Path,
    commit: str,
    level: int | None = None,
    progress: Progress | None = None,
) -> TrainingReport:
    """Train a classifier on a snapshot and write it as a bundle.

    The gold rows are looked at once, by the final model, to judge it.

    Args:
        frame: All rows of the snapshot; those without a label are left out.
        snapshot_digest: The snapshot's digest.
        options: Seed and shares.
        folder: Where the bundle goes; it does not exist yet, or is empty.
        commit: The commit of the code; `unknown` outside of a repository.
        level: How many levels of the labels are to be learnt; all by default.
        progress: Told at the beginning of each stage what it does, in a few words.

    Raises:
        TrainingError: The snapshot cannot be learnt from; the message says what to change.
        BundleError: Something lies in `folder` already.
    """
    if level is not None and level < 1:
        raise TrainingError(f"level is {level}.", hint="Give the number of levels to learn, at least 1.")
    linear = LinearOptions()
    clock = _Clock(progress or (lambda _: None))
    rows = labelled_rows(frame, level)
    _refuse_hopeless(rows)
    with clock.stage("split", f"parting {rows.height:,} labelled rows"):
        items = products(rows)
        parts = split_rows(rows, gold_share=options.gold_share, validation_share=options.validation_share, seed=options.seed)
        places = {part: np.flatnonzero(parts == part) for part in PARTS}
        _refuse_unjudged(places["gold"], rows.height)
        codes, labels = np.unique(rows["label"].to_numpy().astype(str), return_inverse=True)
        names: list[str] = codes.tolist()
    with clock.stage("count", "counting n-grams"):
        counts = TextFeatures(linear.text).counts(items)
        if not counts.nnz:
            raise TrainingError(
                "No labelled product has any text to learn from.", hint="Check that the title is mapped to the right column."
            )
    with clock.stage("fit", f"fitting {len(names):,} categories on {len(places['train']):,} rows"):
        model = fit_linear_text(counts[places["train"]], labels[places["train"]], len(names), linear)
    with clock.stage("calibrate", f"choosing the temperature on {len(places['validation']):,} rows"):
        held = places["validation"]
        temperature = fit_temperature(model.score([items[place] for place in held]), labels[held])
        validation = _brief(_scores(model, temperature, names, rows[held]), options.seed) if len(held) else None
    with clock.stage("refit", "fitting again, validation rows included"):
        learnt = np.sort(np.concatenate([places["train"], held]))
        model = _with_temperature(fit_linear_text(counts[learnt], labels[learnt], len(names), linear), temperature)
    with clock.stage("judge", f"judging on {len(places['gold']):,} gold rows"):
        gold = _scores(model, temperature, names, rows[places["gold"]])
        sizes = np.bincount(labels[learnt], minlength=len(names))
        metrics: dict[str, Any] = {
            "gold": summarise(gold, seed=options.seed),
            "validation": validation,
            "temperature": temperature,
            "rows": {part: len(places[part]) for part in PARTS},
            "columns": int(model.columns.columns.size),
            "too_rare": [name for name, size in zip(names, sizes, strict=True) if size == 1],
            "not_judged": sorted(set(names) - set(gold.correct)),
        }
    with clock.stage("write", "writing the bundle"):
        configuration = _configuration(options, linear, level)
        examples = [items[place] for place in learnt]
        categories = {code: category_name(code) for code in names}
        digest = write_bundle(
            folder,
            BundleParts(
                model=model,
                categories=categories,
                level=level,
                metrics=metrics,
                profile=reference_profile(examples, [names[labels[place]] for place in learnt]),
                card=model_card(metrics, categories, configuration, snapshot=snapshot_digest, commit=commit),
                examples=examples,
                snapshot=snapshot_digest,
                configuration=json_digest(configuration),
                commit=commit,
            ),
        )
    return TrainingReport(
        digest=digest,
        folder=folder,
        metrics=metrics,
        rows=metrics["rows"],
        seconds=clock.seconds,
        too_rare=tuple(metrics["too_rare"]),
        not_judged=tuple(metrics["not_judged"]),
    )


class _Clock:
    """Tells of each stage as it begins, and keeps how long it took."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, words: str) -> Iterator[None]:
        """Tell of a stage, and time the block."""
        self._progress(words)
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


def _refuse_hopeless(rows: pl.DataFrame) -> None:
    if not rows.height:
        raise TrainingError(
            "No row of the snapshot has a label.", hint="Ingest a catalogue with labels, or check which column is mapped."
        )
    if rows["label"].n_unique() == 1:
        raise TrainingError(
            f"All {rows.height:,} labelled rows are of the category {rows['label'][0]!r}.",
            hint="Two categories are the least that can be told apart: add rows, or learn more levels of the label.",
        )
    if rows.height > 1 and rows.select("title", "description", "brand").n_unique() == 1:
        raise TrainingError(
            f"All {rows.height:,} labelled rows have the same text.",
            hint="Check which columns are mapped to title and description.",
        )


def _refuse_unjudged(gold: NDArray[np.intp], rows: int) -> None:
    if not len(gold):
        raise TrainingError(
            f"Of {rows:,} labelled rows none falls into the gold split, so nothing could be judged.",
            hint="Add rows, raise AISLE_TRAINING_GOLD_SHARE, or check whether the titles are all alike.",
        )


def _scores(model: LinearText, temperature: float, codes: Sequence[str], rows: pl.DataFrame) -> Scores:
    calibrated = _with_temperature(model, temperature)

    def answer(block: Sequence[Product]) -> NDArray[np.float32]:
        return calibrated.answer(block)[0]

    return score_rows(answer, codes, rows)


def _with_temperature(model: LinearText, temperature: float) -> LinearText:
    return LinearText(model.config, model.columns, model.weights, model.bias, model.prior, temperature)


def _brief(scores: Scores, seed: int) -> dict[str, Any]:
    return {name: value for name, value in summarise(scores, seed=seed).items() if name not in _LONG}


def _configuration(options: Training, linear: LinearOptions, level: int | None) -> dict[str, Any]:
    chosen = {name: getattr(options, name) for name in ("seed", "gold_share", "validation_share")}
    return {**chosen, "level": level, "model": asdict(linear)}
