"""Quality of a whole catalogue."""

import io

import numpy as np
import polars as pl
from PIL import Image

from aisle.monitoring.catalogue import catalogue_values
from aisle.monitoring.policy import read_policy

ROWS = [
    ("train", "Table de jardin", "<b>Neuve</b>", "10", "a"),
    ("train", "table DE jardin!", "neuve", "20", "b"),
    ("test", "Table de jardin", "Neuve", None, "a"),
    ("train", "Chaise", None, "10", "c"),
    ("train", "<br>", "", "20", None),
    ("train", "&nbsp;", "", "30", None),
]


def table() -> pl.DataFrame:
    schema = ["split", "title", "description", "label", "image_sha256"]
    rows = pl.DataFrame(ROWS, schema=schema, orient="row")
    return rows.with_columns(source=pl.lit("shop"), image_width=pl.lit(100), image_height=pl.lit(50))


def drawn(name: str | None) -> bytes | None:
    if name is None or name == "c":
        return b"damaged"
    pixels = np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels if name == "a" else np.full((40, 40, 3), 200, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def found(**more: object) -> dict[tuple[str, str], float | None]:
    return {(v.column, v.measure): v.value for v in catalogue_values(table(), read_policy(), **more)}


def test_what_is_twice_or_contradicts_itself_is_counted() -> None:
    values = found()
    assert values["text", "duplicate_ratio"] == 3 / 4
    assert values["text", "across_splits_ratio"] == 3 / 4
    assert values["label", "conflicting_ratio"] == 2 / 3
    assert values["image", "across_splits_ratio"] == 2 / 4
    assert values["text", "html_ratio"] == 3 / 6
    assert ("text", "near_across_splits_ratio") not in values
    assert found(groups=np.array([0, 0, 0, 1, 2, 3]))["text", "near_across_splits_ratio"] == 3 / 6


def test_columns_and_languages_are_told() -> None:
    values = found()
    assert values["description_chars", "null_ratio"] == 1 / 6
    assert sum(share for (_, measure), share in values.items() if measure == "language_ratio") == 1
    assert values["label", "imbalance_ratio"] == 2
    assert ("language", "cramers_v") in values


def test_images_are_looked_at() -> None:
    values = found(images=lambda block: [drawn(name) for name in block["image_sha256"]], looks=10)
    assert values["image", "undecodable_ratio"] == 1 / 4
    assert values["image", "placeholder_ratio"] == 1 / 3
    assert values["image", "image_across_splits_ratio"] == 2 / 3


def test_an_empty_catalogue_is_told() -> None:
    (value,) = catalogue_values(table()[:0], read_policy())
    assert (value.value, value.note) == (0, "the catalogue is empty")


def test_without_images_there_is_nothing_to_look_at() -> None:
    bare = table().with_columns(image_sha256=pl.lit(None, dtype=pl.String))
    values = catalogue_values(bare, read_policy(), images=lambda block: [None] * block.height, looks=5)
    assert not [value for value in values if value.measure == "undecodable_ratio"]
