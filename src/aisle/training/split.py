"""The split into training, validation and gold rows: without leaks, and the same tomorrow.

Whole groups of duplicates (`aisle.training.groups`) go to one part. Where a group goes is decided by a hash of the seed and
of the group's first key alone: it is gold when the hash, as a number between 0 and 1, is under the gold share. No row
is ranked against others, so each class loses its share by chance and not to the row, and rows that come later move no
old ones, with three exceptions that all follow from the rows themselves:

- a new row that is a duplicate of rows in two groups makes them one, and a new first key is a new hash;
- a class that would have no row to learn from keeps its group of the highest hash in training;
- a group of more rows than half of the gold part would judge alone (a placeholder image, say): it is trained on.

The first key is the smallest (source, split, length of id, id), so rows with higher numbers do not become first. Validation
rows are chosen from the rest in the same way, by another hash.
"""

from hashlib import blake2b
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.features.normalise import normalise
from aisle.training.groups import duplicate_groups

Part: TypeAlias = Literal["train", "validation", "gold"]

PARTS: tuple[Part, ...] = ("train", "validation", "gold")
"""Every part of the split."""


def row_groups(frame: pl.DataFrame) -> NDArray[np.int64]:
    """Return the number of each row's group of duplicates, (rows,).

    Args:
        frame: Rows of a snapshot with title, description and image_sha256.
    """
    titles, images = _titles(frame), frame["image_sha256"].to_list()
    if len(set(titles)) == 1 and any(images):
        # What all rows say tells none from another: here products are told apart by their images alone.
        titles = [""] * len(titles)
    return duplicate_groups(titles, images)


def split_rows(
    frame: pl.DataFrame,
    *,
    gold_share: float,
    validation_share: float,
    seed: int,
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.str_]:
    """Return the part of each row: `train`, `validation` or `gold`.

    Args:
        frame: Labelled rows of a snapshot with source, split, id, title, description, label and image_sha256.
        gold_share: Share of the rows kept for judging, between 0 and 1.
        validation_share: Share of the rest on which choices are made, between 0 and 1.
        seed: Another seed is another split.
        groups: What `row_groups` returned, where it is known already.
    """
    parts = np.full(frame.height, "train", dtype="<U10")
    if not frame.height:
        return parts
    groups = row_groups(frame) if groups is None else groups
    keys = _first_keys(frame, groups)
    labels = frame["label"].to_numpy().astype(str)
    gold = _chosen(groups, keys, labels, gold_share, f"{seed} gold")
    rest = np.flatnonzero(~gold)
    validation = _chosen(groups[rest], keys, labels[rest], validation_share, f"{seed} validation")
    parts[gold] = "gold"
    parts[rest[validation]] = "validation"
    return parts


def _titles(frame: pl.DataFrame) -> list[str]:
    # Products without a title are told apart by the beginning of their description.
    texts = frame.select(
        pl.when(pl.col("title").fill_null("").str.strip_chars() != "")
        .then(pl.col("title"))
        .otherwise(pl.col("description").str.slice(0, 200))
        .fill_null("")
        .alias("text")
    )
    return [normalise(text) for text in texts["text"].to_list()]


def _first_keys(frame: pl.DataFrame, groups: NDArray[np.int64]) -> dict[int, str]:
    """Return the smallest (source, split, length of id, id) of each group, as one text."""
    firsts = (
        frame.select("source", "split", "id")
        .with_columns(group=pl.Series(groups), length=pl.col("id").str.len_chars())
        .sort("group", "source", "split", "length", "id")
        .unique("group", keep="first", maintain_order=True)
        .select("group", "source", "split", "id")
    )
    return {group: "\0".join(key) for group, *key in firsts.iter_rows()}


def _chosen(
    groups: NDArray[np.int64], keys: dict[int, str], labels: NDArray[np.str_], share: float, salt: str
) -> NDArray[np.bool_]:
    """Return which rows are taken out of the training rows."""
    present, position, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    draws = np.array([_uniform(salt, keys[int(group)]) for group in present])
    taken = (draws < share) & (sizes <= max(share * len(groups) / 2, 1))
    _, classes = np.unique(labels, return_inverse=True)
    kept = np.bincount(classes, weights=~taken[position])
    for starved in np.flatnonzero(kept == 0):
        own = np.unique(position[classes == starved])
        taken[own[draws[own].argmax()]] = False
    return np.asarray(taken[position])


def _uniform(salt: str, key: str) -> float:
    """Return a number of [0, 1) that depends on the salt and the key alone."""
    digest = blake2b(f"{salt}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
