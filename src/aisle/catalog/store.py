"""Storing a batch: products, labels and rejects together with the load's position, in one transaction."""

from collections.abc import Iterable
from typing import Any

import orjson
import polars as pl
from sqlalchemy import ARRAY, ColumnElement, Connection, Table, Text, and_, cast, delete, func, select
from sqlalchemy.exc import IntegrityError

from aisle.catalog.loads import SOURCE_AUTHOR, Counts, Load, claim, count
from aisle.catalog.rejects import Reject, raw_row
from aisle.catalog.source import TEXTS
from aisle.storage.bulk import EncodedFrame, encode_frame, insert_frame
from aisle.storage.schema import labels, products, rejects

_CONTENT = (*TEXTS, "image_sha256", "image_width", "image_height")
_REJECTED: dict[str, type[pl.DataType]] = {
    "row": pl.Int64,
    "product_id": pl.String,
    "kind": pl.String,
    "reason": pl.String,
    "detail": pl.String,
    "raw": pl.String,
}


def store_batch(
    connection: Connection,
    load: Load,
    *,
    expected: int,
    position: int,
    frame: pl.DataFrame,
    refused: list[Reject],
    encoded: EncodedFrame | None = None,
) -> bool:
    """Store a batch, if the load still stands where it was read from.

    Args:
        connection: A transaction of the caller's.
        load: The load that the batch belongs to.
        expected: The position from which the batch was read.
        position: The position behind it.
        frame: Its usable rows: `row`, `id`, `label`, `TEXTS`, `image_sha256`, `image_width` and `image_height`.
        refused: Its rejects.
        encoded: What `encode_products` gave for the same load and frame, where it was made ahead.

    Returns:
        Whether the batch was stored; false when another process has moved the load first.
    """
    if not claim(connection, load, expected=expected, position=position):
        return False
    # Rows of files that were never read before are almost always new: the primary key tells if one is not. That spares
    # a look at what is there, which costs more than the writing.
    fresh = load.generation == 0 and _insert_new(connection, load, frame, encoded)
    unchanged, again = (0, frame.clear()) if fresh else _merge(connection, load, frame)
    refused = refused + [
        Reject(row.pop("row"), row["id"], "row", "duplicate_id", f"first seen in row {row.pop('row_old')}", raw_row(row))
        for row in again.to_dicts()
    ]
    insert_frame(connection, rejects, reject_frame(refused).with_columns(_place(load)))
    bad_rows = sum(reject.kind == "row" for reject in refused)
    stored = frame.height - again.height
    without_image = frame["image_sha256"].null_count() - again["image_sha256"].null_count()
    count(
        connection,
        load,
        Counts(stored - unchanged, unchanged, bad_rows, stored - without_image, len(refused) - bad_rows),
    )
    return True


def reject_frame(entries: Iterable[Reject]) -> pl.DataFrame:
    """Return rejects as rows of the table `rejects`, in the order of the file; NUL is written as its escape."""
    ordered = sorted(entries, key=lambda entry: (entry.row, entry.kind))
    columns = {name: [_storable(getattr(entry, name)) for entry in ordered] for name in _REJECTED}
    return pl.DataFrame(columns, schema=_REJECTED)


def encode_products(load: Load, frame: pl.DataFrame) -> EncodedFrame:
    """Return a batch's products as the database's bulk write takes them; done ahead, it costs the transaction nothing."""
    return encode_frame(products, frame.with_columns(_place(load)))


def _insert_new(connection: Connection, load: Load, frame: pl.DataFrame, encoded: EncodedFrame | None) -> bool:
    """Insert products as new ones; false, and nothing done, when the catalogue has one of them."""
    try:
        with connection.begin_nested():
            insert_frame(connection, products, frame.with_columns(_place(load)), encoded=encoded)
    except IntegrityError:
        return False
    return True


def _merge(connection: Connection, load: Load, frame: pl.DataFrame) -> tuple[int, pl.DataFrame]:
    """Put products and labels over what is there; return how many stayed as they were, and the rows whose id is taken."""
    known = _known(connection, load, frame["id"])
    taken = known.filter(pl.col("of_this_generation")).select("id", pl.col("row").alias("row_old"))
    again = frame.join(taken, on="id", how="inner", maintain_order="left")
    frame = frame.join(taken, on="id", how="anti", maintain_order="left")
    old = frame.join(known, on="id", how="inner", suffix="_old", maintain_order="left")
    same = old.filter(pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_old")) for name in _CONTENT))
    connection.execute(delete(products).where(_of(products, load), _among(connection, products.c.id, old["id"])))
    # The label that a product came with stays in its row; what its source says differently now is appended.
    first = pl.coalesce("label_old", "label")
    kept = frame.join(known.select("id", pl.col("label").alias("label_old")), on="id", how="left", maintain_order="left")
    insert_frame(connection, products, kept.with_columns(*_place(load), first.alias("label")).drop("label_old"))
    changed = _new_labels(connection, load, old)
    insert_frame(connection, labels, changed.with_columns(_place(load)))
    return same.filter(~pl.col("id").is_in(changed["product_id"].to_list())).height, again


def _known(connection: Connection, load: Load, ids: pl.Series) -> pl.DataFrame:
    """Return what the catalogue has under these ids, and whether it was this generation of the files that put it there."""
    columns = [products.c[name] for name in ("id", "row", "label", *_CONTENT)]
    newer = (products.c.load_id > load.generation).label("of_this_generation")
    mine = _of(products, load), _among(connection, products.c.id, ids)
    rows = connection.execute(select(*columns, newer).where(*mine)).all()
    schema = dict.fromkeys(["id", "label", *TEXTS, "image_sha256"], pl.String) | {
        "row": pl.Int64,
        "image_width": pl.Int32,
        "image_height": pl.Int32,
        "of_this_generation": pl.Boolean,
    }
    names = ["id", "row", "label", *_CONTENT, "of_this_generation"]
    return pl.DataFrame([tuple(row) for row in rows], schema={name: schema[name] for name in names}, orient="row")


def _new_labels(connection: Connection, load: Load, old: pl.DataFrame) -> pl.DataFrame:
    """Return the labels that the source itself has changed, as rows to append.

    A correction by a person stays current when the source repeats what it said before.
    """
    said = (
        select(labels.c.product_id, labels.c.seq, labels.c.code, labels.c.author)
        .where(_of(labels, load), _among(connection, labels.c.product_id, old["id"]))
        .order_by(labels.c.seq)
    )
    last = dict(old.select("id", "label_old").iter_rows())
    numbers: dict[str, int] = {}
    for product, number, code, author in connection.execute(said):
        numbers[product] = number
        if author == SOURCE_AUTHOR:
            last[product] = code
    changed = [
        (product, numbers.get(product, 0) + 1, label, SOURCE_AUTHOR)
        for product, label in old.select("id", "label").iter_rows()
        # A product that came without a label takes its first one into its row.
        if label is not None and last[product] is not None and last[product] != label
    ]
    schema = {"product_id": pl.String, "seq": pl.Int32, "code": pl.String, "author": pl.String}
    return pl.DataFrame(changed, schema=schema, orient="row")


def _place(load: Load) -> list[pl.Expr]:
    return [pl.lit(load.source).alias("source"), pl.lit(load.split).alias("split"), pl.lit(load.id).alias("load_id")]


def _of(table: Table, load: Load) -> ColumnElement[bool]:
    return and_(table.c.source == load.source, table.c.split == load.split)


def _among(connection: Connection, column: ColumnElement[str], ids: pl.Series) -> ColumnElement[bool]:
    """Return the condition that a column is one of these ids, as one parameter however many they are."""
    if connection.dialect.name == "postgresql":
        # As a set to join with, not as an array to search: the planner is free to hash it.
        return column.in_(select(func.unnest(cast(ids.to_list(), ARRAY(Text)))))
    listed = func.json_each(orjson.dumps(ids.to_list()).decode()).table_valued("value")
    return column.in_(select(listed.c.value))


def _storable(value: Any) -> Any:
    return value.replace("\0", "\\u0000") if isinstance(value, str) else value
