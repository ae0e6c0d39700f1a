"""Judgements made up for the tests of the report."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from aisle.catalog.snapshot import SCHEMA
from aisle.training.metrics import Scores
from aisle.training.report.judgement import ComponentScore, Judgement, PredictionSets, Provenance

CODES = ("40", "50", "60", "2583")
NAMES = {"40": "Imported games", "50": "Accessories", "60": "Consoles", "2583": "Pools"}
PROVENANCE = Provenance("5" * 64, "abc1234", "9" * 64, {"seed": 7, "model": {"c": 1.5}}, {"numpy": "2.3"})


def answers(rows: int, codes: Sequence[str] = CODES, *, seed: int = 0, right: float = 0.8) -> Scores:
    """Return made-up answers, of which about this share is right."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, len(codes), rows)
    logits = generator.normal(size=(rows, len(codes)))
    logits[np.arange(rows), truth] += 6 * (generator.random(rows) < right)
    odds = np.exp(logits)
    probabilities = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return Scores(
        ids=tuple(f"shop/train/{row}" for row in range(rows)),
        correct=tuple(codes[place] for place in truth),
        predicted=tuple(codes[place] for place in probabilities.argmax(axis=1)),
        codes=tuple(codes),
        probabilities=probabilities,
    )


def gold_rows(scores: Scores, **columns: Sequence[object]) -> pl.DataFrame:
    """Return the gold rows that some answers belong to; other columns are empty unless given."""
    rows = len(scores.ids)
    every: dict[str, Sequence[object]] = {
        **dict.fromkeys(SCHEMA, [None] * rows),
        "source": ["shop"] * rows,
        "split": ["train"] * rows,
        "id": [str(row) for row in range(rows)],
        "title": [f"Product number {row}" for row in range(rows)],
        "label": scores.correct,
        **columns,
    }
    return pl.DataFrame(every, schema=SCHEMA)


def judgement(scores: Scores | None = None, rows: pl.DataFrame | None = None, **others: Any) -> Judgement:
    """Return a judgement with nothing but answers, unless more is given."""
    scores = answers(200) if scores is None else scores
    given = {"categories": NAMES, "provenance": PROVENANCE, "seed": 3, **others}
    return Judgement(gold=scores, rows=gold_rows(scores) if rows is None else rows, **given)


def component(
    name: str, part: str = "validation", weighted_f1: float = 0.7, modality: str = "text", **more: Any
) -> ComponentScore:
    """Return a component's score."""
    return ComponentScore(name, modality, "logistic", part, weighted_f1, **more)  # type: ignore[arg-type]


def full(rows: int = 200) -> Judgement:
    """Return a judgement that has something of everything."""
    return judgement(
        answers(rows),
        level=1,
        parts={"train": 900, "validation": 100, "gold": rows},
        training_rows={"40": 400, "50": 350, "60": 240, "2583": 10},
        training_sources=frozenset({"shop"}),
        rare={"2583": "kept, with smoothed weights"},
        sets=PredictionSets(0.95, 0.94, 1.3),
        thresholds=dict.fromkeys(CODES, 0.5),
        components=[
            component("words", "validation", 0.7, macro_f1=0.65, log_loss=0.9, seconds=3.5, bytes=4_000_000),
            component("words", "gold", 0.69),
            component("pixels", "validation", 0.4, "image"),
        ],
        baseline="words",
        trials=[
            {"family": "linear", "finished_s": 2.5, "score": 0.61, "options": {"c": 1}},
            {"family": "forest", "finished_s": 9.0, "score": None, "options": {"trees": 50}},
            {"family": "linear", "finished_s": 6.0, "score": 0.66, "rung": 1},
        ],
        n_grams={"40": [("import", 2.5), ("jap", 1.25)], "2583": [("piscine", 3.0)]},
        seconds={"fit": 12.25, "judge": 0.5},
    )
