"""Backups: every row and every object in a folder, and back; digests say that nothing is missing.

    FOLDER/
      NAME/manifest.json              revision of the schema, digest of every table and bucket, digest of all
      NAME/tables/products.jsonl.gz   a table's rows
      NAME/buckets/aisle.jsonl.gz     a bucket's keys, with the sha256 of each object
      blobs/ab/abcd…                  the objects, each content once for all backups of the folder

A backup appears under its name when it is complete. Rows are read in one transaction and objects after it: objects are
written before the rows that name them, so whatever a row names is there.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from aisle.digest import json_digest, sha256_file
from aisle.errors import BackupError
from aisle.storage.database import Database
from aisle.storage.folder_lock import alone_in
from aisle.storage.objects import Bucket
from aisle.storage.schema import METADATA
from aisle.storage.table_dump import (
    LinesFile,
    dump_table,
    filled_tables,
    lines_of,
    load_table,
    packed,
    read_packed,
    table_digests,
)

Report = Callable[[str, int, int], None]
"""Told what is done, how much of it since the last call, and how much there is in all."""

_FORMAT = 1
_ANOTHER = "Take another backup: this one is damaged."


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup on disk.

    Args:
        path: Its folder.
        revision: The revision of the schema that its rows are of.
        created_at: When it was begun.
        tables: What each table holds.
        buckets: What each bucket's list of objects holds.
        digest: Digest of all of it; the same state has the same.
    """

    path: Path
    revision: str
    created_at: datetime
    tables: dict[str, LinesFile]
    buckets: dict[str, LinesFile]
    digest: str


def write_backup(
    folder: Path, name: str, database: Database, buckets: Sequence[Bucket], *, concurrency: int, report: Report
) -> Backup:
    """Write a backup, or return the one of that name.

    Raises:
        BackupError: The folder cannot be written, or another backup into it is under way.
    """
    with alone_in(folder, "backup", BackupError):
        if (folder / name / "manifest.json").is_file():
            return read_manifest(folder / name)
        created_at, revision = datetime.now(UTC), database.revision()
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}-") as aside:
            made = Path(aside, "content")
            (made / "tables").mkdir(parents=True)
            (made / "buckets").mkdir()
            tables: dict[str, LinesFile] = {}
            with database.reading() as connection:
                for table in METADATA.sorted_tables:
                    name_of = str(table.name)  # the database layer's names are a kind of text that JSON does not take
                    tables[name_of] = dump_table(connection, table, made / "tables" / f"{name_of}.jsonl.gz")
                    report("rows", tables[name_of].lines, 0)
            kept = {bucket.name: _keep_objects(bucket, folder, made, concurrency, report) for bucket in buckets}
            content = _content(revision, tables, kept)
            manifest = {**content, "format": _FORMAT, "created_at": created_at, "digest": json_digest(content)}
            (made / "manifest.json").write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
            made.rename(folder / name)
        return read_manifest(folder / name)


def read_manifest(path: Path) -> Backup:
    """Return what a backup says of itself.

    Raises:
        BackupError: There is none, or it is damaged.
    """
    try:
        content = orjson.loads((path / "manifest.json").read_bytes())
        tables, buckets = (
            {name: LinesFile(**entry) for name, entry in content[part].items()} for part in ("tables", "buckets")
        )
        backup = Backup(
            path, content["revision"], datetime.fromisoformat(content["created_at"]), tables, buckets, content["digest"]
        )
        number = content["format"]
    except FileNotFoundError:
        raise BackupError(f"There is no backup at {path}.", hint="Name the folder that holds manifest.json.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{path / 'manifest.json'} cannot be read: {error}.", hint=_ANOTHER) from error
    if number != _FORMAT or backup.digest != json_digest(_content(backup.revision, tables, buckets)):
        raise BackupError(f"{path / 'manifest.json'} does not hold what its digest says.", hint=_ANOTHER)
    return backup


def check_backup(backup: Backup, *, report: Report) -> None:
    """Read a backup to its last byte and compare it with its digests.

    Raises:
        BackupError: A part of it is missing or damaged.
    """
    parts = [(f"tables/{name}", held) for name, held in backup.tables.items()]
    parts += [(f"buckets/{name}", held) for name, held in backup.buckets.items()]
    for name, held in parts:
        path = backup.path / f"{name}.jsonl.gz"
        if lines_of(path) != held:
            raise BackupError(f"{path} does not hold what the manifest says.", hint=_ANOTHER)
    for name, held in backup.buckets.items():
        for entry in _objects(backup, name):
            blob = _blob(backup.path.parent, entry["sha256"])
            if not blob.is_file() or sha256_file(blob) != entry["sha256"]:
                raise BackupError(f"Object {entry['key']} of bucket {name} is missing or damaged: {blob}.", hint=_ANOTHER)
            report(f"checking {name}", 1, held.lines)


def restore_backup(
    backup: Backup, database: Database, buckets: Sequence[Bucket], *, concurrency: int, report: Report
) -> None:
    """Put a backup into an empty database of the same revision, and its objects into their buckets.

    Objects come first and rows in one transaction: killed at any moment, it can be run again.

    Raises:
        BackupError: The database is not empty or of another revision, a bucket is not among those given, the backup is
            damaged, or what was restored is not what the manifest says.
    """
    if (revision := database.revision()) != backup.revision:
        raise BackupError(
            f"The backup is of revision {backup.revision}, and {database.address} is at {revision or 'nothing'}.",
            hint="Restore it with the version of aisle that wrote it, then upgrade and run `aisle database migrate`.",
        )
    with database.reading() as connection:
        filled = filled_tables(connection)
    if filled:
        raise BackupError(
            f"{database.address} is not empty: there are rows in {', '.join(filled)}.",
            hint="Restore into an empty database; `aisle database revert base` and `migrate` make one of this.",
        )
    by_name = {bucket.name: bucket for bucket in buckets}
    if missing := sorted(backup.buckets.keys() - by_name.keys()):
        raise BackupError(f"The backup has buckets that are not set here: {', '.join(missing)}.", hint="Add --bucket NAME.")
    check_backup(backup, report=report)
    for name, held in backup.buckets.items():
        bucket = by_name[name]
        with ThreadPoolExecutor(concurrency, "restore") as pool:
            for _ in pool.map(lambda entry, bucket=bucket: _put(bucket, backup, entry), _objects(backup, name)):
                report(f"restoring {name}", 1, held.lines)
    with database.transaction() as connection:
        for table in METADATA.sorted_tables:
            load_table(connection, table, backup.path / "tables" / f"{table.name}.jsonl.gz")
            report("rows", backup.tables[table.name].lines, 0)
        if table_digests(connection) != backup.tables:
            raise BackupError("What was restored is not what the backup says, and nothing of it was kept.", hint=_ANOTHER)


def prune_backups(folder: Path, keep: int) -> list[str]:
    """Remove all but the newest backups of a folder, and what only they held; return the names of those removed."""
    with alone_in(folder, "backup", BackupError):
        found = sorted((read_manifest(path.parent) for path in folder.glob("*/manifest.json")), key=lambda b: b.created_at)
        gone, left = found[: max(0, len(found) - keep)], found[max(0, len(found) - keep) :]
        for backup in gone:
            shutil.rmtree(backup.path)
        held = {entry["sha256"] for backup in left for name in backup.buckets for entry in _objects(backup, name)}
        for blob in (folder / "blobs").glob("*/*"):
            if blob.name not in held:
                blob.unlink()
        return [backup.path.name for backup in gone]


def _content(revision: str, tables: dict[str, LinesFile], buckets: dict[str, LinesFile]) -> dict[str, Any]:
    parts = {"tables": tables, "buckets": buckets}
    told = {part: {n: {"lines": h.lines, "sha256": h.sha256} for n, h in held.items()} for part, held in parts.items()}
    return {"revision": revision, **told}


def _keep_objects(bucket: Bucket, folder: Path, made: Path, concurrency: int, report: Report) -> LinesFile:
    keys = sorted(bucket.keys())
    path = made / "buckets" / f"{bucket.name}.jsonl.gz"
    with ThreadPoolExecutor(concurrency, "backup") as pool, packed(path) as stream:
        for key, digest in zip(keys, pool.map(lambda key: _keep(bucket, key, folder, made), keys), strict=True):
            stream.write(orjson.dumps({"key": key, "sha256": digest}, option=orjson.OPT_APPEND_NEWLINE))
            report(f"objects of {bucket.name}", 1, len(keys))
    return lines_of(path)


def _keep(bucket: Bucket, key: str, folder: Path, made: Path) -> str:
    with tempfile.TemporaryDirectory(dir=made) as aside:
        fetched = Path(aside, "object")
        bucket.fetch(key, fetched)
        digest = sha256_file(fetched)
        blob = _blob(folder, digest)
        blob.parent.mkdir(parents=True, exist_ok=True)
        fetched.replace(blob)
    return digest


def _put(bucket: Bucket, backup: Backup, entry: dict[str, str]) -> None:
    bucket.put(entry["key"], _blob(backup.path.parent, entry["sha256"]))


def _objects(backup: Backup, bucket: str) -> Iterator[dict[str, str]]:
    return map(orjson.loads, read_packed(backup.path / "buckets" / f"{bucket}.jsonl.gz"))


def _blob(folder: Path, digest: str) -> Path:
    return folder / "blobs" / digest[:2] / digest
