"""Snapshots: the catalogue frozen as Parquet and a manifest; its digest is the data version.

The digest is taken over the rows' content in the order of id, source and split. It does not depend on the database, on
how many loads brought the rows in, or on the Parquet library's version.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet
from sqlalchemy import Connection, and_, column, func, insert, select, table

from aisle.catalog.loads import RUNNING
from aisle.digest import TableDigest, canonical_json, sha256_file
from aisle.errors import ObjectExists, ObjectNotFound, SnapshotError
from aisle.storage.database import Database
from aisle.storage.objects import Bucket
from aisle.storage.schema import loads, products, snapshots, sources

SCHEMA: dict[str, type[pl.DataType]] = {
    "source": pl.String,
    "split": pl.String,
    "id": pl.String,
    "title": pl.String,
    "description": pl.String,
    "brand": pl.String,
    "label": pl.String,
    "label_author": pl.String,
    "product_ref": pl.String,
    "image_ref": pl.String,
    "image_name": pl.String,
    "image_sha256": pl.String,
    "image_width": pl.Int64,
    "image_height": pl.Int64,
}
"""The columns of a snapshot, in the order in which they count for the digest."""

_FORMAT = 1
_ROWS = 20_000
_current_labels = table("current_labels", *(column(n) for n in ("source", "split", "product_id", "code", "author")))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A frozen data version.

    Args:
        digest: Its name: 64 hexadecimal digits over its content.
        rows: Products in it.
        labelled: Products with a label.
        sources: The sources in it, and what stands before their images' keys.
        classes: Products of each label.
    """

    digest: str
    rows: int
    labelled: int
    sources: dict[str, str]
    classes: dict[str, int]


def freeze(database: Database, artifacts: Bucket, *, names: Sequence[str] = ()) -> Snapshot:
    """Freeze the catalogue as it is now, and return its data version; the same content is stored once.

    Args:
        database: The catalogue.
        artifacts: The bucket that keeps snapshots.
        names: The sources to take; all of them by default.

    Raises:
        SnapshotError: A source is unknown or still being loaded, or there is nothing to freeze.
    """
    with TemporaryDirectory(prefix="aisle-snapshot-") as folder:
        path = Path(folder) / "products.parquet"
        with database.reading() as connection:
            prefixes = _chosen(connection, names)
            # The first look fixes what is seen: a label given from here on is not in it, however long the rest takes.
            moment = datetime.now(UTC)
            digest, classes, rows = _write(connection, path, list(prefixes))
        if not rows:
            raise SnapshotError("There is nothing to freeze.", hint="Run `aisle catalog ingest FOLDER` first.")
        labelled = sum(classes.values())
        snapshot = Snapshot(digest, rows, labelled, prefixes, dict(sorted(classes.items())))
        manifest = {
            "format": _FORMAT,
            "digest": digest,
            "rows": rows,
            "labelled": labelled,
            "sources": prefixes,
            "classes": snapshot.classes,
            "columns": list(SCHEMA),
            "files": {path.name: sha256_file(path)},
        }
        if not artifacts.exists(_key(digest, "manifest.json")):
            # The manifest comes last: a snapshot without one is not there.
            artifacts.put(_key(digest, path.name), path)
            # Another process may have frozen the same content meanwhile: the same digest, hence the same snapshot.
            with suppress(ObjectExists):
                artifacts.create(_key(digest, "manifest.json"), canonical_json(manifest))
    _remember(database, snapshot, manifest, moment)
    return snapshot


def describe(artifacts: Bucket, digest: str) -> Snapshot:
    """Return what a snapshot's manifest says.

    Raises:
        SnapshotError: There is no such snapshot.
    """
    manifest = _manifest(artifacts, digest)
    return Snapshot(*(manifest[name] for name in Snapshot.__slots__))


def read(artifacts: Bucket, digest: str) -> pl.DataFrame:
    """Return a snapshot's rows with the columns of `SCHEMA`.

    Raises:
        SnapshotError: There is no such snapshot, or its bytes are not those that were frozen.
    """
    expected = _manifest(artifacts, digest)["files"]["products.parquet"]
    with TemporaryDirectory(prefix="aisle-snapshot-") as folder:
        path = Path(folder) / "products.parquet"
        try:
            artifacts.fetch(_key(digest, path.name), path)
        except ObjectNotFound as error:
            raise SnapshotError(f"Snapshot {digest[:12]} has lost its rows.", hint="Freeze it again.") from error
        if sha256_file(path) != expected:
            raise SnapshotError(f"Snapshot {digest[:12]} is damaged.", hint="Restore its object, or freeze it again.")
        return pl.read_parquet(path).select(list(SCHEMA))


def latest(database: Database) -> str:
    """Return the digest of the snapshot that was frozen last.

    Raises:
        SnapshotError: There is none.
    """
    newest = select(snapshots.c.digest).order_by(snapshots.c.created_at.desc(), snapshots.c.digest).limit(1)
    with database.reading() as connection:
        digest = connection.execute(newest).scalar_one_or_none()
    if digest is None:
        raise SnapshotError("There is no snapshot yet.", hint="Run `aisle catalog snapshot` first.")
    return str(digest)


def list_snapshots(database: Database) -> list[tuple[Snapshot, datetime]]:
    """Return every snapshot that was frozen and when it last was, newest first."""
    query = select(snapshots.c.manifest, snapshots.c.created_at).order_by(snapshots.c.created_at.desc())
    with database.reading() as connection:
        rows = connection.execute(query).all()
    return [(Snapshot(*(orjson.loads(text)[name] for name in Snapshot.__slots__)), moment) for text, moment in rows]


def find(database: Database, prefix: str) -> str:
    """Return the digest of the one snapshot whose digest begins so.

    Raises:
        SnapshotError: There is none, or more than one.
    """
    with database.reading() as connection:
        found = (
            connection.execute(select(snapshots.c.digest).where(snapshots.c.digest.startswith(prefix, autoescape=True)))
            .scalars()
            .all()
        )
    if len(found) != 1:
        raise SnapshotError(
            f"{'No' if not found else 'More than one'} snapshot begins with {prefix!r}.",
            hint="`aisle catalog snapshots` lists them.",
        )
    return str(found[0])


def _chosen(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    rows = connection.execute(select(sources.c.name, sources.c.image_prefix).order_by(sources.c.name)).all()
    known = dict(rows)
    if unknown := [name for name in names if name not in known]:
        raise SnapshotError(f"There is no catalogue {unknown[0]!r}.", hint=f"There are: {', '.join(known) or 'none yet'}.")
    chosen = {name: known[name] for name in (sorted(set(names)) or known)}
    running = select(loads.c.source).where(loads.c.state == RUNNING, loads.c.source.in_(list(chosen)))
    if (busy := connection.execute(running).scalars().first()) is not None:
        raise SnapshotError(
            f"Catalogue {busy} is still being loaded.", hint="Let its ingest end, or run it again if it was cut short."
        )
    return chosen


def _write(connection: Connection, path: Path, names: list[str]) -> tuple[str, dict[str, int], int]:
    digest, classes, rows = TableDigest(SCHEMA), dict[str, int](), 0
    writer = None
    for batch in _batches(connection, names):
        digest.update(batch)
        rows += batch.height
        for label, size in batch["label"].drop_nulls().value_counts().iter_rows():
            classes[label] = classes.get(label, 0) + size
        arrow: Any = batch.to_arrow()
        arrow = arrow.cast(pa.schema([(name, _arrow_type(kind)) for name, kind in SCHEMA.items()]))
        writer = writer or pa.parquet.ParquetWriter(path, arrow.schema, compression="zstd")
        writer.write_table(arrow)
    if writer is not None:
        writer.close()
    return digest.hexdigest(), classes, rows


def _batches(connection: Connection, names: list[str]) -> Iterator[pl.DataFrame]:
    labels = _current_labels
    of_product = and_(
        labels.c.source == products.c.source, labels.c.split == products.c.split, labels.c.product_id == products.c.id
    )
    query = (
        select(
            *(products.c[name] for name in ("source", "split", "id", "title", "description", "brand")),
            labels.c.code,
            labels.c.author,
            *(products.c[name] for name in list(SCHEMA)[8:]),
        )
        .select_from(products.outerjoin(labels, of_product))
        .where(products.c.source.in_(names))
        .order_by(products.c.id, products.c.source, products.c.split)
        .execution_options(stream_results=True, max_row_buffer=_ROWS)
    )
    for part in connection.execute(query).partitions(_ROWS):
        yield pl.DataFrame([tuple(row) for row in part], schema=SCHEMA, orient="row")


def _arrow_type(kind: type[pl.DataType]) -> Any:
    return pa.string() if kind is pl.String else pa.int64()


def _remember(database: Database, snapshot: Snapshot, manifest: dict[str, Any], moment: datetime) -> None:
    known = select(func.count()).select_from(snapshots).where(snapshots.c.digest == snapshot.digest)
    # The database's own clock may count whole seconds only; which snapshot is the newest must not hang on that.
    values = {"digest": snapshot.digest, "rows": snapshot.rows, "manifest": canonical_json(manifest).decode()}
    with database.transaction() as connection:
        if connection.execute(known).scalar_one():
            connection.execute(snapshots.update().where(snapshots.c.digest == snapshot.digest).values(created_at=moment))
        else:
            connection.execute(insert(snapshots).values(**values, created_at=moment))


def _manifest(artifacts: Bucket, digest: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = orjson.loads(artifacts.get(_key(digest, "manifest.json")))
    except ObjectNotFound as error:
        raise SnapshotError(
            f"There is no snapshot {digest[:12]}.", hint="`aisle catalog snapshots` lists those that are there."
        ) from error
    return content


def _key(digest: str, name: str) -> str:
    return f"snapshots/{digest}/{name}"
