"""What every object store promises: the same cases on a local folder and on a real S3 server."""

import hashlib
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aisle.errors import ObjectExists, ObjectNotFound, ObjectStoreError
from aisle.storage.objects import Bucket, Objects
from tests.servers.process import free_port
from tests.servers.rados_gateway import RadosGateway

ODD_KEYS = [
    "plain.jpg",
    "a/b/c/d/e",
    "with space/and  two",
    "été/ça.jpg",
    "🙂",
    "50%",
    "%41",
    "a+b=c&d?e#f",
    "quote'\"`",
    "semi;colon,comma",
    "~tilde",
    "-dash",
    "dots...and..more",
    "x" * 200,
]
NO_KEYS = ["", "/", ".", "..", "/lead", "trail/", "a//b", "../up", "a/../b", "a/./b", "new\nline", "nul\0"]


def new_name() -> str:
    return f"test-{secrets.token_hex(6)}"


class TestObjects:
    def test_what_was_put_is_got(self, bucket: Bucket):
        bucket.put("x_train/image_1_product_2.jpg", b"\xff\xd8 bytes \x00")
        assert bucket.get("x_train/image_1_product_2.jpg") == b"\xff\xd8 bytes \x00"
        assert bucket.size("x_train/image_1_product_2.jpg") == 10
        assert bucket.exists("x_train/image_1_product_2.jpg")

    def test_an_empty_object_is_an_object(self, bucket: Bucket):
        bucket.put("empty", b"")
        assert bucket.exists("empty")
        assert (bucket.get("empty"), bucket.size("empty"), list(bucket.keys())) == (b"", 0, ["empty"])

    def test_a_put_replaces_the_object_whole(self, bucket: Bucket):
        bucket.put("key", b"a long first version")
        bucket.put("key", b"short")
        assert bucket.get("key") == b"short"
        assert list(bucket.keys()) == ["key"]

    def test_a_file_is_put_as_its_bytes(self, bucket: Bucket, tmp_path: Path):
        path = tmp_path / "file"
        path.write_bytes(b"from a file")
        bucket.put("key", path)
        assert bucket.get("key") == b"from a file"

    def test_twenty_megabytes_go_and_come_back(self, bucket: Bucket, tmp_path: Path):
        data = os.urandom(20_000_000)
        (tmp_path / "there").write_bytes(data)
        bucket.put("from-file", tmp_path / "there")
        bucket.put("from-memory", data)
        bucket.create("created", data)
        for key in ("from-file", "from-memory", "created"):
            bucket.fetch(key, tmp_path / "back")
            assert hashlib.sha256((tmp_path / "back").read_bytes()).digest() == hashlib.sha256(data).digest()
            assert bucket.size(key) == len(data)

    @pytest.mark.parametrize("key", ODD_KEYS)
    def test_an_odd_key_is_as_good_as_any(self, bucket: Bucket, key: str):
        bucket.put(key, key.encode())
        assert bucket.get(key) == key.encode()
        assert list(bucket.keys()) == [key]
        bucket.delete(key)
        assert not bucket.exists(key)

    @pytest.mark.parametrize("key", NO_KEYS)
    def test_what_is_no_key_is_refused_everywhere(self, bucket: Bucket, key: str, tmp_path: Path):
        for action in (
            lambda: bucket.put(key, b"x"),
            lambda: bucket.create(key, b"x"),
            lambda: bucket.get(key),
            lambda: bucket.fetch(key, tmp_path / "file"),
            lambda: bucket.exists(key),
            lambda: bucket.delete(key),
            lambda: bucket.size(key),
        ):
            with pytest.raises(ObjectStoreError, match="is no key of an object"):
                action()
        assert list(bucket.keys()) == []

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
    @given(data=st.binary(max_size=3000))
    def test_any_bytes_come_back_as_they_were(self, bucket: Bucket, data: bytes):
        bucket.put("key", data)
        assert bucket.get("key") == data


class TestAbsence:
    def test_a_missing_key_is_named(self, bucket: Bucket, tmp_path: Path):
        for action in (bucket.get, bucket.size, lambda key: bucket.fetch(key, tmp_path / "file")):
            with pytest.raises(ObjectNotFound, match=f"no object a/b in bucket {bucket.name}"):
                action("a/b")
        assert not bucket.exists("a/b")

    def test_a_folder_of_keys_is_no_key(self, bucket: Bucket):
        bucket.put("a/b", b"x")
        assert not bucket.exists("a")
        with pytest.raises(ObjectStoreError):
            bucket.get("a")

    def test_a_failed_fetch_leaves_the_file_as_it_was(self, bucket: Bucket, tmp_path: Path):
        path = tmp_path / "file"
        path.write_bytes(b"kept")
        with pytest.raises(ObjectNotFound):
            bucket.fetch("missing", path)
        assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["file"]
        assert path.read_bytes() == b"kept"

    def test_a_fetch_into_a_missing_folder_is_no_missing_object(self, bucket: Bucket, tmp_path: Path):
        bucket.put("key", b"x")
        with pytest.raises(FileNotFoundError, match="no-folder"):
            bucket.fetch("key", tmp_path / "no-folder" / "file")

    def test_deleting_is_idempotent(self, bucket: Bucket):
        bucket.put("key", b"x")
        bucket.delete("key")
        bucket.delete("key")
        bucket.delete("never-was")
        assert list(bucket.keys()) == []


class TestCreate:
    def test_a_key_is_taken_once(self, bucket: Bucket):
        bucket.create("key", b"first")
        with pytest.raises(ObjectExists, match=f"key in bucket {bucket.name} exists already"):
            bucket.create("key", b"second")
        assert bucket.get("key") == b"first"

    def test_a_key_is_free_again_after_its_object_is_deleted(self, bucket: Bucket):
        bucket.create("key", b"first")
        bucket.delete("key")
        bucket.create("key", b"second")
        assert bucket.get("key") == b"second"

    @pytest.mark.parametrize("size", [1, 200_000])
    def test_of_sixteen_at_once_one_wins(self, bucket: Bucket, size: int):
        def claim(number: int) -> int | None:
            try:
                bucket.create("claim", bytes([number]) * size)
            except ObjectExists:
                return None
            return number

        for _ in range(3):
            with ThreadPoolExecutor(16) as threads:
                winners = [number for number in threads.map(claim, range(16)) if number is not None]
            assert len(winners) == 1
            assert bucket.get("claim") == bytes(winners) * size
            bucket.delete("claim")


class TestListing:
    def test_an_empty_bucket_lists_nothing(self, bucket: Bucket):
        assert list(bucket.keys()) == []
        assert list(bucket.keys("nothing/here")) == []

    def test_a_prefix_is_a_folder(self, bucket: Bucket):
        for key in ("a/1", "a/b/2", "ab/3", "a.txt", "c"):
            bucket.put(key, b"x")
        assert sorted(bucket.keys("a")) == ["a/1", "a/b/2"]
        assert sorted(bucket.keys("a/")) == ["a/1", "a/b/2"]
        assert sorted(bucket.keys("a/b")) == ["a/b/2"]
        assert sorted(bucket.keys()) == ["a.txt", "a/1", "a/b/2", "ab/3", "c"]

    def test_a_prefix_that_is_no_folder_is_refused(self, bucket: Bucket):
        for prefix in ("/", "..", "a/../b", "/a"):
            with pytest.raises(ObjectStoreError, match="is no key of an object"):
                list(bucket.keys(prefix))

    def test_more_keys_than_fit_in_one_answer(self, bucket: Bucket):
        wanted = [f"x_train/image_{number}.jpg" for number in range(1_100)]
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda key: bucket.put(key, b"x"), wanted))
        assert sorted(bucket.keys("x_train")) == sorted(wanted)

    def test_unfinished_files_are_not_listed(self, bucket: Bucket):
        bucket.put("whole", b"x")
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda size: bucket.put("busy", bytes(size)), range(500_000, 500_016)))
        assert sorted(bucket.keys()) == ["busy", "whole"]


class TestBuckets:
    def test_a_bucket_is_made_once(self, objects: Objects):
        name = new_name()
        assert [objects.create_bucket(name), objects.create_bucket(name)] == [True, False]
        objects.bucket(name).put("key", b"x")
        assert objects.create_bucket(name) is False
        assert objects.bucket(name).get("key") == b"x"

    def test_buckets_do_not_share_keys(self, objects: Objects):
        one, two = new_name(), new_name()
        for name in (one, two):
            objects.create_bucket(name)
            objects.bucket(name).put("key", name.encode())
        assert objects.bucket(one).get("key") == one.encode()
        objects.bucket(one).delete("key")
        assert objects.bucket(two).get("key") == two.encode()

    @pytest.mark.parametrize("name", ["", "ab", "Capital", "../up", "a/b", "under_score", "-dash", "x" * 64, "new\nline"])
    def test_a_bad_name_is_refused(self, objects: Objects, name: str):
        for action in (objects.bucket, objects.create_bucket):
            with pytest.raises(ObjectStoreError, match="is no name of a bucket"):
                action(name)


class TestAddresses:
    @pytest.mark.parametrize(
        "url", ["", "folder", "/folder", "s3://bucket", "ftp://host", "file://", "file:///", "file://folder/sub", "http://"]
    )
    def test_what_is_no_address_is_refused(self, url: str):
        with pytest.raises(ObjectStoreError, match="neither a folder nor an S3 server") as caught:
            Objects(url)
        assert "file:///FOLDER" in caught.value.hint

    def test_keys_in_the_address_are_refused_and_not_shown(self):
        with pytest.raises(ObjectStoreError, match="holds keys") as caught:
            Objects("http://key:hunter2@host:9000")
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize("keys", [{}, {"access_key": "a"}, {"secret_key": "b"}, {"access_key": "", "secret_key": ""}])
    def test_a_server_without_keys_is_refused(self, keys: dict[str, str]):
        with pytest.raises(ObjectStoreError, match="needs keys"):
            Objects("http://127.0.0.1:9000", **keys)

    def test_a_folder_may_have_any_name(self, tmp_path: Path):
        folder = tmp_path / "50% off? #@é"
        Objects(folder.as_uri()).bucket("bucket").put("key", b"x")
        assert (folder / "bucket" / "key").read_bytes() == b"x"

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path):
        (tmp_path / "file").write_text("")
        with pytest.raises(ObjectStoreError, match="file/bucket cannot be made"):
            Objects(f"file://{tmp_path}/file").bucket("bucket")

    def test_a_server_that_is_not_there_is_reported_soon(self, tmp_path: Path):
        objects = Objects(f"http://127.0.0.1:{free_port()}", access_key="a", secret_key="hunter2")
        bucket = objects.bucket("bucket")
        for action in (
            lambda: bucket.get("key"),
            lambda: bucket.put("key", b"x"),
            lambda: bucket.exists("key"),
            lambda: list(bucket.keys()),
            lambda: objects.create_bucket("bucket"),
        ):
            started = time.monotonic()
            with pytest.raises(ObjectStoreError, match=r"failed on|cannot be reached") as caught:
                action()
            assert time.monotonic() - started < 10
            assert "AISLE_OBJECTS_URL" in caught.value.hint
            assert "hunter2" not in str(caught.value)
            assert "\n" not in str(caught.value)


@pytest.mark.servers
class TestServer:
    def test_a_wrong_secret_is_refused_and_not_shown(self, rgw: RadosGateway):
        wrong = Objects(rgw.url, access_key=rgw.access_key, secret_key="hunter2")
        right = Objects(rgw.url, access_key=rgw.access_key, secret_key=rgw.secret_key)
        name = new_name()
        right.create_bucket(name)
        right.bucket(name).put("key", b"x")
        for action in (
            lambda: wrong.bucket(name).get("key"),
            lambda: wrong.bucket(name).put("key", b"y"),
            lambda: wrong.bucket(name).create("other", b"y"),
            lambda: wrong.bucket(name).exists("key"),
            lambda: list(wrong.bucket(name).keys()),
            lambda: wrong.bucket(name).delete("key"),
            lambda: wrong.create_bucket(new_name()),
        ):
            with pytest.raises(ObjectStoreError, match=r"failed on|refused") as caught:
                action()
            assert "hunter2" not in str(caught.value)
        assert right.bucket(name).get("key") == b"x"

    def test_a_missing_bucket_is_told_apart_from_a_missing_object(self, rgw: RadosGateway):
        bucket = Objects(rgw.url, access_key=rgw.access_key, secret_key=rgw.secret_key).bucket(new_name())
        for action in (lambda: bucket.get("key"), lambda: bucket.put("key", b"x"), lambda: list(bucket.keys())):
            with pytest.raises(ObjectStoreError, match=f"no bucket {bucket.name}") as caught:
                action()
            assert not isinstance(caught.value, ObjectNotFound)
            assert "aisle objects create" in caught.value.hint

    def test_a_server_that_goes_away_is_reported(self):
        if reason := RadosGateway.available():
            pytest.skip(reason)
        with RadosGateway() as server:
            objects = Objects(server.url, access_key=server.access_key, secret_key=server.secret_key)
            objects.create_bucket("bucket")
            bucket = objects.bucket("bucket")
            bucket.put("key", b"x")
            server.stop()
            with pytest.raises(ObjectStoreError, match="failed on key in bucket bucket"):
                bucket.get("key")
