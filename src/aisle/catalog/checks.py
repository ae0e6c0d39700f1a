"""Which rows can be used: every rule for a row of a catalogue, applied to whole batches."""

from dataclasses import dataclass

import polars as pl

from aisle.catalog.label_stream import CONFLICT
from aisle.catalog.mapping import Mapping
from aisle.catalog.rejects import Reject, raw_row
from aisle.catalog.source import TEXTS, ProductBatch

_ID_CHARS = 200
_REASON = "reason"


@dataclass(frozen=True, slots=True)
class CheckedBatch:
    """A batch after its checks: the rows that can be used so far, and the rejects."""

    frame: pl.DataFrame
    rejects: list[Reject]


def check_batch(batch: ProductBatch, mapping: Mapping, *, max_text_chars: int) -> CheckedBatch:
    """Sort a batch's rows into usable ones and rejects; each reject has the first reason that applies.

    Whether there is anything to classify by is checked later (`reject_empty`), when the image is known.
    """
    frame = batch.frame.with_columns(_first_reason(mapping, max_text_chars).alias(_REASON))
    seen = frame.filter(pl.col(_REASON).is_null())["id"].is_first_distinct()
    usable = frame.filter(pl.col(_REASON).is_null()).with_columns(
        pl.when(seen).then(pl.lit(None, pl.String)).otherwise(pl.lit("duplicate_id")).alias(_REASON)
    )
    refused = pl.concat([frame.filter(pl.col(_REASON).is_not_null()), usable.filter(pl.col(_REASON).is_not_null())])
    rejects = [Reject(bad.row, None, "row", bad.reason, bad.detail, bad.raw) for bad in batch.bad]
    return CheckedBatch(usable.filter(pl.col(_REASON).is_null()).drop(_REASON), rejects + as_rejects(refused))


def reject_empty(frame: pl.DataFrame, usable_image: pl.Series) -> tuple[pl.DataFrame, list[Reject]]:
    """Split off the rows that have no title, no description and no usable image."""
    empty = pl.col("title").is_null() & pl.col("description").is_null() & ~usable_image
    refused = frame.filter(empty).with_columns(pl.lit("nothing_to_classify").alias(_REASON))
    return frame.filter(~empty), as_rejects(refused)


def as_rejects(refused: pl.DataFrame) -> list[Reject]:
    """Return the rows of a frame with a column `reason` as rejects."""
    return [
        Reject(record["row"], record["id"], "row", record.pop(_REASON), "", raw_row(record)) for record in refused.to_dicts()
    ]


def _first_reason(mapping: Mapping, max_text_chars: int) -> pl.Expr:
    identity, label = pl.col("id"), pl.col("label")
    wrong_id = identity.str.len_chars() > _ID_CHARS
    if mapping.layout == "challenge":
        # The challenge's ids are whole numbers, and its views promise them as such; 18 digits fit in 64 bits.
        wrong_id = ~identity.str.contains(r"^\d{1,18}$")
        numbers = [
            pl.col(name).is_not_null() & ~pl.col(name).str.contains(r"^-?\d{1,18}$") for name in ("product_ref", "image_ref")
        ]
        wrong_id = wrong_id | pl.any_horizontal(numbers)
    rules: list[tuple[str, pl.Expr]] = [
        ("no_id", identity.is_null() | (identity.str.strip_chars() == "")),
        ("bad_id", wrong_id),
        ("conflicting_label", label == CONFLICT),
        ("broken_encoding", pl.any_horizontal(pl.col("id", *TEXTS, "label").str.contains("\0", literal=True))),
        ("text_too_long", pl.any_horizontal(pl.col("title", "description").str.len_chars() > max_text_chars)),
    ]
    if mapping.label.known:
        rules.append(("unknown_label", ~label.is_in(list(mapping.label.known))))
    reason = pl.lit(None, pl.String)
    for name, broken in reversed(rules):
        reason = pl.when(broken.fill_null(value=False)).then(pl.lit(name)).otherwise(reason)
    return reason
