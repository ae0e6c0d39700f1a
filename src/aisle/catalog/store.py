"""Storing a batch: products, labels and rejects together with the load's position, in one transaction."""

import orjson
import polars as pl
from sqlalchemy import Connection, bindparam, delete, select, text
from sqlalchemy.sql.elements import ColumnElement

from aisle.catalog.loads import Counts, Load, claim, count
from aisle.catalog.rejects import Reject, raw_row, reject_frame
from aisle.catalog.source import TEXTS
from aisle.storage.bulk import insert_frame
from aisle.storage.schema import labels, products, rejects

SOURCE_AUTHOR = "source"
"""The author of labels that came with the catalogue's own files."""

_CONTENT = (*TEXTS, "image_sha256", "image_width", "image_height")


def store_batch(
    connection: Connection, load: Load, *, expected: int, position: int, frame: pl.DataFrame, refused: list[Reject]
) -> bool:
    """Store a batch, if the load still stands where it was read from.

    Args:
        connection: A transaction of the caller's.
        load: The load that the batch belongs to.
        expected: The position from which the batch was read.
        position: The position behind it.
        frame: Its usable rows: `row`, `id`, `label`, `TEXTS`, `image_sha256`, `image_width` and `image_height`.
        refused: Its rejects.

    Returns:
        Whether the batch was stored; false when another process has moved the load first.
    """
    if not claim(connection, load, expected=expected, position=position):
        return False
    known = _known(connection, load, frame["id"])
    again = frame.join(known.filter(pl.col("generation_new")), on="id", how="inner")
    frame = frame.filter(~pl.col("id").is_in(again["id"].to_list()))
    old = frame.join(known, on="id", how="inner", suffix="_old", maintain_order="left")
    same = old.filter(pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_old")) for name in _CONTENT))
    if old.height:
        connection.execute(delete(products).where(_mine(load), _among(connection, "id", old["id"])))
    mine = [pl.lit(load.source).alias("source"), pl.lit(load.split).alias("split"), pl.lit(load.id).alias("load_id")]
    insert_frame(connection, products, frame.drop("label").with_columns(mine))
    insert_frame(connection, labels, _new_labels(connection, load, frame, old["id"]).with_columns(mine))
    refused = refused + [
        Reject(record["row"], record["id"], "row", "duplicate_id", f"first seen in row {record['row_old']}", raw_row(record))
        for record in again.select("row", "id", "label", *TEXTS, pl.col("row_right").alias("row_old")).to_dicts()
    ]
    insert_frame(connection, rejects, reject_frame(refused).with_columns(mine))
    bad_rows = sum(reject.kind == "row" for reject in refused)
    with_image = frame.height - frame["image_sha256"].null_count()
    count(connection, load, Counts(frame.height - same.height, same.height, bad_rows, with_image, len(refused) - bad_rows))
    return True


def _known(connection: Connection, load: Load, ids: pl.Series) -> pl.DataFrame:
    """Return what the catalogue has under these ids, and whether it was this generation of the files that put it there."""
    columns = [products.c[name] for name in ("id", "row", *_CONTENT)]
    newer = (products.c.load_id > load.generation).label("generation_new")
    rows = connection.execute(select(*columns, newer).where(_mine(load), _among(connection, "id", ids))).all()
    schema = dict.fromkeys(["id", *TEXTS, "image_sha256"], pl.String) | {
        "row": pl.Int64,
        "image_width": pl.Int32,
        "image_height": pl.Int32,
        "generation_new": pl.Boolean,
    }
    names = ["id", "row", *_CONTENT, "generation_new"]
    return pl.DataFrame([tuple(row) for row in rows], schema={name: schema[name] for name in names}, orient="row")


def _new_labels(connection: Connection, load: Load, frame: pl.DataFrame, known: pl.Series) -> pl.DataFrame:
    """Return the labels to append: those of new products, and those that the source itself has changed.

    A correction by a person stays current when the source repeats what it said before.
    """
    given = frame.filter(pl.col("label").is_not_null()).select(
        pl.col("id").alias("product_id"), pl.col("label").alias("code"), pl.lit(SOURCE_AUTHOR).alias("author")
    )
    if not len(known):
        return given
    said = (
        select(labels.c.product_id, labels.c.code)
        .where(labels.c.source == load.source, labels.c.split == load.split, labels.c.author == SOURCE_AUTHOR)
        .where(_among(connection, "product_id", known))
        .order_by(labels.c.seq)
    )
    last = dict(tuple(row) for row in connection.execute(said))
    changed = [last.get(key) != code for key, code in given.select("product_id", "code").iter_rows()]
    return given.filter(pl.Series(changed, dtype=pl.Boolean))


def _mine(load: Load) -> ColumnElement[bool]:
    return (products.c.source == load.source) & (products.c.split == load.split)


def _among(connection: Connection, column: str, ids: pl.Series) -> ColumnElement[bool]:
    """Return the condition that a column is one of these ids, as one parameter however many they are."""
    if connection.dialect.name == "postgresql":
        clause = text(f"{column} = ANY(CAST(:ids AS text[]))")
        return clause.bindparams(bindparam("ids", ids.to_list(), unique=True))  # type: ignore[return-value]
    clause = text(f"{column} IN (SELECT value FROM json_each(:ids))")  # noqa: S608 - `column` is one of our own names
    return clause.bindparams(bindparam("ids", orjson.dumps(ids.to_list()).decode(), unique=True))  # type: ignore[return-value]
