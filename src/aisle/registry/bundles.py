"""Bundles in the object store: `bundles/DIGEST/FILE`, the manifest last, so that what has a manifest is whole."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

from aisle.errors import BundleError, ObjectExists, ObjectNotFound
from aisle.models.manifest import MANIFEST, read_sealed, spell_json
from aisle.storage.objects import Bucket

_DIGEST = re.compile(r"[0-9a-f]{64}")


def publish(artifacts: Bucket, folder: Path) -> str:
    """Upload a bundle and return its digest; one that is there already is not sent again.

    Args:
        artifacts: The bucket of snapshots and bundles.
        folder: The bundle; every byte of it is verified first.

    Raises:
        BundleError: The bundle is damaged.
        ObjectStoreError: The store refused, or cannot be reached.
    """
    sealed = read_sealed(folder)
    digest = str(sealed.manifest["digest"])
    _send(artifacts, digest, sealed.files)
    try:
        artifacts.create(_key(digest, MANIFEST), spell_json(sealed.manifest))
    except ObjectExists:
        # The digest covers the manifest: whoever was first wrote these very bytes.
        return digest
    return digest


def fetch(artifacts: Bucket, digest: str, folder: Path) -> Path:
    """Download a bundle into a cache and return its folder there, verified; a damaged copy is replaced.

    Args:
        artifacts: The bucket of snapshots and bundles.
        digest: The bundle's digest.
        folder: The cache; the bundle will lie in `folder/digest`, whole or not at all.

    Raises:
        BundleError: There is no such bundle in the store, or it is damaged there.
        ObjectStoreError: The store refused, or cannot be reached.
    """
    if not _DIGEST.fullmatch(digest):
        raise BundleError(f"{digest!r} is no bundle's digest.", hint="A digest has 64 hexadecimal digits.")
    place = folder / digest
    if place.exists() and not _is_whole(place, digest):
        _discard(place)
    if not place.exists():
        _download(artifacts, digest, place)
    return place


def _send(artifacts: Bucket, digest: str, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        key = _key(digest, name)
        try:
            there = artifacts.size(key) == len(data)
        except ObjectNotFound:
            there = False
        if not there:
            artifacts.put(key, data)


def _download(artifacts: Bucket, digest: str, place: Path) -> None:
    if not artifacts.exists(_key(digest, MANIFEST)):
        raise BundleError(
            f"There is no bundle {digest[:12]} in bucket {artifacts.name}.",
            hint="It was never published there, or it was removed: publish it again from where it was trained.",
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(mkdtemp(prefix=f".{digest[:12]}-", dir=place.parent))
    try:
        for key in artifacts.keys(f"bundles/{digest}"):
            path = unfinished / key.removeprefix(f"bundles/{digest}/")
            if not path.resolve().is_relative_to(unfinished.resolve()):
                raise BundleError(f"Object {key} in bucket {artifacts.name} leads out of its bundle.", hint="Remove it.")
            path.parent.mkdir(parents=True, exist_ok=True)
            artifacts.fetch(key, path)
        if read_sealed(unfinished).manifest["digest"] != digest:
            raise BundleError(f"What lies under bundles/{digest[:12]}… in bucket {artifacts.name} is another bundle.")
        unfinished.chmod(0o755)
        try:
            unfinished.rename(place)
        except OSError:
            # Somebody else fetched it meanwhile; theirs has to be as good as ours.
            if not _is_whole(place, digest):
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _is_whole(place: Path, digest: str) -> bool:
    try:
        return bool(read_sealed(place).manifest["digest"] == digest)
    except BundleError:
        return False


def _discard(place: Path) -> None:
    """Move a damaged copy out of the way in one step, then remove it: a half-removed one is never taken for the bundle."""
    doomed = Path(mkdtemp(prefix=".damaged-", dir=place.parent))
    try:
        place.rename(doomed / place.name)
    except FileNotFoundError:
        # Somebody else found it damaged too, and was first.
        return
    finally:
        shutil.rmtree(doomed, ignore_errors=True)


def _key(digest: str, name: str) -> str:
    return f"bundles/{digest}/{name}"
