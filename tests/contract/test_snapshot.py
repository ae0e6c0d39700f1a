"""Snapshots on every database and object store: one content, one digest, immutable."""

import pytest

from aisle.catalog.ingest import Ingest
from aisle.catalog.snapshot import SCHEMA, describe, find, freeze, latest, list_snapshots, read
from aisle.catalog.source import open_source
from aisle.errors import SnapshotError
from aisle.settings import Catalog
from aisle.storage.objects import Bucket
from aisle.storage.schema import labels
from tests.catalogues import write_challenge

EXPECTED = "the digest below is of these rows on every machine: a change of it changes every data version"


def _fill(database, bucket: Bucket, folder, name="shop", **options):
    Ingest(database, bucket, Catalog(batch_rows=100)).run(open_source(folder, name=name), share=1.0, **options)


def test_a_snapshot_is_read_back_as_it_was_frozen(tmp_path, database, bucket):
    _fill(database, bucket, write_challenge(tmp_path / "shop", train=30, test=6))
    frozen = freeze(database, bucket)
    assert (frozen.rows, frozen.labelled, frozen.sources) == (36, 30, {"shop": ""})
    assert sum(frozen.classes.values()) == 30
    frame = read(bucket, frozen.digest)
    assert frame.columns == list(SCHEMA)
    assert frame["id"].to_list()[:4] == ["0", "1", "10", "11"]
    assert frame.filter(frame["split"] == "train")["label_author"].unique().to_list() == ["source"]
    assert frame["image_width"].null_count() == 0
    assert describe(bucket, frozen.digest) == frozen


def test_the_digest_is_the_same_on_every_database_and_machine(tmp_path, database, bucket):
    _fill(database, bucket, write_challenge(tmp_path / "shop", train=30, test=6, images=False))
    digest = freeze(database, bucket).digest
    assert digest == "397ef354862c92a97bad3a797f8d6a894688ea9fd09dfc04ae0c6ac5382f59ed", EXPECTED


def test_freezing_the_same_content_again_gives_the_same_snapshot_and_makes_it_the_newest(tmp_path, database, bucket):
    _fill(database, bucket, write_challenge(tmp_path / "one", train=10, test=2), name="one")
    first = freeze(database, bucket)
    _fill(database, bucket, write_challenge(tmp_path / "two", train=12, test=2), name="two")
    second = freeze(database, bucket)
    assert latest(database) == second.digest != first.digest
    assert freeze(database, bucket, names=["one"]) == first
    assert latest(database) == first.digest
    assert [snapshot.digest for snapshot, _ in list_snapshots(database)] == [first.digest, second.digest]
    assert find(database, first.digest[:12]) == first.digest
    assert len(list(bucket.keys("snapshots"))) == 4


def test_a_new_label_is_a_new_data_version(tmp_path, database, bucket):
    _fill(database, bucket, write_challenge(tmp_path / "shop", train=10, test=2, images=False))
    before = freeze(database, bucket)
    with database.transaction() as connection:
        connection.execute(
            labels.insert().values(source="shop", split="train", product_id="3", seq=1, code="2705", author="ana")
        )
    after = freeze(database, bucket)
    assert after.digest != before.digest
    row = read(bucket, after.digest).filter(id="3", split="train").to_dicts()[0]
    assert (row["label"], row["label_author"]) == ("2705", "ana")
    assert read(bucket, before.digest).filter(id="3")["label"].to_list() == ["60"]


def test_there_must_be_something_to_freeze_and_it_must_be_known(tmp_path, database, bucket):
    with pytest.raises(SnapshotError, match="nothing to freeze"):
        freeze(database, bucket)
    with pytest.raises(SnapshotError, match="no snapshot yet"):
        latest(database)
    _fill(database, bucket, write_challenge(tmp_path / "shop", train=10, test=2, images=False))
    with pytest.raises(SnapshotError, match="no catalogue 'shoe'") as caught:
        freeze(database, bucket, names=["shoe"])
    assert "shop" in caught.value.hint
    with pytest.raises(SnapshotError, match="No snapshot begins"):
        find(database, "abc")


def test_a_damaged_or_lost_snapshot_is_refused(tmp_path, database, bucket):
    _fill(database, bucket, write_challenge(tmp_path / "shop", train=10, test=2, images=False))
    digest = freeze(database, bucket).digest
    key = f"snapshots/{digest}/products.parquet"
    content = bucket.get(key)
    bucket.put(key, content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(SnapshotError, match="damaged"):
        read(bucket, digest)
    bucket.delete(key)
    with pytest.raises(SnapshotError, match="lost its rows"):
        read(bucket, digest)
    with pytest.raises(SnapshotError, match="no snapshot 000000000000"):
        describe(bucket, "0" * 64)
