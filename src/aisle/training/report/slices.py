"""How the model does on parts of the gold rows: where it is weak, and for whom."""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.features.language import LANGUAGES, Language, detect_language
from aisle.training.curves import weighted_f1, wilson
from aisle.training.report.judgement import RARE_ROWS, Judgement

_SHORT, _LONG = 40, 80
_NAMES: dict[Language, str] = {
    "fr": "French",
    "en": "English",
    "de": "German",
    "es": "Spanish",
    "it": "Italian",
    "other": "in another script",
    "unknown": "not told",
}

SCHEMA = {
    "slice": pl.String,
    "value": pl.String,
    "rows": pl.Int64,
    "share": pl.Float64,
    "accuracy": pl.Float64,
    "accuracy_low": pl.Float64,
    "accuracy_high": pl.Float64,
    "weighted_f1": pl.Float64,
    "f1_low": pl.Float64,
    "f1_high": pl.Float64,
    "confidence": pl.Float64,
}
"""The columns of the table of slices."""

Mask = NDArray[np.bool_]


def slice_table(judgement: Judgement) -> pl.DataFrame:
    """Return the scores on each slice that has any row, with the columns of `SCHEMA`.

    A language is the text's own as far as it can be told. Rare are categories with fewer than `RARE_ROWS` training rows.
    """
    gold = judgement.gold
    correct, predicted = np.asarray(gold.correct), np.asarray(gold.predicted)
    hits, confidence = correct == predicted, gold.probabilities.max(axis=1).astype(np.float64)
    found = []
    for name, value, mask in _masks(judgement):
        rows = int(mask.sum())
        if not rows:
            continue
        low, high = wilson(hits[mask].sum(), np.array(rows))
        figures = weighted_f1(tuple(correct[mask].tolist()), tuple(predicted[mask].tolist()), seed=judgement.seed)
        accuracy = (float(hits[mask].mean()), float(low), float(high))
        found.append((name, value, rows, rows / len(hits), *accuracy, *figures, float(confidence[mask].mean())))
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def _masks(judgement: Judgement) -> Iterator[tuple[str, str, Mask]]:
    rows = judgement.rows
    titles, descriptions = (rows[name].fill_null("").str.strip_chars() for name in ("title", "description"))
    yield from _two("Description", "given", "missing", (descriptions != "").to_numpy())
    yield from _two("Image", "given", "missing", rows["image_sha256"].is_not_null().to_numpy())
    brand = (rows["brand"].fill_null("").str.strip_chars() != "").to_numpy()
    if brand.any():
        yield from _two("Brand", "given", "missing", brand)
    told = [detect_language(f"{title} {text}") for title, text in zip(titles.to_list(), descriptions.to_list(), strict=True)]
    languages = np.asarray(told)
    for language in LANGUAGES:
        yield "Language", _NAMES[language], languages == language
    length = titles.str.len_chars().to_numpy()
    yield "Title", f"up to {_SHORT} characters", length <= _SHORT
    yield "Title", f"{_SHORT + 1} to {_LONG} characters", (length > _SHORT) & (length <= _LONG)
    yield "Title", f"more than {_LONG} characters", length > _LONG
    correct = np.asarray(judgement.gold.correct)
    if judgement.training_rows:
        learnt = np.array([judgement.training_rows.get(code, 0) for code in judgement.gold.correct])
        yield "Category", f"under {RARE_ROWS} training rows", learnt < RARE_ROWS
        yield "Category", f"{RARE_ROWS} training rows or more", learnt >= RARE_ROWS
    unknown = ~np.isin(correct, np.asarray(judgement.gold.codes))
    if unknown.any():
        yield "Category", "unknown to the model", unknown
    sources = rows["source"].to_numpy().astype(str)
    if judgement.training_sources:
        yield from _two("Seller", "known", "new", np.isin(sources, sorted(judgement.training_sources)))
    for source in np.unique(sources):
        yield "Source", str(source), sources == source


def _two(name: str, yes: str, no: str, mask: Mask) -> Iterator[tuple[str, str, Mask]]:
    yield name, yes, mask
    yield name, no, ~mask
