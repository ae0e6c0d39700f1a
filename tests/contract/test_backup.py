"""A backup brings everything back, on every database and object store, and says so when it cannot."""

import fcntl
import os
from pathlib import Path

import orjson
import pytest
from sqlalchemy import insert, select, text

from aisle.errors import BackupError
from aisle.registry.keys import ApiKeys
from aisle.storage.backup import check_backup, prune_backups, read_manifest, restore_backup, write_backup
from aisle.storage.database import Database
from aisle.storage.objects import Bucket, Objects
from aisle.storage.schema import METADATA, products, sources
from aisle.storage.table_dump import table_digests


def silent(_what: str, _done: int, _total: int) -> None:
    """Report to nobody."""


def fill(database: Database, bucket: Bucket) -> None:
    """Put something into several tables, and objects of several sizes into a bucket."""
    source = {"name": "shop", "layout": "challenge", "mapping": "{}", "sample": "head", "image_prefix": ""}
    rows = [
        {
            "id": str(n),
            "source": "shop",
            "split": "train",
            "row": n,
            "title": f'Été n° {n}\t\\ "',
            "label": "10",
            "load_id": 1,
        }
        for n in range(7)
    ]
    with database.transaction() as connection:
        connection.execute(insert(sources).values(source))
        connection.execute(insert(products), rows)
    ApiKeys(database).create("shop", scopes=("predict",), requests_per_minute=None)
    for n in range(5):
        bucket.put(f"x_train/{n}.jpg", bytes([n % 3]) * n * 1000)


def other(database: Database, tmp_path: Path) -> Database:
    """An empty database of the other kind would do as well; SQLite is always there."""
    made = Database(f"sqlite:///{tmp_path / 'other.db'}")
    made.migrate()
    return made


def digests(database: Database) -> object:
    with database.reading() as connection:
        return table_digests(connection)


def test_what_was_destroyed_is_there_again_with_the_same_digests(
    database: Database, objects: Objects, bucket: Bucket, tmp_path: Path
):
    fill(database, bucket)
    before = digests(database)
    contents = {key: bucket.get(key) for key in list(bucket.keys())}
    written = write_backup(tmp_path / "backups", "first", database, [bucket], concurrency=4, report=silent)
    assert written.tables["products"].lines == 7
    assert written.buckets[bucket.name].lines == 5
    check_backup(written, report=silent)

    for key in contents:
        bucket.delete(key)
    database.revert("base")
    database.migrate()
    restore_backup(written, database, [bucket], concurrency=4, report=silent)
    assert digests(database) == before
    assert {key: bucket.get(key) for key in list(bucket.keys())} == contents
    again = write_backup(tmp_path / "backups", "second", database, [bucket], concurrency=4, report=silent)
    assert again.digest == written.digest
    # Numbers that the database gives go on behind the restored ones.
    ApiKeys(database).create("another", scopes=("predict",), requests_per_minute=None)


def test_it_also_moves_rows_to_another_kind_of_database(database: Database, bucket: Bucket, tmp_path: Path):
    fill(database, bucket)
    written = write_backup(tmp_path / "backups", "first", database, [bucket], concurrency=4, report=silent)
    moved = other(database, tmp_path)
    restore_backup(written, moved, [bucket], concurrency=4, report=silent)
    assert digests(moved) == digests(database)
    moved.close()


def test_a_backup_of_that_name_is_kept_as_it_is(database: Database, bucket: Bucket, tmp_path: Path):
    first = write_backup(tmp_path, "night", database, [bucket], concurrency=1, report=silent)
    fill(database, bucket)
    assert write_backup(tmp_path, "night", database, [bucket], concurrency=1, report=silent) == first


class TestRefusals:
    @pytest.fixture
    def embedded(self, tmp_path: Path) -> Database:
        made = Database(f"sqlite:///{tmp_path / 'aisle.db'}")
        made.migrate()
        return made

    @pytest.fixture
    def store(self, tmp_path: Path) -> Bucket:
        return Objects(f"file://{tmp_path / 'objects'}").bucket("aisle")

    def test_a_database_with_rows_is_not_written_over(self, embedded: Database, store: Bucket, tmp_path: Path):
        fill(embedded, store)
        written = write_backup(tmp_path / "b", "one", embedded, [store], concurrency=1, report=silent)
        with pytest.raises(BackupError, match=r"is not empty: there are rows in .*products"):
            restore_backup(written, embedded, [store], concurrency=1, report=silent)

    def test_another_revision_is_refused(self, embedded: Database, store: Bucket, tmp_path: Path):
        written = write_backup(tmp_path / "b", "one", embedded, [store], concurrency=1, report=silent)
        embedded.revert("0001")
        with pytest.raises(BackupError, match=r"of revision \d+, and .* is at 0001"):
            restore_backup(written, embedded, [store], concurrency=1, report=silent)

    def test_a_bucket_that_is_not_set_here_is_named(self, embedded: Database, store: Bucket, tmp_path: Path):
        written = write_backup(tmp_path / "b", "one", embedded, [store], concurrency=1, report=silent)
        with pytest.raises(BackupError, match="not set here: aisle"):
            restore_backup(written, embedded, [], concurrency=1, report=silent)

    @pytest.mark.parametrize("part", ["tables/products.jsonl.gz", "buckets/aisle.jsonl.gz", "blob"])
    @pytest.mark.parametrize("damage", ["gone", "cut", "flipped"])
    def test_damage_is_found_before_anything_is_written(
        self, embedded: Database, store: Bucket, tmp_path: Path, part: str, damage: str
    ):
        fill(embedded, store)
        written = write_backup(tmp_path / "b", "one", embedded, [store], concurrency=1, report=silent)
        path = next((tmp_path / "b" / "blobs").glob("*/*")) if part == "blob" else written.path / part
        content = path.read_bytes()
        if damage == "gone":
            path.unlink()
        elif damage == "cut":
            path.write_bytes(content[:-9] if content else b"x")
        else:
            path.write_bytes(content[:20] + bytes([content[20] ^ 255]) + content[21:] if len(content) > 20 else b"y")
        with pytest.raises(BackupError):
            check_backup(written, report=silent)
        fresh = other(embedded, tmp_path)
        with pytest.raises(BackupError):
            restore_backup(written, fresh, [store], concurrency=1, report=silent)
        with fresh.reading() as connection:
            assert not connection.execute(select(products.c.id)).all()
        fresh.close()

    def test_a_manifest_that_was_changed_is_refused(self, embedded: Database, store: Bucket, tmp_path: Path):
        written = write_backup(tmp_path / "b", "one", embedded, [store], concurrency=1, report=silent)
        path = written.path / "manifest.json"
        content = orjson.loads(path.read_bytes())
        content["tables"]["products"]["lines"] += 1
        path.write_bytes(orjson.dumps(content))
        with pytest.raises(BackupError, match="does not hold what its digest says"):
            read_manifest(written.path)
        path.write_text("{")
        with pytest.raises(BackupError, match="cannot be read"):
            read_manifest(written.path)
        with pytest.raises(BackupError, match="no backup at"):
            read_manifest(tmp_path)

    def test_two_backups_into_one_folder_at_once_are_refused(self, embedded: Database, store: Bucket, tmp_path: Path):
        place = tmp_path / "b"
        place.mkdir()
        lock = os.open(place, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BackupError, match="Another backup"):
            write_backup(place, "one", embedded, [store], concurrency=1, report=silent)
        os.close(lock)

    def test_a_folder_that_cannot_be_made_is_a_clear_error(self, embedded: Database, store: Bucket, tmp_path: Path):
        (tmp_path / "file").write_text("")
        with pytest.raises(BackupError, match="cannot be written"):
            write_backup(tmp_path / "file", "one", embedded, [store], concurrency=1, report=silent)

    def test_the_newest_are_kept_and_what_only_the_others_held_goes(self, embedded: Database, store: Bucket, tmp_path: Path):
        place = tmp_path / "b"
        store.put("old", b"old")
        store.put("both", b"both")
        write_backup(place, "one", embedded, [store], concurrency=1, report=silent)
        store.delete("old")
        two = write_backup(place, "two", embedded, [store], concurrency=1, report=silent)
        assert prune_backups(place, 1) == ["one"]
        assert [path.read_bytes() for path in (place / "blobs").glob("*/*")] == [b"both"]
        check_backup(two, report=silent)
        assert prune_backups(place, 1) == []


def test_every_table_is_in_a_backup(database: Database, tmp_path: Path):
    written = write_backup(tmp_path, "one", database, [], concurrency=1, report=silent)
    listed = (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        if database.is_postgresql
        else "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    )
    with database.reading() as connection:
        there = set(connection.execute(text(listed)).scalars())
    assert there - {"alembic_version"} == set(written.tables) == set(METADATA.tables)
