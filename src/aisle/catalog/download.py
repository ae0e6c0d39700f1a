"""Fetching the challenge's files with one's own login; what is there and good is never touched by what is not."""

import os
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from aisle.catalog.expected_files import Expected, ExpectedImages, ExpectedTable, Found
from aisle.catalog.transfer import RENEW, Patience, Progress, Transfer, version_file
from aisle.errors import DownloadError, SettingsError
from aisle.settings import Catalog
from aisle.storage.folder_lock import alone_in

_LOG = structlog.get_logger(__name__)
_ROW = ("", "designation", "description", "productid", "imageid")
_COOKIE = re.compile(r"[!#-+\--:<-\[\]-~]+")
"""What a cookie's value may hold (RFC 6265, section 4.1.1)."""


@dataclass(frozen=True, slots=True)
class ChallengeFile:
    """One file of the challenge.

    Args:
        address: Its address below the challenge's.
        name: Its name in the folder.
        expected: What it must look like.
    """

    address: str
    name: str
    expected: Expected


CHALLENGE_FILES: tuple[tuple[ChallengeFile, ...], ...] = (
    (
        ChallengeFile("x-train", "X_train_update.csv", ExpectedTable(_ROW, 84_916)),
        ChallengeFile("y-train", "Y_train_CVw08PX.csv", ExpectedTable(("", "prdtypecode"), 84_916)),
    ),
    (ChallengeFile("x-test", "X_test_update.csv", ExpectedTable(_ROW, 13_812)),),
    (ChallengeFile("supplementary-files", "images.zip", ExpectedImages()),),
)
"""The challenge's files; those of one group must have the same ids and are put in place together."""


@dataclass(frozen=True, slots=True)
class DownloadedFile:
    """A file that is there and good.

    Args:
        path: Where it lies.
        size: Its bytes.
        rows: Its rows, or its images.
        state: Whether it was fetched now, or was there already.
    """

    path: Path
    size: int
    rows: int
    state: Literal["fetched", "kept"]

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


def download_challenge(
    folder: Path,
    options: Catalog,
    *,
    force: bool = False,
    progress: Progress | None = None,
    groups: Sequence[Sequence[ChallengeFile]] = CHALLENGE_FILES,
    patience: Patience | None = None,
) -> list[DownloadedFile]:
    """Fetch the challenge's files, check them, and put them in place; what is there and good is kept.

    A file that broke off is left as `NAME.part` and resumed by the next call.

    Args:
        folder: Where they go; made where it is missing.
        options: The challenge's address, and the cookies of a login there.
        force: Fetch also what is there and good.
        progress: Called as bytes arrive.
        groups: The files, by groups of equal ids.
        patience: How long to wait and how often to try.

    Raises:
        SettingsError: A file must be fetched and no login is set, or a cookie is malformed.
        SessionExpired: The site asks to log in.
        DownloadError: The site refuses or cannot be reached, a file is not what is expected, or another download into
            the same folder is under way.
    """
    done: list[DownloadedFile] = []
    with (
        alone_in(folder, "download", DownloadError),
        closing(_Session(options, patience or Patience(), progress)) as session,
    ):
        for group in groups:
            kept = {} if force else _good(folder, group)
            fetched = {file: session.fetch(file, folder) for file in group if file not in kept}
            found = {**kept, **fetched}
            _refuse_other_ids(folder, found)
            for file in fetched:
                _put_in_place(folder / file.name)
            for file in group:
                path = folder / file.name
                state: Literal["fetched", "kept"] = "fetched" if file in fetched else "kept"
                done.append(DownloadedFile(path, path.stat().st_size, found[file].rows, state))
    return done


class _Session:
    """A login that is asked for only when a file has to be fetched."""

    def __init__(self, options: Catalog, patience: Patience, progress: Progress | None) -> None:
        self._options = options
        self._patience = patience
        self._progress = progress
        self._transfer: Transfer | None = None

    def fetch(self, file: ChallengeFile, folder: Path) -> Found:
        """Fetch a file beside its place, and check it; what fails the check is thrown away."""
        if self._transfer is None:
            self._transfer = Transfer(_cookies(self._options), self._patience)
        part = _part(folder / file.name)

        def report(done: int, total: int | None) -> None:
            if self._progress is not None:
                self._progress(file.name, done, total)

        self._transfer.fetch(f"{self._options.challenge_url.rstrip('/')}/{file.address}", part, report)
        try:
            return file.expected.check(part)
        except DownloadError:
            _discard(part)
            raise

    def close(self) -> None:
        """Close the connections, if there are any."""
        if self._transfer is not None:
            self._transfer.close()


def _good(folder: Path, group: Sequence[ChallengeFile]) -> dict[ChallengeFile, Found]:
    """Return those files of a group that are there and as expected."""
    found: dict[ChallengeFile, Found] = {}
    for file in group:
        path = folder / file.name
        if path.is_file():
            try:
                found[file] = file.expected.check(path)
            except DownloadError as error:
                _LOG.warning("file_replaced", file=file.name, reason=error.message)
    # Files that contradict each other are fetched again together: there is no telling which is wrong.
    return found if len({entry.ids for entry in found.values()}) == 1 else {}


def _refuse_other_ids(folder: Path, found: dict[ChallengeFile, Found]) -> None:
    if len({entry.ids for entry in found.values()}) == 1:
        return
    for file in found:
        _discard(_part(folder / file.name))
    names = " and ".join(file.name for file in found)
    raise DownloadError(f"{names} do not have the same ids.", hint="Fetch all of them again with --force.")


def _cookies(options: Catalog) -> dict[str, str]:
    given = {"sessionid": options.sessionid, "csrftoken": options.csrftoken}
    values = {name: secret.get_secret_value() for name, secret in given.items() if secret is not None}
    if not values.get("sessionid"):
        raise SettingsError("AISLE_CATALOG_SESSIONID is not set, and the challenge's files need a login.", hint=RENEW)
    for name, value in values.items():
        # Checked here because an HTTP library would show the value in its complaint.
        if not _COOKIE.fullmatch(value):
            raise SettingsError(f"AISLE_CATALOG_{name.upper()} holds characters that no cookie has.", hint=RENEW)
    return values


def _put_in_place(path: Path) -> None:
    part = _part(path)
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.replace(path)
    _discard(part)


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    version_file(part).unlink(missing_ok=True)


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")
