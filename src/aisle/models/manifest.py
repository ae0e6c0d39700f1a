"""A bundle as files: written at once, named by one digest, and read only if every byte is as it was written.

The manifest lists the sha256 of every other file and is spelt in one way only. The bundle's digest is taken over that
list and over the manifest's own facts, so nothing in the folder can change without changing the digest. Files are read
once: the bytes that were checked are the bytes that are used.
"""

import os
import platform
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import orjson

from aisle.digest import json_digest, manifest_digest, sha256
from aisle.errors import BundleError

FORMAT = 3
"""The version of the bundle's layout; raised when an older release could not read a new bundle."""

MANIFEST = "manifest.json"
_FACTS = {"commit", "configuration", "digest", "files", "format", "libraries", "snapshot"}
_LIBRARIES = ("aisle", "numba", "numpy", "pillow", "scipy")
_NAME = re.compile(r"[a-z0-9_]+(?:[.-][a-z0-9_]+)*(?:/[a-z0-9_]+(?:[.-][a-z0-9_]+)*)*")
_LARGEST = 2_000_000_000
_AGAIN = "Fetch the bundle again, or train again."


@dataclass(frozen=True, slots=True)
class Sealed:
    """The files of a bundle whose every byte is as it was written.

    Args:
        manifest: What the manifest says.
        files: Every other file's bytes by its name.
    """

    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]


def spell_json(value: Any) -> bytes:
    """Return the one spelling of a JSON value in a bundle: sorted keys, two spaces, UTF-8, a line feed at the end."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def library_versions() -> dict[str, str]:
    """Return the version of each library that a bundle's answers hang on."""
    return {name: version(name) for name in _LIBRARIES} | {"python": platform.python_version()}


def write_sealed(folder: Path, files: Mapping[str, bytes], *, snapshot: str, configuration: str, commit: str) -> str:
    """Write files and their manifest as a bundle, whole or not at all, and return its digest.

    Args:
        folder: Where to; it does not exist yet, or is empty.
        files: Every file's bytes by its name, `/` between folders.
        snapshot: Digest of the snapshot that the model learnt from.
        configuration: Digest of what the training was steered by.
        commit: The commit of the code; `unknown` outside of a repository.

    Raises:
        BundleError: Something lies there already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BundleError(f"{folder} is not empty.", hint="Name a folder that does not exist yet.")
    facts: dict[str, Any] = {
        "format": FORMAT,
        "files": {name: sha256(data) for name, data in files.items()},
        "snapshot": snapshot,
        "configuration": configuration,
        "commit": commit,
        "libraries": library_versions(),
    }
    digest = _digest(facts)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place, so that the last step is a rename: a bundle that lies there is whole.
    unfinished = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, data in {**files, MANIFEST: spell_json({**facts, "digest": digest})}.items():
            path = unfinished / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        unfinished.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return digest


def read_sealed(folder: Path) -> Sealed:
    """Return a bundle's files if each is there, none is too much and every byte is as it was written.

    Raises:
        BundleError: The folder is no bundle, another version's, or damaged; the message names the file.
    """
    manifest = _manifest(folder)
    found = _listing(folder) - {MANIFEST}
    listed = set(manifest["files"])
    for name in sorted(found ^ listed):
        what = "is not listed in its manifest" if name in found else "is missing"
        raise BundleError(f"In the bundle {folder}, {name} {what}.", hint=_AGAIN)
    files: dict[str, bytes] = {}
    for name, expected in manifest["files"].items():
        files[name] = _read(folder, name)
        if sha256(files[name]) != expected:
            raise BundleError(f"In the bundle {folder}, {name} is not what the manifest says.", hint=_AGAIN)
    return Sealed(manifest, files)


def _digest(facts: Mapping[str, Any]) -> str:
    # The manifest's own facts count as one more file, so that the digest covers them too.
    return manifest_digest({**facts["files"], MANIFEST: json_digest({**facts, "digest": None})})


def _manifest(folder: Path) -> Mapping[str, Any]:
    if not (folder / MANIFEST).is_file():
        raise BundleError(f"{folder} is no bundle: it has no {MANIFEST}.", hint="Name a folder that `aisle train` wrote.")
    data = _read(folder, MANIFEST)
    try:
        manifest = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _damaged(folder, f"is not JSON ({error})") from error
    if not isinstance(manifest, dict):
        raise _damaged(folder, "is no JSON object")
    if (form := manifest.get("format")) != FORMAT or isinstance(form, bool):
        raise BundleError(
            f"The bundle {folder} has format {form!r}; this release of aisle reads format {FORMAT}.",
            hint="Use the release that wrote it, or train again.",
        )
    if set(manifest) != _FACTS or not _is_listing(manifest["files"]):
        raise _damaged(folder, "does not say what a manifest says")
    if data != spell_json(manifest) or manifest["digest"] != _digest(manifest):
        raise _damaged(folder, "does not agree with itself")
    return manifest


def _is_listing(files: Any) -> bool:
    return isinstance(files, dict) and all(
        _NAME.fullmatch(name) and isinstance(digest, str) and name != MANIFEST for name, digest in files.items()
    )


def _listing(folder: Path) -> set[str]:
    names: set[str] = set()
    for parent, folders, files in os.walk(folder):
        for entry in (*folders, *files):
            path = Path(parent, entry)
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise BundleError(f"In the bundle {folder}, {name} is no plain file.", hint=_AGAIN)
        names.update(Path(parent, file).relative_to(folder).as_posix() for file in files)
    return names


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        if path.stat().st_size > _LARGEST:
            raise BundleError(f"In the bundle {folder}, {name} is larger than {_LARGEST} bytes.", hint=_AGAIN)
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"In the bundle {folder}, {name} cannot be read: {error.strerror}.", hint=_AGAIN) from error


def _damaged(folder: Path, what: str) -> BundleError:
    return BundleError(f"In the bundle {folder}, {MANIFEST} {what}.", hint=_AGAIN)
