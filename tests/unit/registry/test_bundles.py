import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aisle.errors import BundleError, ObjectStoreError
from aisle.models.manifest import MANIFEST, read_sealed, write_sealed
from aisle.registry.bundles import fetch, publish
from aisle.storage.objects import Bucket, Objects

FILES = {"schema.json": b'{"a": 1}', "weights/text.npz": bytes(range(256)) * 40, "card.md": b"# Card\n"}


class CountingBucket(Bucket):
    """A bucket in a folder that remembers what was written and read."""

    def __init__(self, folder: Path) -> None:
        inner = Objects(f"file://{folder}").bucket("artifacts")
        super().__init__("artifacts", inner._store)
        self.written: list[str] = []
        self.read: list[str] = []

    def put(self, key: str, data: bytes | Path) -> None:
        super().put(key, data)
        self.written.append(key)

    def create(self, key: str, data: bytes) -> None:
        super().create(key, data)
        self.written.append(key)

    def fetch(self, key: str, path: Path) -> None:
        super().fetch(key, path)
        self.read.append(key)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    write_sealed(folder, FILES, snapshot="s" * 64, configuration="c" * 64, commit="abc")
    return folder


@pytest.fixture
def digest(bundle: Path) -> str:
    return str(read_sealed(bundle).manifest["digest"])


@pytest.fixture
def artifacts(tmp_path: Path) -> CountingBucket:
    return CountingBucket(tmp_path / "objects")


class TestPublish:
    def test_every_file_goes_up_and_the_manifest_last(self, artifacts: CountingBucket, bundle: Path, digest: str) -> None:
        assert publish(artifacts, bundle) == digest
        assert artifacts.written[-1] == f"bundles/{digest}/{MANIFEST}"
        assert sorted(artifacts.written) == sorted(f"bundles/{digest}/{name}" for name in [*FILES, MANIFEST])
        assert artifacts.get(f"bundles/{digest}/{MANIFEST}") == (bundle / MANIFEST).read_bytes()

    def test_a_second_time_nothing_is_sent(self, artifacts: CountingBucket, bundle: Path, digest: str) -> None:
        publish(artifacts, bundle)
        artifacts.written.clear()
        assert publish(artifacts, bundle) == digest
        assert artifacts.written == []

    def test_an_upload_that_was_cut_is_completed(self, artifacts: CountingBucket, bundle: Path, digest: str) -> None:
        publish(artifacts, bundle)
        for name in (MANIFEST, "card.md"):
            artifacts.delete(f"bundles/{digest}/{name}")
        artifacts.put(f"bundles/{digest}/weights/text.npz", b"half")
        artifacts.written.clear()
        publish(artifacts, bundle)
        assert artifacts.written == [f"bundles/{digest}/{name}" for name in ("card.md", "weights/text.npz", MANIFEST)]

    def test_a_damaged_bundle_is_not_sent(self, artifacts: CountingBucket, bundle: Path) -> None:
        (bundle / "card.md").write_bytes(b"# Kard\n")
        with pytest.raises(BundleError, match=r"card\.md is not what the manifest says"):
            publish(artifacts, bundle)
        assert artifacts.written == []


class TestFetch:
    def test_it_comes_back_byte_for_byte(self, artifacts: CountingBucket, bundle: Path, digest: str, tmp_path: Path) -> None:
        publish(artifacts, bundle)
        place = fetch(artifacts, digest, tmp_path / "cache")
        assert place == tmp_path / "cache" / digest
        assert {name: (place / name).read_bytes() for name in FILES} == FILES
        assert (place / MANIFEST).read_bytes() == (bundle / MANIFEST).read_bytes()
        assert [path.name for path in place.parent.iterdir()] == [digest]

    def test_a_whole_copy_is_not_fetched_again(
        self, artifacts: CountingBucket, bundle: Path, digest: str, tmp_path: Path
    ) -> None:
        publish(artifacts, bundle)
        fetch(artifacts, digest, tmp_path)
        artifacts.read.clear()
        assert fetch(artifacts, digest, tmp_path) == tmp_path / digest
        assert artifacts.read == []

    @pytest.mark.parametrize("damage", ["flip", "remove", "add", "empty", "file"])
    def test_a_damaged_copy_is_replaced(
        self, artifacts: CountingBucket, bundle: Path, digest: str, tmp_path: Path, damage: str
    ) -> None:
        publish(artifacts, bundle)
        place = fetch(artifacts, digest, tmp_path)
        match damage:
            case "flip":
                (place / "schema.json").write_bytes(b'{"a": 2}')
            case "remove":
                (place / "card.md").unlink()
            case "add":
                (place / "more.json").write_bytes(b"{}")
            case "empty":
                shutil.rmtree(place)
                place.mkdir()
            case "file":
                shutil.rmtree(place)
                place.write_bytes(b"")
        assert fetch(artifacts, digest, tmp_path) == place
        assert read_sealed(place).files == FILES
        assert not list(tmp_path.glob(".damaged-*"))

    def test_an_unknown_bundle_is_named(self, artifacts: CountingBucket, tmp_path: Path) -> None:
        with pytest.raises(BundleError, match="no bundle aaaaaaaaaaaa in bucket artifacts"):
            fetch(artifacts, "a" * 64, tmp_path / "cache")
        assert not (tmp_path / "cache").exists()

    def test_without_its_manifest_there_is_no_bundle(
        self, artifacts: CountingBucket, bundle: Path, digest: str, tmp_path: Path
    ) -> None:
        publish(artifacts, bundle)
        artifacts.delete(f"bundles/{digest}/{MANIFEST}")
        with pytest.raises(BundleError, match="no bundle"):
            fetch(artifacts, digest, tmp_path / "cache")

    @pytest.mark.parametrize("digest", ["", "abc", "../" + "a" * 61, "A" * 64, "a" * 65, "a" * 63 + "\n"])
    def test_what_is_no_digest_is_never_a_path(self, artifacts: CountingBucket, tmp_path: Path, digest: str) -> None:
        with pytest.raises(BundleError, match="is no bundle's digest"):
            fetch(artifacts, digest, tmp_path / "cache")
        assert not (tmp_path / "cache").exists()

    @pytest.mark.parametrize(
        "damage", [("schema.json", b'{"a": 2}'), ("weights/text.npz", b""), ("more.json", b"{}"), (MANIFEST, b"{}")]
    )
    def test_what_is_damaged_in_the_store_is_refused_and_leaves_nothing(
        self, artifacts: CountingBucket, bundle: Path, digest: str, tmp_path: Path, damage: tuple[str, bytes]
    ) -> None:
        publish(artifacts, bundle)
        name, data = damage
        artifacts.put(f"bundles/{digest}/{name}", data)
        with pytest.raises(BundleError):
            fetch(artifacts, digest, tmp_path / "cache")
        assert list((tmp_path / "cache").iterdir()) == []

    def test_another_bundle_under_this_digest_is_refused(
        self, artifacts: CountingBucket, bundle: Path, digest: str, tmp_path: Path
    ) -> None:
        wrong = "b" * 64
        for name in [*FILES, MANIFEST]:
            artifacts.put(f"bundles/{wrong}/{name}", (bundle / name).read_bytes())
        with pytest.raises(BundleError, match="is another bundle"):
            fetch(artifacts, wrong, tmp_path / "cache")

    def test_many_at_once_all_get_a_whole_one(
        self, artifacts: CountingBucket, bundle: Path, digest: str, tmp_path: Path
    ) -> None:
        publish(artifacts, bundle)
        (tmp_path / "cache" / digest).mkdir(parents=True)
        with ThreadPoolExecutor(8) as threads:
            places = set(threads.map(lambda _: fetch(artifacts, digest, tmp_path / "cache"), range(16)))
        assert places == {tmp_path / "cache" / digest}
        assert read_sealed(places.pop()).files == FILES
        assert [path.name for path in (tmp_path / "cache").iterdir()] == [digest]

    def test_a_store_that_fails_midway_leaves_nothing(
        self, artifacts: CountingBucket, bundle: Path, digest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        publish(artifacts, bundle)

        def fail(key: str, path: Path) -> None:
            path.write_bytes(b"half")
            raise ObjectStoreError(f"The object store failed on {key}.")

        monkeypatch.setattr(artifacts, "fetch", fail)
        with pytest.raises(ObjectStoreError):
            fetch(artifacts, digest, tmp_path / "cache")
        assert list((tmp_path / "cache").iterdir()) == []
