"""Fetching one file over HTTP to its last byte: retried with growing pauses, and resumed where it broke off.

Resuming follows RFC 9110, sections 13.1.5 and 14: `Range` is sent together with `If-Range`, and only where the server
has named the version that the bytes so far belong to. What was fetched lies in `NAME.part`, its version in
`NAME.part.json`, so a later run goes on too.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson
import tenacity

from aisle.errors import DownloadError, SessionExpired

Progress = Callable[[str, int, int | None], None]
"""Called with a file's name, its bytes so far and, where the server says it, its bytes in all."""

RENEW = (
    "Log in at the challenge's site, open the browser's developer tools (F12, Application or Storage, Cookies), and copy"
    " `sessionid` into AISLE_CATALOG_SESSIONID and `csrftoken` into AISLE_CATALOG_CSRFTOKEN."
)
_LOGIN = re.compile(r"log[-_]?in|sign[-_]?in|auth|connexion", re.IGNORECASE)
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_HOPS = 5
_PASSING = {408, 425, 429}
"""Statuses below 500 that ask to come again later."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a transfer waits and how often it tries; all times in seconds.

    Args:
        connect_s: For a connection.
        stall_s: For the next byte; a server that is silent for longer is left and asked again.
        attempts: Requests in all.
        first_pause_s: Before the second request; the pause doubles each time, and up to this much of chance is added.
        longest_pause_s: The longest pause, chance not counted.
    """

    connect_s: float = 15.0
    stall_s: float = 60.0
    attempts: int = 6
    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0


class _AttemptError(Exception):
    """An attempt has failed in a way that the next may not."""


_PASSING_ERRORS = (_AttemptError, httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)


class Transfer:
    """Fetches files from one site with the cookies of one login, which no other site gets to see.

    Args:
        cookies: Cookies by name.
        patience: How long to wait and how often to try.
    """

    def __init__(self, cookies: Mapping[str, str], patience: Patience) -> None:
        self._cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
        self._patience = patience
        self._client = httpx.Client(timeout=httpx.Timeout(patience.stall_s, connect=patience.connect_s))

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def fetch(self, url: str, part: Path, report: Callable[[int, int | None], None]) -> None:
        """Fetch a file whole, or the rest of it where its beginning is there from an earlier run.

        Args:
            url: Its address.
            part: Where its bytes go; the version they belong to is kept in `PART.json`.
            report: Called with the bytes so far and, where known, in all.

        Raises:
            SessionExpired: The site asks to log in.
            DownloadError: The site refuses, or every attempt has failed; the bytes so far are kept.
        """
        patience = self._patience
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(patience.attempts),
            wait=tenacity.wait_exponential(multiplier=patience.first_pause_s, max=patience.longest_pause_s)
            + tenacity.wait_random(0, patience.first_pause_s),
            retry=tenacity.retry_if_exception_type(_PASSING_ERRORS),
            reraise=True,
        )
        try:
            retrying(self._attempt, url, part, report)
        except _PASSING_ERRORS as error:
            raise DownloadError(
                f"{url} could not be fetched in {patience.attempts} attempts; the last: {_words(error)}.",
                hint="Run the same command again: it goes on where it stopped.",
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DownloadError(
                f"{url} cannot be fetched: {_words(error)}.", hint="Check AISLE_CATALOG_CHALLENGE_URL."
            ) from error

    def _attempt(self, url: str, part: Path, report: Callable[[int, int | None], None]) -> None:
        done = part.stat().st_size if part.exists() else 0
        version = _read_version(part, url) if done else None
        if version is None:
            done = 0
        conditions = {"Range": f"bytes={done}-", "If-Range": version} if version else {}
        response = self._answer(url, conditions)
        try:
            self._refuse(response, url)
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                # The server has nothing after these bytes: either they are all, or they belong to another file.
                if response.headers.get("Content-Range") == f"bytes */{done}":
                    report(done, done)
                    return
                part.unlink(missing_ok=True)
                raise _AttemptError("the server's file is shorter than what was fetched of it")
            if response.status_code == httpx.codes.PARTIAL_CONTENT:
                total = self._resumed_total(response, part, done)
            else:
                done, total = 0, _length(response)
                part.write_bytes(b"")
                _write_version(part, url, response)
            self._receive(response, part, done, total, report)
        finally:
            response.close()

    def _answer(self, url: str, conditions: Mapping[str, str]) -> httpx.Response:
        """Send a request and follow redirects; the cookies go to the site of `url` only."""
        at = url
        for _ in range(_HOPS + 1):
            # Without compression a byte's place in the answer is its place in the file.
            headers = {**conditions, "Accept-Encoding": "identity"}
            if _site(at) == _site(url):
                headers["Cookie"] = self._cookie
            self._client.cookies.clear()
            response = self._client.send(self._client.build_request("GET", at, headers=headers), stream=True)
            if not response.has_redirect_location:
                return response
            response.close()
            at = str(response.url.join(response.headers["Location"]))
            if _LOGIN.search(urlsplit(at).path):
                raise _expired(url)
        raise DownloadError(f"{url} leads from one address to the next without an end.", hint=RENEW)

    @staticmethod
    def _refuse(response: httpx.Response, url: str) -> None:
        status = response.status_code
        if status >= 500 or status in _PASSING:
            raise _AttemptError(f"the server answered {status}")
        if status == httpx.codes.UNAUTHORIZED:
            raise _expired(url)
        if status == httpx.codes.FORBIDDEN:
            raise DownloadError(f"{url} is forbidden to this login (403).", hint=f"Join the challenge on its site. {RENEW}")
        if status not in {200, 206, 416}:
            raise DownloadError(f"{url} was answered with status {status}.", hint="Check AISLE_CATALOG_CHALLENGE_URL.")
        if status != 416 and "html" in response.headers.get("Content-Type", ""):
            raise _expired(url)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise DownloadError(
                f"{url} came compressed, though it was asked for as it is.", hint="Look for a proxy between."
            )

    @staticmethod
    def _resumed_total(response: httpx.Response, part: Path, done: int) -> int | None:
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not done or found is None or int(found[1]) != done:
            part.unlink(missing_ok=True)
            raise _AttemptError("the server sent another part of the file than was asked for")
        return None if found[3] == "*" else int(found[3])

    @staticmethod
    def _receive(
        response: httpx.Response, part: Path, done: int, total: int | None, report: Callable[[int, int | None], None]
    ) -> None:
        with part.open("ab") as stream:
            # Blocks as they arrive: a block size would hold bytes back, and a break would lose them.
            for block in response.iter_raw():
                # Neither CSV nor zip begins with `<`, and login pages do, whatever type they claim.
                if not done and block.lstrip()[:1] == b"<":
                    raise _expired(str(response.url))
                stream.write(block)
                done += len(block)
                report(done, total)
        if total is not None and done != total:
            raise _AttemptError(f"the answer ended after {done} of {total} bytes")


def version_file(part: Path) -> Path:
    """Return where the version is kept that the bytes in a `.part` file belong to."""
    return part.with_name(f"{part.name}.json")


def _read_version(part: Path, url: str) -> str | None:
    try:
        kept = orjson.loads(version_file(part).read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    if isinstance(kept, dict) and kept.get("url") == url and isinstance(kept.get("version"), str):
        return str(kept["version"])
    return None


def _write_version(part: Path, url: str, response: httpx.Response) -> None:
    tag = response.headers.get("ETag", "")
    # A weak tag promises the same meaning, not the same bytes: RFC 9110 forbids it here.
    version = tag if tag.startswith('"') else response.headers.get("Last-Modified")
    target = version_file(part)
    if version is None:
        target.unlink(missing_ok=True)
        return
    aside = target.with_name(f"{target.name}.new")
    aside.write_bytes(orjson.dumps({"url": url, "version": version}))
    aside.replace(target)


def _length(response: httpx.Response) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _site(url: str) -> tuple[str, str, int | None]:
    parts = httpx.URL(url)
    return parts.scheme, parts.host, parts.port


def _words(error: Exception) -> str:
    return (str(error) or type(error).__name__).rstrip(".")


def _expired(url: str) -> SessionExpired:
    return SessionExpired(f"The login has expired: {url} answers with the login page.", hint=RENEW)
