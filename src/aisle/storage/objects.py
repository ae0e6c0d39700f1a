"""The object store: buckets of immutable bytes in a local folder or on any S3 server, behind one class."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import httpx
import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import LocalStore, S3Store

from aisle.errors import ObjectExists, ObjectNotFound, ObjectStoreError

_Answer = TypeVar("_Answer")
_BLOCK = 1 << 20
_REASON_CHARS = 300
_NO_KEY = re.compile(r"^$|^/|/$|//|(^|/)\.\.?(/|$)|[\x00-\x1f\x7f]")
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Bucket:
    """One bucket: put, get, list and delete bytes by key.

    Made by `Objects.bucket`. Safe to share among threads; every call blocks its caller and releases the interpreter. A key
    is a relative path with `/` between its parts: no empty part, no `.` or `..`, no control character.
    """

    def __init__(self, name: str, store: LocalStore | S3Store) -> None:
        self.name = name
        self._store = store

    def put(self, key: str, data: bytes | Path) -> None:
        """Write an object whole, or replace it whole; a file is sent in parts when it is large.

        Raises:
            ObjectStoreError: The store refused, or cannot be reached.
        """
        self._call(key, lambda: obstore.put(self._store, _checked(key), data))

    def create(self, key: str, data: bytes) -> None:
        """Write an object only if the key is free: one winner among any number of writers.

        Raises:
            ObjectExists: The key was taken.
            ObjectStoreError: The store refused, or cannot be reached.
        """
        self._call(key, lambda: obstore.put(self._store, _checked(key), data, mode="create", use_multipart=False))

    def get(self, key: str) -> bytes:
        """Read an object whole.

        Raises:
            ObjectNotFound: Nothing lies under the key.
            ObjectStoreError: The store refused, or cannot be reached.
        """
        return self._call(key, lambda: bytes(obstore.get(self._store, _checked(key)).bytes()))

    def fetch(self, key: str, path: Path) -> None:
        """Read an object into a file, block by block; the file is there whole or not at all.

        Raises:
            ObjectNotFound: Nothing lies under the key.
            ObjectStoreError: The store refused, or cannot be reached.
        """
        blocks = self._call(key, lambda: iter(obstore.get(self._store, _checked(key)).stream(min_chunk_size=_BLOCK)))
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("wb") as stream:
                while (block := self._call(key, lambda: next(blocks, None))) is not None:
                    stream.write(block)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def exists(self, key: str) -> bool:
        """Tell whether an object lies under the key."""
        try:
            self._call(key, lambda: obstore.head(self._store, _checked(key)))
        except ObjectNotFound:
            return False
        return True

    def size(self, key: str) -> int:
        """Return an object's size in bytes.

        Raises:
            ObjectNotFound: Nothing lies under the key.
        """
        return int(self._call(key, lambda: obstore.head(self._store, _checked(key)))["size"])

    def keys(self, prefix: str = "") -> Iterator[str]:
        """List the keys under a prefix (a folder's name, or nothing), in the store's order."""
        folder = _checked(prefix.removesuffix("/")) if prefix else None
        batches = self._call("", lambda: iter(obstore.list(self._store, folder)))
        while (batch := self._call("", lambda: next(batches, None))) is not None:
            yield from (entry["path"] for entry in batch)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        try:
            self._call(key, lambda: obstore.delete(self._store, _checked(key)))
        except ObjectNotFound:
            return

    def _call(self, key: str, action: Callable[[], _Answer]) -> _Answer:
        """Do something with a key, or with the whole bucket where it is empty, and tell errors as ours."""
        try:
            return action()
        except (BaseError, FileNotFoundError) as error:
            if "NoSuchBucket" in str(error):
                raise ObjectStoreError(f"There is no bucket {self.name}.", hint="Run `aisle objects create`.") from error
            if isinstance(error, NotFoundError | FileNotFoundError):
                raise ObjectNotFound(f"There is no object {key} in bucket {self.name}.") from error
            if isinstance(error, AlreadyExistsError | PreconditionError):
                raise ObjectExists(f"Object {key} in bucket {self.name} exists already.") from error
            raise ObjectStoreError(
                f"The object store failed on {key or 'a listing'} in bucket {self.name}: {_reason(error)}.",
                hint="Check AISLE_OBJECTS_URL and its keys, and that the server runs.",
            ) from error


class Objects:
    """An object store, known by its address.

    Args:
        url: `file:///FOLDER`, or the `http(s)://HOST:PORT` of an S3 server, addressed path-style.
        region: Region that requests are signed for.
        access_key: S3 access key.
        secret_key: S3 secret key.
        timeout_s: Seconds before one request is given up; it is tried again with growing pauses.

    Raises:
        ObjectStoreError: The address is of neither kind, or keys are missing.
    """

    def __init__(
        self,
        url: str,
        *,
        region: str = "us-east-1",
        access_key: str | None = None,
        secret_key: str | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        parts = urlsplit(url)
        if "@" in parts.netloc:
            raise ObjectStoreError(
                "AISLE_OBJECTS_URL holds keys, and addresses are shown to people.",
                hint="Set AISLE_OBJECTS_ACCESS_KEY and AISLE_OBJECTS_SECRET_KEY instead.",
            )
        is_folder = parts.scheme == "file" and parts.netloc in {"", "localhost"} and len(parts.path) > 1
        if not is_folder and not (parts.scheme in {"http", "https"} and parts.netloc):
            raise ObjectStoreError(
                f"AISLE_OBJECTS_URL is {url!r}, which is neither a folder nor an S3 server.",
                hint="Write file:///FOLDER or http(s)://HOST:PORT.",
            )
        if not is_folder and not (access_key and secret_key):
            raise ObjectStoreError(
                "An S3 server needs keys.", hint="Set AISLE_OBJECTS_ACCESS_KEY and AISLE_OBJECTS_SECRET_KEY."
            )
        self._folder = Path(unquote(parts.path)) if is_folder else None
        self.address = url
        self._timeout_s = timeout_s
        self._options: dict[str, Any] = {
            "endpoint": url.rstrip("/"),
            "region": region,
            "access_key_id": access_key,
            "secret_access_key": secret_key,
            "virtual_hosted_style_request": False,
            "client_options": {"allow_http": parts.scheme == "http", "timeout": timedelta(seconds=timeout_s)},
            "retry_config": {"max_retries": 5, "retry_timeout": timedelta(seconds=timeout_s)},
        }

    def bucket(self, name: str) -> Bucket:
        """Return a bucket by name; on a server it is not looked at before it is used.

        Raises:
            ObjectStoreError: The name is none that S3 allows, or the folder cannot be made.
        """
        _check_name(name)
        if self._folder is None:
            return Bucket(name, S3Store(name, **self._options))
        folder = self._folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ObjectStoreError(f"The folder {folder} cannot be made: {error.strerror}.") from error
        return Bucket(name, LocalStore(folder, automatic_cleanup=False))

    def create_bucket(self, name: str) -> bool:
        """Make sure that a bucket exists, and tell whether it had to be made.

        Raises:
            ObjectStoreError: The name is none that S3 allows, the store refused, or cannot be reached.
        """
        _check_name(name)
        if self._folder is not None:
            made = not (self._folder / name).is_dir()
            self.bucket(name)
            return made
        # obstore makes no buckets, but it signs any request: PUT on the bucket's own address is S3's CreateBucket.
        address = obstore.sign(S3Store(name, **self._options), "PUT", "", timedelta(minutes=1))
        try:
            found = httpx.head(address.partition("?")[0], timeout=self._timeout_s).status_code != httpx.codes.NOT_FOUND
            answer = httpx.put(address, timeout=self._timeout_s)
        except httpx.HTTPError as error:
            raise ObjectStoreError(
                f"The object store {self.address} cannot be reached: {_reason(error)}.",
                hint="Check AISLE_OBJECTS_URL, and that the server runs.",
            ) from error
        if answer.is_success or (answer.status_code == httpx.codes.CONFLICT and "OwnedByYou" in answer.text):
            return not found
        raise ObjectStoreError(
            f"The object store {self.address} refused to make bucket {name} (status {answer.status_code}).",
            hint="Check the keys and their rights, or make the bucket by hand.",
        )


def _checked(key: str) -> str:
    if _NO_KEY.search(key):
        raise ObjectStoreError(
            f"{key!r} is no key of an object.", hint="Write a relative path without empty parts, `..` or control characters."
        )
    return key


def _check_name(name: str) -> None:
    if not _BUCKET_NAME.fullmatch(name):
        raise ObjectStoreError(f"{name!r} is no name of a bucket.", hint="Use 3 to 63 small letters, digits, dots, hyphens.")


def _reason(error: Exception) -> str:
    """Return what went wrong on one line, without the figures of the attempts that came before it."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return first.rpartition(" - ")[2].rstrip(".")[:_REASON_CHARS]
