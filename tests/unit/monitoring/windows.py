"""References and windows of made-up answers, for tests of what monitoring makes of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from aisle.features.marks import title_marks
from aisle.models.reference import Reference, category_reference, number_reference
from aisle.monitoring.window import Asked, Window

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CODES = [str(code) for code in range(10, 19)]
WORDS = [f"mot{n}" for n in range(300)]


def answers(rows: int, seed: int, **changes: Any) -> pl.DataFrame:
    """Return answers as the prediction log has them, with columns put in other ones' place."""
    draw = np.random.default_rng(seed)
    missing = draw.random(rows) < 0.35
    frame = {
        "id": np.arange(1, rows + 1),
        "answered_at": [NOW - timedelta(minutes=1)] * rows,
        "version": [1] * rows,
        "product_id": [f"p{n}" for n in range(rows)],
        "code": draw.choice(CODES, rows, p=np.array([9, 8, 7, 6, 5, 4, 3, 2, 1]) / 45),
        "confidence": draw.beta(6, 2, rows),
        "review": [None] * rows,
        "title_chars": draw.poisson(60, rows),
        "description_chars": np.where(missing, 0, draw.poisson(300, rows)),
        "title_words": draw.poisson(9, rows),
        "missing_description": missing,
        "html_residue": draw.random(rows) < 0.2,
        "language": draw.choice(["fr", "en", "unknown"], rows, p=[0.7, 0.2, 0.1]),
        "image_bytes": draw.integers(5_000, 40_000, rows),
        "image_aspect": np.ones(rows),
        "image_brightness": draw.beta(8, 2, rows),
        "image_white": draw.beta(4, 4, rows),
        "title_marks": [title_marks(draw.choice(WORDS, 7)) for _ in range(rows)],
        "image_sketch": [None] * rows,
        "title": [None] * rows,
    }
    schema = {"review": pl.String, "image_sketch": pl.String, "title": pl.String}
    return pl.DataFrame({**frame, **changes}, schema_overrides=schema)


def reference_of(rows: pl.DataFrame, **judged: float) -> Reference:
    """Return the reference that answers like these would be held against."""
    described = rows.filter(~pl.col("missing_description"))["description_chars"]
    numbers = ("title_chars", "title_words", "image_bytes", "image_aspect", "image_brightness", "image_white", "confidence")
    columns: dict[str, Any] = {name: number_reference(rows[name]) for name in numbers}
    columns |= {
        "description_chars": number_reference(pl.concat([described, pl.Series([None] * (rows.height - len(described)))])),
        "missing_description": category_reference(rows["missing_description"]),
        "html_residue": category_reference(rows["html_residue"]),
        "language": category_reference(rows["language"]),
        "predicted": category_reference(rows["code"]),
        "with_image": category_reference([True] * rows.height),
        "label": category_reference(rows["code"]),
    }
    told = {"rows": rows.height, "accuracy": 0.8, "confidence": float(rows["confidence"].mean()), **judged}
    return Reference(rows.height, columns, rows["title_marks"].to_list(), (), told)


def window_of(rows: pl.DataFrame, **changes: Any) -> Window:
    """Return the window that these answers are."""
    given = {"other_versions": 0, "ahead": 0, **changes}
    return Window(Asked(rows=max(rows.height, 1)), 1, 1, rows.height, NOW, NOW, rows.height, **given)
