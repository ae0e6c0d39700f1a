"""Bundles on every object store: up and down again, whole or not at all."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aisle.errors import BundleError
from aisle.models.manifest import MANIFEST, read_sealed, write_sealed
from aisle.registry.bundles import fetch, publish
from aisle.storage.objects import Bucket

FILES = {
    "schema.json": b"{}",
    "weights/text.npz": bytes(range(256)) * 50_000,
    "weights/image.npz": b"",
    "card.md": b"# Card\n",
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    write_sealed(folder, FILES, snapshot="s" * 64, configuration="c" * 64, commit="abc")
    return folder


def test_a_bundle_comes_back_byte_for_byte(bucket: Bucket, bundle: Path, tmp_path: Path) -> None:
    digest = publish(bucket, bundle)
    place = fetch(bucket, digest, tmp_path / "cache")
    assert read_sealed(place).files == FILES
    assert (place / MANIFEST).read_bytes() == (bundle / MANIFEST).read_bytes()
    assert sorted(bucket.keys("bundles")) == sorted(f"bundles/{digest}/{name}" for name in [*FILES, MANIFEST])


def test_publishing_at_once_and_again_is_publishing_once(bucket: Bucket, bundle: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        digests = set(threads.map(lambda _: publish(bucket, bundle), range(8)))
    digests.add(publish(bucket, bundle))
    (digest,) = digests
    assert read_sealed(fetch(bucket, digest, tmp_path / "cache")).files == FILES


def test_what_is_damaged_or_not_there_is_refused(bucket: Bucket, bundle: Path, tmp_path: Path) -> None:
    digest = publish(bucket, bundle)
    with pytest.raises(BundleError, match="There is no bundle"):
        fetch(bucket, "0" * 64, tmp_path / "cache")
    bucket.put(f"bundles/{digest}/card.md", b"# Kard\n")
    with pytest.raises(BundleError, match=r"card\.md is not what the manifest says"):
        fetch(bucket, digest, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
