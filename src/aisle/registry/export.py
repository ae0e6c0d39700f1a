"""A bundle outside of the object store: a folder, or one tar file that is the same bytes whenever it is written.

    FOLDER/manifest.json …          the bundle's files as they are
    FILE.tar: DIGEST/manifest.json …  the same in the order of their names, without owners and times

Either is read again only if every byte is as it was written; nothing is ever written over.
"""

import io
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory, mkdtemp, mkstemp

from aisle.errors import BundleError
from aisle.models.manifest import MANIFEST, read_sealed, spell_json

_TAR = ".tar"
_OTHER_ARCHIVES = {".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip", ".7z"}
_LARGEST = 4_000_000_000
"""Bytes that everything in an archive may take together."""


def export_bundle(folder: Path, target: Path) -> str:
    """Write a bundle as a folder, or as a tar file where the name ends so, whole or not at all; return its digest.

    Args:
        folder: The bundle; every byte of it is verified first.
        target: Where to; nothing lies there yet.

    Raises:
        BundleError: The bundle is damaged, something lies at the target already, or it cannot be written.
    """
    if target.suffix.lower() in _OTHER_ARCHIVES:
        raise BundleError(
            f"{target} would be an archive of a kind that is not written.", hint="Name a folder, or a file ending in .tar."
        )
    sealed = read_sealed(folder)
    digest = str(sealed.manifest["digest"])
    files = {**sealed.files, MANIFEST: spell_json(sealed.manifest)}
    try:
        if target.exists() or target.is_symlink():
            raise _taken(target)
        _make_parent(target)
        if target.suffix.lower() == _TAR:
            _write_tar(files, digest, target)
        else:
            _write_folder(files, target)
    except OSError as error:
        raise BundleError(f"{target} cannot be written: {error.strerror}.", hint="Name another place.") from error
    return digest


@contextmanager
def exported_bundle(path: Path) -> Iterator[Path]:
    """Give the folder of an exported bundle while the block runs; a tar file is unpacked for as long.

    What is in the folder is verified by whoever loads it.

    Args:
        path: A folder or a tar file that `export_bundle` wrote.

    Raises:
        BundleError: Nothing lies there, or it is no such file.
    """
    if path.is_dir():
        yield path
        return
    if not path.is_file():
        raise BundleError(f"There is no bundle at {path}.", hint="Name a folder or a .tar file from `aisle models export`.")
    with TemporaryDirectory(prefix="aisle-exported-") as folder:
        _unpack(path, Path(folder))
        yield Path(folder)


def _make_parent(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise BundleError(f"{target.parent} is no folder.", hint="Name another place.") from error


def _write_tar(files: Mapping[str, bytes], digest: str, target: Path) -> None:
    handle, name = mkstemp(prefix=f".{target.name}-", dir=target.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
                for file in sorted(files):
                    # A new TarInfo has no owner and no time; only its mode has to be said.
                    entry = tarfile.TarInfo(f"{digest}/{file}")
                    entry.size, entry.mode = len(files[file]), 0o644
                    archive.addfile(entry, io.BytesIO(files[file]))
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.chmod(0o644)
        # A link, unlike a rename, never takes the place of what somebody else wrote meanwhile.
        target.hardlink_to(unfinished)
    except FileExistsError:
        raise _taken(target) from None
    finally:
        unfinished.unlink(missing_ok=True)


def _write_folder(files: Mapping[str, bytes], target: Path) -> None:
    unfinished = Path(mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for file, data in files.items():
            path = unfinished / file
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        unfinished.chmod(0o755)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _unpack(path: Path, folder: Path) -> None:
    """Write a tar file's plain files into a folder; each lies under one name that is the same for all."""
    left, tops = _LARGEST, set()
    try:
        with tarfile.open(path, mode="r:") as archive:
            for entry in archive:
                place = PurePosixPath(entry.name)
                if not entry.isreg() or place.is_absolute() or ".." in place.parts or len(place.parts) < 2:
                    raise BundleError(f"In {path}, {entry.name!r} is no file of a bundle.", hint="Export the bundle again.")
                tops.add(place.parts[0])
                left -= entry.size
                if left < 0:
                    raise BundleError(f"{path} holds more than {_LARGEST:,} bytes.", hint="Export the bundle again.")
                into = folder.joinpath(*place.parts[1:])
                content = archive.extractfile(entry)
                if into.exists() or content is None:
                    raise BundleError(f"In {path}, {entry.name!r} is there twice.", hint="Export the bundle again.")
                into.parent.mkdir(parents=True, exist_ok=True)
                with content, into.open("wb") as stream:
                    shutil.copyfileobj(content, stream)
    except (tarfile.TarError, OSError) as error:
        raise BundleError(f"{path} is no tar file of a bundle ({error}).", hint="Export the bundle again.") from error
    if len(tops) > 1:
        raise BundleError(f"{path} holds {len(tops)} bundles.", hint="Export the bundle again.")


def _taken(target: Path) -> BundleError:
    return BundleError(f"Something lies at {target} already, and nothing is written over.", hint="Name a new place.")
