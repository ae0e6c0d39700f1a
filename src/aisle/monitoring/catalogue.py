"""Quality of a whole catalogue: what is twice in it, what contradicts itself, and what of it is damaged."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.catalog.images import decode_rgb
from aisle.errors import ImageProblem
from aisle.features.language import detect_language
from aisle.features.normalise import has_html, normalise
from aisle.models.reference import ColumnReference
from aisle.monitoring.policy import Policy
from aisle.monitoring.quality import quality_values
from aisle.monitoring.records import ALL, MonitorValue
from aisle.monitoring.table import references_of, state_of

Images = Callable[[pl.DataFrame], Sequence[bytes | None]]
"""Rows in, each one's image file out."""

_AT_ONCE = 200
_ONE_COLOUR = 2.0
"""Standard deviation of light under which an image shows nothing, of 255."""
_MANY_LABELS = 3


@dataclass(frozen=True)
class _Texts:
    """What is told of each row's text: its normalised form, its language, and whether it holds tags or entities."""

    whole: list[str]
    language: list[str]
    html: NDArray[np.bool_]


def catalogue_values(
    rows: pl.DataFrame,
    policy: Policy,
    *,
    groups: NDArray[np.int64] | None = None,
    images: Images | None = None,
    looks: int = 0,
) -> list[MonitorValue]:
    """Return the quality of a catalogue's rows.

    Args:
        rows: Rows of a snapshot.
        policy: Gives the states.
        groups: Number of each row's group of near duplicates, where they were looked for.
        images: Gives their images.
        looks: How many images are looked at, evenly spread.
    """
    if not rows.height:
        return [MonitorValue("quality", ALL, "rows", 0.0, note="the catalogue is empty")]
    texts = _read(rows)
    values = _columns(rows, texts, policy)
    values += _twice(rows, texts, groups)
    values.append(_share("text", "html_ratio", texts.html))
    values += [
        MonitorValue("quality", f"language:{name}", "language_ratio", count / rows.height, 0, rows.height)
        for name, count in pl.Series("language", texts.language).value_counts().sort("language").iter_rows()
    ]
    if images is not None and looks:
        values += list(_images(rows, images, looks))
    return values


def _read(rows: pl.DataFrame) -> _Texts:
    titles, descriptions = ([text or "" for text in rows[name]] for name in ("title", "description"))
    pairs = list(zip(titles, descriptions, strict=True))
    return _Texts(
        [f"{normalise(title)}\0{normalise(description)}" for title, description in pairs],
        [detect_language(f"{title} {description}") for title, description in pairs],
        np.array([has_html(title) or has_html(description) for title, description in pairs]),
    )


def _columns(rows: pl.DataFrame, texts: _Texts, policy: Policy) -> list[MonitorValue]:
    """Return the quality of each column by itself, and how it goes with the label."""
    table = rows.select(
        "source",
        "label",
        pl.col("title").str.len_chars().alias("title_chars"),
        pl.col("description").str.len_chars().alias("description_chars"),
        pl.col("description").str.strip_chars().fill_null("").eq("").alias("missing_description"),
        pl.Series("language", texts.language),
        pl.Series("html_residue", texts.html),
        pl.col("image_sha256").is_not_null().alias("with_image"),
        pl.col("image_width").cast(pl.Float64).alias("image_width"),
        (pl.col("image_width") / pl.col("image_height")).alias("image_aspect"),
    )
    references: dict[str, ColumnReference] = references_of(table)
    found = quality_values(state_of(table, references, "label"), policy, policy.false_alarms)
    # A catalogue is its own reference here: where its shares lie beside it says nothing.
    return [
        MonitorValue(v.family, v.column, v.measure, v.value, 0, v.m, v.state, threshold=v.threshold, note=v.note)
        for v in found
        if v.measure != "unseen_ratio"
    ]


def _twice(rows: pl.DataFrame, texts: _Texts, groups: NDArray[np.int64] | None) -> Iterator[MonitorValue]:
    told = rows.select("split", "label", "image_sha256", text=pl.Series(texts.whole))
    # A text of tags or signs alone says nothing, and two of them are not the same product.
    written = told.filter(pl.col("text") != "\0")
    of_text = written.with_columns(
        pl.len().over("text").alias("rows"),
        pl.col("split").n_unique().over("text").alias("splits"),
        pl.col("label").drop_nulls().n_unique().over("text").alias("labels"),
    )
    yield _share("text", "duplicate_ratio", (of_text["rows"] > 1).to_numpy())
    yield _share("text", "across_splits_ratio", (of_text["splits"] > 1).to_numpy())
    labelled = of_text.filter(pl.col("label").is_not_null())
    yield _share("label", "conflicting_ratio", (labelled["labels"] > 1).to_numpy())
    pictured = told.filter(pl.col("image_sha256").is_not_null())
    if pictured.height:
        splits = pictured.select(pl.col("split").n_unique().over("image_sha256")).to_series()
        yield _share("image", "across_splits_ratio", (splits > 1).to_numpy())
    if groups is not None:
        near = pl.DataFrame({"group": groups, "split": told["split"]})
        splits = near.select(pl.col("split").n_unique().over("group")).to_series()
        yield _share("text", "near_across_splits_ratio", (splits > 1).to_numpy())


def _images(rows: pl.DataFrame, images: Images, looks: int) -> Iterator[MonitorValue]:
    pictured = rows.filter(pl.col("image_sha256").is_not_null())
    if not pictured.height:
        return
    some = pictured[np.linspace(0, pictured.height - 1, min(looks, pictured.height)).round().astype(np.int64)]
    hashes: list[int | None] = []
    blank: list[bool] = []
    for block in some.iter_slices(_AT_ONCE):
        for data in images(block):
            seen = None if data is None else _seen(data)
            hashes.append(None if seen is None else seen[0])
            blank.append(seen is not None and seen[1])
    table = some.select("split", "label").with_columns(hash=pl.Series(hashes, dtype=pl.UInt64), blank=pl.Series(blank))
    yield _share("image", "undecodable_ratio", table["hash"].is_null().to_numpy())
    good = table.filter(pl.col("hash").is_not_null()).with_columns(
        pl.col("split").n_unique().over("hash").alias("splits"),
        pl.col("label").drop_nulls().n_unique().over("hash").alias("labels"),
    )
    yield _share("image", "placeholder_ratio", (good["blank"] | (good["labels"] >= _MANY_LABELS)).to_numpy())
    yield _share("image", "image_across_splits_ratio", ((good["splits"] > 1) & ~good["blank"]).to_numpy())


def _seen(data: bytes) -> tuple[int, bool] | None:
    """Return an image's difference hash of 64 bits, and whether it shows nothing; nothing where it cannot be decoded."""
    try:
        pixels = decode_rgb(data, 36)
    except ImageProblem:
        return None
    light = pixels @ np.array([0.299, 0.587, 0.114])
    blocks = light[:, :36].reshape(36, 9, 4).mean(axis=2)[:32].reshape(8, 4, 9).mean(axis=1)
    bits = (blocks[:, 1:] > blocks[:, :-1]).reshape(-1)
    return int("".join("1" if bit else "0" for bit in bits), 2), bool(light.std() < _ONE_COLOUR)


def _share(column: str, measure: str, happens: NDArray[np.bool_]) -> MonitorValue:
    rows = len(happens)
    if not rows:
        return MonitorValue("quality", column, measure, None, 0, 0, "unknown", note="there is no such row")
    return MonitorValue("quality", column, measure, float(happens.mean()), 0, rows)
