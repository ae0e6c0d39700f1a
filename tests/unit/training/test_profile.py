"""The reference that a training leaves in its bundle."""

import io

import numpy as np
import polars as pl
from PIL import Image

from aisle.models.reference import CategoryReference, NumberReference, Reference
from aisle.training.metrics import Scores
from aisle.training.profile import reference_profile

GOLD = Scores(("a", "b"), ("x", "y"), ("x", "x"), ("x", "y"), np.array([[0.9, 0.1], [0.6, 0.4]], np.float32))
NOBODY = Scores((), (), (), ("x", "y"), np.zeros((0, 2), np.float32))


def rows(images: int = 0) -> pl.DataFrame:
    titles = ["Housse pour la table", "Cover for the table", None, "xyz"]
    descriptions = ["<p>Une housse de jardin</p>", " ", "Une description", None]
    return pl.DataFrame(
        {
            "source": "shop",
            "split": "train",
            "id": ["1", "2", "3", "4"],
            "title": titles,
            "description": descriptions,
            "brand": pl.Series([None] * 4, dtype=pl.String),
            "label": ["b", "a", "b", "b"],
            "image_sha256": pl.Series([str(n) if n < images else None for n in range(4)], dtype=pl.String),
        }
    )


def picture(name: str | None) -> bytes | None:
    if name is None:
        return None
    if name == "1":
        return b"damaged"
    stream = io.BytesIO()
    Image.new("RGB", (40, 20), "black").save(stream, "PNG")
    return stream.getvalue()


def test_columns_are_those_of_the_rows_given() -> None:
    found = Reference.from_json(reference_profile(rows(), GOLD))
    assert found.rows == 4
    counts = {
        name: dict(zip(column.values, column.counts.tolist(), strict=True))
        for name, column in found.columns.items()
        if isinstance(column, CategoryReference)
    }
    assert counts["label"] == {"a": 1, "b": 3}
    assert counts["language"] == {"en": 1, "fr": 2, "unknown": 1}
    assert counts["missing_description"] == {"false": 2, "true": 2}
    assert counts["html_residue"] == {"false": 3, "true": 1}
    titles, descriptions = found.columns["title_chars"], found.columns["description_chars"]
    assert isinstance(titles, NumberReference)
    assert isinstance(descriptions, NumberReference)
    assert (titles.quantiles[0], titles.quantiles[-1]) == (0, 20)
    assert (descriptions.rows, descriptions.missing) == (2, 2)
    assert len(found.marks) == 4
    assert "with_image" not in found.columns


def test_answers_are_those_to_rows_that_were_not_learnt() -> None:
    found = Reference.from_json(reference_profile(rows(), GOLD))
    assert found.judged["rows"] == 2
    assert found.judged["accuracy"] == 0.5
    assert round(found.judged["confidence"], 6) == 0.75
    predicted = found.columns["predicted"]
    assert isinstance(predicted, CategoryReference)
    assert predicted.values == ("x",)
    assert Reference.from_json(reference_profile(rows(), NOBODY)).judged == {}


def test_images_are_looked_at_where_there_are_any() -> None:
    def images(block: pl.DataFrame) -> list[bytes | None]:
        return [picture(name) for name in block["image_sha256"]]

    found = Reference.from_json(reference_profile(rows(images=3), GOLD, images))
    brightness, sizes = found.columns["image_brightness"], found.columns["image_bytes"]
    assert isinstance(brightness, NumberReference)
    assert isinstance(sizes, NumberReference)
    assert (brightness.rows, brightness.missing, sizes.rows) == (2, 1, 3)
    assert len(found.sketches) == 2
    none = Reference.from_json(reference_profile(rows(), GOLD, images))
    assert none.sketches == []
    assert "with_image" in none.columns


def test_the_same_rows_give_the_same_profile_in_any_order() -> None:
    first, second = (reference_profile(frame, GOLD) for frame in (rows(), rows()[::-1]))
    assert first == second
