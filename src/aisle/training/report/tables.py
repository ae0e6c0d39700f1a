"""The tables of a report, each a frame that can be kept as it is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import polars as pl

from aisle.training.curves import (
    accuracy_by_coverage,
    calibration_by_chance,
    class_intervals,
    reliability,
    wilson,
)
from aisle.training.metrics import summarise
from aisle.training.report.judgement import ComponentScore, Judgement, code_order
from aisle.training.report.slices import slice_table
from aisle.training.report.wording import printable

COVERAGE = 0.9
"""Share of the rows, the surest ones, whose accuracy is a figure of its own."""

_WORST = 100
_FIGURES = {"figure": pl.String, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64}
_CONFUSION = {"correct": pl.String, "predicted": pl.String, "rows": pl.Int64, "share": pl.Float64}
_N_GRAMS = {"code": pl.String, "place": pl.Int64, "n_gram": pl.String, "weight": pl.Float64}
_COMPONENTS = {
    "name": pl.String,
    "modality": pl.String,
    "family": pl.String,
    "part": pl.String,
    "weighted_f1": pl.Float64,
    "macro_f1": pl.Float64,
    "log_loss": pl.Float64,
    "seconds": pl.Float64,
    "bytes": pl.Int64,
}


def report_tables(judgement: Judgement) -> dict[str, pl.DataFrame]:
    """Return every table of a report by its name.

    `scores` (figures with 95 % intervals), `classes`, `confusion` (one row for each pair that occurs), `calibration`,
    `coverage`, `slices`, `worst_errors` (the most confident wrong answers, a hundred at most), `components`, `trials` and
    `n_grams`. All are there always; what is not known of a model is a table without rows.

    Args:
        judgement: What is told.
    """
    gold = judgement.gold
    hits = np.asarray(gold.correct) == np.asarray(gold.predicted)
    confidence = gold.probabilities.max(axis=1).astype(np.float64)
    figures = summarise(gold, seed=judgement.seed)
    coverage = accuracy_by_coverage(confidence, hits)
    return {
        "scores": _scores(judgement, figures, coverage, confidence, hits),
        "classes": _classes(judgement, figures["per_class"]),
        "confusion": _confusion(figures),
        "calibration": reliability(confidence, hits),
        "coverage": coverage,
        "slices": slice_table(judgement),
        "worst_errors": _worst_errors(judgement, hits, confidence),
        "components": _components(judgement.components),
        "trials": _trials(judgement.trials),
        "n_grams": pl.DataFrame(
            [
                (code, place, printable(text), weight)
                for code, heaviest in sorted(judgement.n_grams.items())
                for place, (text, weight) in enumerate(heaviest, start=1)
            ],
            schema=_N_GRAMS,
            orient="row",
        ),
    }


def _scores(
    judgement: Judgement,
    figures: Mapping[str, Any],
    coverage: pl.DataFrame,
    confidence: np.ndarray[Any, np.dtype[np.float64]],
    hits: np.ndarray[Any, np.dtype[np.bool_]],
) -> pl.DataFrame:
    rows: list[tuple[str, float, float | None, float | None]] = [
        (name, *(figures[name][part] for part in ("value", "low", "high")))
        for name in ("weighted_f1", "macro_f1", "accuracy")
    ]
    rows += [(name, figures[name], None, None) for name in ("log_loss", "calibration_error")]
    mean, most = calibration_by_chance(confidence, seed=judgement.seed)
    rows += [("calibration_error_by_chance", mean, 0.0, most), ("mean_confidence", figures["mean_confidence"], None, None)]
    surest = coverage.filter(pl.col("wanted") >= COVERAGE - 1e-9).row(0, named=True)
    rows.append(("accuracy_of_surest", *(surest[f"accuracy{end}"] for end in ("", "_low", "_high"))))
    baseline = figures["baseline"]
    rows += [(f"baseline_{name}", baseline[name], None, None) for name in ("weighted_f1", "accuracy")]
    if judgement.sets:
        low, high = wilson(np.array(judgement.sets.coverage * len(hits)), np.array(len(hits)))
        rows.append(("set_coverage", judgement.sets.coverage, float(low), float(high)))
        rows += [
            ("set_coverage_wanted", judgement.sets.wanted, None, None),
            ("set_size", judgement.sets.mean_size, None, None),
        ]
    if judgement.thresholds:
        kept = confidence >= np.array([judgement.thresholds.get(code, 0.0) for code in judgement.gold.predicted])
        low, high = wilson(hits[kept].sum(), kept.sum())
        rows.append(("review_share", float(1 - kept.mean()), None, None))
        if kept.any():
            rows.append(("accuracy_without_review", float(hits[kept].mean()), float(low), float(high)))
    return pl.DataFrame(rows, schema=_FIGURES, orient="row")


def _classes(judgement: Judgement, per_class: Mapping[str, Mapping[str, float]]) -> pl.DataFrame:
    """Return a row for each category that can be answered or occurs; without gold rows nothing of it is judged."""
    intervals = class_intervals(judgement.gold, seed=judgement.seed)
    found = []
    for code in sorted({*judgement.gold.codes, *per_class}, key=code_order):
        figures = per_class.get(code)
        judged = figures if figures and figures["support"] else None
        low, high = intervals[code] if judged else (None, None)
        found.append(
            {
                "code": code,
                "category": judgement.name(code),
                "rows": int(figures["support"]) if figures else 0,
                "training_rows": judgement.training_rows.get(code) if judgement.training_rows else None,
                "precision": judged["precision"] if judged else None,
                "recall": judged["recall"] if judged else None,
                "f1": judged["f1"] if judged else None,
                "f1_low": low,
                "f1_high": high,
                "threshold": judgement.thresholds.get(code),
                "rare": printable(judgement.rare[code]) if code in judgement.rare else None,
            }
        )
    numbers = dict.fromkeys(("precision", "recall", "f1", "f1_low", "f1_high", "threshold"), pl.Float64)
    schema = {"code": pl.String, "category": pl.String, "rows": pl.Int64, "training_rows": pl.Int64, **numbers}
    return pl.DataFrame(found, schema={**schema, "rare": pl.String})


def _confusion(figures: Mapping[str, Any]) -> pl.DataFrame:
    pairs = pl.DataFrame(
        [(entry["correct"], entry["predicted"], entry["rows"]) for entry in figures["confusion"]],
        schema=dict(list(_CONFUSION.items())[:3]),
        orient="row",
    )
    return pairs.with_columns(share=pl.col("rows") / pl.col("rows").sum().over("correct"))


def _worst_errors(
    judgement: Judgement, hits: np.ndarray[Any, np.dtype[np.bool_]], confidence: np.ndarray[Any, np.dtype[np.float64]]
) -> pl.DataFrame:
    """Return the wrong answers given with the most confidence, in its falling order; `row` is the gold row's number."""
    wrong = np.flatnonzero(~hits)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:_WORST]
    gold = judgement.gold
    place = {code: position for position, code in enumerate(gold.codes)}
    truths, answers = ([names[row] for row in worst] for names in (gold.correct, gold.predicted))
    chances = [
        float(gold.probabilities[row, place[code]]) if code in place else 0.0
        for row, code in zip(worst, truths, strict=True)
    ]
    shown = judgement.rows[worst].select("title", "description", "brand", "source", "image_sha256")
    return pl.DataFrame(
        {
            "row": pl.Series(worst, dtype=pl.Int64),
            "id": pl.Series([gold.ids[row] for row in worst], dtype=pl.String),
            "confidence": pl.Series(confidence[worst], dtype=pl.Float64),
            "correct": pl.Series(truths, dtype=pl.String),
            "correct_name": pl.Series([judgement.name(code) for code in truths], dtype=pl.String),
            "correct_probability": pl.Series(chances, dtype=pl.Float64),
            "answered": pl.Series(answers, dtype=pl.String),
            "answered_name": pl.Series([judgement.name(code) for code in answers], dtype=pl.String),
            **{name: shown[name] for name in shown.columns},
        }
    )


def _components(components: Sequence[ComponentScore]) -> pl.DataFrame:
    return pl.DataFrame([vars(component) for component in components], schema=_COMPONENTS)


def _trials(trials: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return a column for every key that a trial has: numbers where all its values are, else text."""
    names = list(dict.fromkeys(name for trial in trials for name in trial))
    return pl.DataFrame([_column(printable(name), [trial.get(name) for trial in trials]) for name in names])


def _column(name: str, values: Sequence[Any]) -> pl.Series:
    known = [value for value in values if value is not None]
    for kind, dtype in ((bool, pl.Boolean), (int, pl.Int64), ((int, float), pl.Float64)):
        if all(isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) for value in known):
            return pl.Series(name, values, dtype=dtype, strict=False)
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return printable(value) if value else value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY, default=str).decode()
