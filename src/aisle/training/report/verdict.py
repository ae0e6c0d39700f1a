"""What a report says first: how good the model is, against what, and where it is weak, in plain words."""

from collections.abc import Mapping

import polars as pl

from aisle.training.report.judgement import RARE_ROWS, Judgement
from aisle.training.report.tables import COVERAGE
from aisle.training.report.wording import listed, percent, shortened

_FEW = 10
"""Categories with fewer gold rows are not called weak: chance says more than they do."""
_SLICE = 30
_NAMED = 3
_SMALL = 300
_NAME = 60


def verdict(judgement: Judgement, tables: Mapping[str, pl.DataFrame]) -> list[str]:
    """Return the verdict, a paragraph each: the score, the baseline, the confidence, the weaknesses, the rare categories.

    Args:
        judgement: What is told.
        tables: Its tables.
    """
    figures = {row["figure"]: row for row in tables["scores"].iter_rows(named=True)}
    paragraphs = (
        _score(judgement, figures),
        _baseline(judgement, figures, tables["components"]),
        _confidence(figures),
        _weak_categories(judgement, tables),
        _weak_slices(figures, tables["slices"]),
        _rare(judgement, tables["classes"]),
    )
    return [words for words in paragraphs if words]


def _score(judgement: Judgement, figures: Mapping[str, Mapping[str, float]]) -> str:
    rows, weighted, macro = judgement.rows.height, figures["weighted_f1"], figures["macro_f1"]
    products = "1 product" if rows == 1 else f"{rows:,} products"
    words = (
        f"On {products} that it had never seen, the model names the right one of {len(judgement.gold.codes):,} categories in"
        f" {percent(figures['accuracy']['value'])} of cases. Its weighted F1 is {weighted['value']:.3f} (95 % interval"
        f" {weighted['low']:.3f} to {weighted['high']:.3f}); with every category counting the same, macro F1, it is"
        f" {macro['value']:.3f}."
    )
    if rows < _SMALL:
        words += " So few gold rows tell little: mind the intervals."
    return words


def _baseline(judgement: Judgement, figures: Mapping[str, Mapping[str, float]], components: pl.DataFrame) -> str:
    words = f"Always answering the commonest category would score {figures['baseline_weighted_f1']['value']:.3f}."
    simple = components.filter(name=judgement.baseline or "", part="gold")
    if simple.height:
        score = simple["weighted_f1"][0]
        gain = 100 * (figures["weighted_f1"]["value"] - score)
        order = "above" if gain >= 0 else "below"
        words += (
            f" The simplest model worth comparing with, {judgement.baseline}, scores {score:.3f} on the same rows: this one"
            f" is {abs(gain):.1f} points {order} it."
        )
    return words


def _confidence(figures: Mapping[str, Mapping[str, float]]) -> str:
    error, chance = figures["calibration_error"]["value"], figures["calibration_error_by_chance"]
    if error <= chance["high"]:
        words = (
            f"Its confidence can be taken at its word: the calibration error is {error:.3f}, and chance alone makes it"
            f" {chance['value']:.3f} for a perfectly calibrated model on as many rows."
        )
    else:
        gap = figures["mean_confidence"]["value"] - figures["accuracy"]["value"]
        words = (
            f"Its confidence is off by {error:.3f} on average (calibration error; {chance['value']:.3f} by chance alone):"
            f" all in all it is {'too sure of itself' if gap > 0 else 'right more often than it says'}."
        )
    surest = figures["accuracy_of_surest"]["value"]
    words += f" Of the surest {percent(COVERAGE, 0)} of its answers {percent(surest)} are right."
    if review := figures.get("review_share"):
        words += f" With the chosen thresholds {percent(review['value'])} of the answers go to review"
        kept = figures.get("accuracy_without_review")
        words += f", and {percent(kept['value'])} of the others are right." if kept else "."
    return words


def _weak_categories(judgement: Judgement, tables: Mapping[str, pl.DataFrame]) -> str:
    judged = tables["classes"].filter(pl.col("rows") >= _FEW)
    weakest = judged.filter(pl.col("f1") < 1).sort(["f1", "code"]).head(_NAMED)
    if not weakest.height:
        return ""
    words = listed([f"{_quoted(row['category'])} ({row['f1']:.2f})" for row in weakest.iter_rows(named=True)])
    words = f"It is weakest, by F1, at {words}."
    wrong = tables["confusion"].filter(pl.col("correct") != pl.col("predicted"))
    if wrong.height:
        most = wrong.sort(["rows", "correct", "predicted"], descending=[True, False, False]).row(0, named=True)
        words += (
            f" Its commonest mistake is to answer {_quoted(judgement.name(most['predicted']))} for"
            f" {_quoted(judgement.name(most['correct']))}: {most['rows']:,} of that category's"
            f" {round(most['rows'] / most['share']):,} rows."
        )
    return words


def _weak_slices(figures: Mapping[str, Mapping[str, float]], slices: pl.DataFrame) -> str:
    overall = figures["accuracy"]["value"]
    weak = slices.filter((pl.col("rows") >= _SLICE) & (pl.col("accuracy_high") < overall)).sort("accuracy").head(_NAMED)
    if not weak.height:
        return "No slice of the rows is clearly worse than the whole."
    words = [
        f"{row['slice'].lower()} {row['value']} ({percent(row['accuracy'])} right of {row['rows']:,} rows)"
        for row in weak.iter_rows(named=True)
    ]
    return f"Clearly worse than the whole are the rows with {listed(words)}."


def _rare(judgement: Judgement, classes: pl.DataFrame) -> str:
    words = []
    few = classes.filter(pl.col("training_rows") < RARE_ROWS).height
    if few:
        words.append(f"{_categories(few)} fewer than {RARE_ROWS} rows to learn from.")
    unjudged = classes.filter(rows=0).height
    if unjudged:
        words.append(f"{_categories(unjudged)} no gold row, so nobody knows how well they do.")
    if judgement.rare:
        words.append("What was done about rare categories stands in the table of categories.")
    return " ".join(words)


def _quoted(name: str) -> str:
    return f"“{shortened(name, _NAME)}”"


def _categories(count: int) -> str:
    return "1 category has" if count == 1 else f"{count:,} categories have"
