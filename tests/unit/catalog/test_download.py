"""Fetching the challenge's files from a site that misbehaves in every way that we know of."""

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from aisle.catalog.download import CHALLENGE_FILES, ChallengeFile, DownloadedFile, download_challenge
from aisle.catalog.expected_files import ExpectedImages, ExpectedTable
from aisle.catalog.transfer import Patience, Progress
from aisle.errors import AisleError, DownloadError, SessionExpired, SettingsError
from aisle.settings import Catalog
from tests.servers.challenge import ChallengeServer, Reply
from tests.unit.catalog.zip_files import zipped

_SESSION, _TOKEN = "a-secret-session", "a-secret-token"
_QUICK = Patience(connect_s=2, stall_s=0.3, attempts=3, first_pause_s=0, longest_pause_s=0)
_ROW = ("", "designation", "description", "productid", "imageid")
_GROUPS = (
    (
        ChallengeFile("x-train", "X_train_update.csv", ExpectedTable(_ROW, 40)),
        ChallengeFile("y-train", "Y_train_CVw08PX.csv", ExpectedTable(("", "prdtypecode"), 40)),
    ),
    (ChallengeFile("x-test", "X_test_update.csv", ExpectedTable(_ROW, 10)),),
    (ChallengeFile("supplementary-files", "images.zip", ExpectedImages()),),
)


def _rows(ids: range) -> bytes:
    head = b",designation,description,productid,imageid\n"
    return head + b"".join(b'%d,"a\ntitle",,%d,%d\n' % (id_, id_ * 7, id_ * 9) for id_ in ids)


_TRAIN, _TEST = _rows(range(40)), _rows(range(40, 50))
_LABELS = b",prdtypecode\n" + b"".join(b"%d,10\n" % id_ for id_ in range(40))
_IMAGES = zipped({f"images/image_train/image_{n}_product_{n}.jpg": bytes([n]) * 500 for n in range(40)})
_DAMAGED = _IMAGES.replace(bytes([7]) * 500, bytes(500))
_BODIES = {"x-train": _TRAIN, "y-train": _LABELS, "x-test": _TEST, "supplementary-files": _IMAGES}
_NAMES = {file.address: file.name for group in _GROUPS for file in group}
_LOGIN = Reply(b"<!DOCTYPE html><title>Log in</title>", headers={"Content-Type": "text/html; charset=utf-8"})
_V1 = {"ETag": '"v1"'}
_EXPIRED = "login has expired"
_GOOD_ROWS, _GOOD_IMAGES = Reply(_TRAIN, headers=_V1), Reply(_IMAGES, headers=_V1)

Site = Callable[..., ChallengeServer]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Start a site whose files are good but for those given, by address with `-` written `_`."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ExitStack() as stack:

        def start(**replies: Sequence[Reply]) -> ChallengeServer:
            good = {address: [Reply(body, headers=_V1)] for address, body in _BODIES.items()}
            given = {address.replace("_", "-"): turns for address, turns in replies.items()}
            return stack.enter_context(ChallengeServer({**good, **given}))

        yield start


def _download(
    folder: Path,
    server: ChallengeServer,
    *,
    force: bool = False,
    progress: Progress | None = None,
    patience: Patience = _QUICK,
    **options: str | None,
) -> list[DownloadedFile]:
    settings = Catalog.model_validate({"challenge_url": server.url, "sessionid": _SESSION, "csrftoken": _TOKEN, **options})
    return download_challenge(folder, settings, force=force, progress=progress, groups=_GROUPS, patience=patience)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


_ALL = {_NAMES[address]: body for address, body in _BODIES.items()}


def test_all_files_are_fetched_with_the_login_and_put_in_place(tmp_path: Path, site: Site) -> None:
    server = site()
    files = _download(tmp_path / "new" / "folder", server)
    assert _contents(tmp_path / "new" / "folder") == _ALL
    assert [(file.name, file.size, file.rows, file.state) for file in files] == [
        ("X_train_update.csv", len(_TRAIN), 40, "fetched"),
        ("Y_train_CVw08PX.csv", len(_LABELS), 40, "fetched"),
        ("X_test_update.csv", len(_TEST), 10, "fetched"),
        ("images.zip", len(_IMAGES), 40, "fetched"),
    ]
    assert {request.headers["Cookie"] for request in server.received} == {f"sessionid={_SESSION}; csrftoken={_TOKEN}"}
    assert len(server.received) == 4


def test_the_challenge_s_own_files_are_those_that_users_know() -> None:
    files = [file for group in CHALLENGE_FILES for file in group]
    assert {file.address: file.name for file in files} == _NAMES
    rows = {file.name: file.expected.rows for file in files if isinstance(file.expected, ExpectedTable)}
    assert rows == {"X_train_update.csv": 84_916, "Y_train_CVw08PX.csv": 84_916, "X_test_update.csv": 13_812}


def test_good_files_are_kept_without_a_login_and_fetched_again_only_by_force(tmp_path: Path, site: Site) -> None:
    server = site()
    _download(tmp_path, server)
    asked = len(server.received)
    assert {file.state for file in _download(tmp_path, server, sessionid=None)} == {"kept"}
    assert len(server.received) == asked
    assert {file.state for file in _download(tmp_path, server, force=True)} == {"fetched"}
    assert len(server.received) == 2 * asked


def test_a_file_that_is_no_longer_good_is_fetched_again_alone(tmp_path: Path, site: Site) -> None:
    server = site()
    _download(tmp_path, server)
    (tmp_path / "Y_train_CVw08PX.csv").write_bytes(_LABELS[:-20])
    with structlog.testing.capture_logs() as logs:
        files = _download(tmp_path, server)
    assert [file.state for file in files] == ["kept", "fetched", "kept", "kept"]
    assert [(entry["event"], entry["file"]) for entry in logs] == [("file_replaced", "Y_train_CVw08PX.csv")]
    assert _contents(tmp_path) == _ALL


def test_progress_is_told_in_bytes(tmp_path: Path, site: Site) -> None:
    told: list[tuple[str, int, int | None]] = []
    _download(tmp_path, site(), progress=lambda *step: told.append(step))
    last = {name: (done, total) for name, done, total in told}
    assert last == {name: (len(body), len(body)) for name, body in _ALL.items()}


def _to(location: str) -> Reply:
    return Reply(status=302, headers={"Location": location})


_FAILURES: dict[str, tuple[Mapping[str, Sequence[Reply]], type[AisleError], str, int]] = {
    "login page with 200": ({"x_train": [_LOGIN]}, SessionExpired, _EXPIRED, 1),
    "login page of another type": ({"x_train": [replace(_LOGIN, headers={})]}, SessionExpired, _EXPIRED, 1),
    "login page for the images": ({"supplementary_files": [_LOGIN]}, SessionExpired, _EXPIRED, 1),
    "redirect to the login": ({"x_train": [_to("/accounts/login/?next=/x")]}, SessionExpired, _EXPIRED, 1),
    "unauthorized": ({"x_train": [Reply(status=401)]}, SessionExpired, _EXPIRED, 1),
    "forbidden": ({"x_train": [Reply(status=403)]}, DownloadError, "is forbidden", 1),
    "not found": ({"x_train": [Reply(status=404)]}, DownloadError, "status 404", 1),
    "redirect in circles": ({"x_train": [_to("x-train")]}, DownloadError, "without an end", 6),
    "redirect to another protocol": ({"x_train": [_to("ftp://elsewhere/x")]}, DownloadError, "cannot be fetched", 1),
    "compressed": ({"x_train": [Reply(_TRAIN, headers={"Content-Encoding": "gzip"})]}, DownloadError, "compressed", 1),
    "wrong columns": ({"x_train": [Reply(_TRAIN.replace(b"designation", b"title"))]}, DownloadError, "its columns", 1),
    "too few rows": ({"x_train": [Reply(_rows(range(39)))]}, DownloadError, "39 rows instead of 40", 1),
    "other ids": ({"x_train": [Reply(_rows(range(1, 41)))]}, DownloadError, "do not have the same ids", 1),
    "damaged archive": ({"supplementary_files": [Reply(_DAMAGED)]}, DownloadError, "size and checksum", 1),
    "cut archive": ({"supplementary_files": [Reply(_IMAGES[:-100])]}, DownloadError, "its end is missing", 1),
    "truncated for ever": ({"x_train": [Reply(_TRAIN, send=100)]}, DownloadError, "in 3 attempts", 3),
    "silent for ever": ({"x_train": [Reply(_TRAIN, send=100, end="stall")]}, DownloadError, "in 3 attempts", 3),
    "reset for ever": ({"x_train": [Reply(_TRAIN, send=0, end="reset")]}, DownloadError, "in 3 attempts", 3),
    "broken for ever": ({"x_train": [Reply(status=502)]}, DownloadError, "the server answered 502", 3),
    "busy for ever": ({"x_train": [Reply(status=429)]}, DownloadError, "the server answered 429", 3),
}  # fmt: skip


@pytest.mark.parametrize("failure", _FAILURES)
def test_no_failure_touches_a_good_file_or_shows_the_cookies(
    tmp_path: Path, site: Site, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    replies, error, words, requests = _FAILURES[failure]
    _download(tmp_path, site())
    server = site(**replies)
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as logs, pytest.raises(error) as caught:
        _download(tmp_path, server, force=True)
    assert words in caught.value.message
    assert caught.value.hint
    contents = _contents(tmp_path)
    assert {name: contents[name] for name in _ALL} == _ALL
    assert len(server.asked(next(iter(replies)).replace("_", "-"))) == requests
    for secret in (_SESSION, _TOKEN):
        assert secret not in f"{caught.value} {caught.value.__cause__!r} {caplog.text} {logs}"


@pytest.mark.parametrize("failure", ["wrong columns", "too few rows", "other ids", "damaged archive", "cut archive"])
def test_what_fails_its_check_is_thrown_away(tmp_path: Path, site: Site, failure: str) -> None:
    server = site(**_FAILURES[failure][0])
    with pytest.raises(DownloadError):
        _download(tmp_path, server)
    assert not [path for path in tmp_path.iterdir() if ".part" in path.name]
    assert all(_ALL[path.name] == path.read_bytes() for path in tmp_path.iterdir())


def test_an_expired_login_says_how_to_renew_it(tmp_path: Path, site: Site) -> None:
    with pytest.raises(SessionExpired) as caught:
        _download(tmp_path, site(x_train=[_LOGIN]))
    assert "AISLE_CATALOG_SESSIONID" in caught.value.hint
    assert "developer tools" in caught.value.hint


@pytest.mark.parametrize("end", ["close", "stall", "reset"])
def test_a_break_is_resumed_where_it_happened(tmp_path: Path, site: Site, end: str) -> None:
    server = site(supplementary_files=[Reply(_IMAGES, headers=_V1, send=9000, end=end), _GOOD_IMAGES])
    _download(tmp_path, server, progress=lambda name, *_: server.read.set() if name == "images.zip" else None)
    first, second = server.asked("supplementary-files")
    assert "Range" not in first
    assert second["If-Range"] == '"v1"'
    # A reset may overtake some of the bytes that were sent before it; nothing else may.
    start = int(second["Range"].removeprefix("bytes=").removesuffix("-"))
    assert start == 9000 if end != "reset" else 0 < start <= 9000
    assert _contents(tmp_path) == _ALL


def test_a_later_run_goes_on_where_an_earlier_one_gave_up(tmp_path: Path, site: Site) -> None:
    breaks = [Reply(_IMAGES, headers=_V1, send=send) for send in (5000, 3000, 2000)]
    server = site(supplementary_files=[*breaks, _LOGIN, _GOOD_IMAGES])
    with pytest.raises(DownloadError, match="in 3 attempts") as caught:
        _download(tmp_path, server)
    assert "goes on where it stopped" in caught.value.hint
    assert (tmp_path / "images.zip.part").read_bytes() == _IMAGES[:10_000]
    with pytest.raises(SessionExpired):
        _download(tmp_path, server)
    assert [file.state for file in _download(tmp_path, server)] == ["kept", "kept", "kept", "fetched"]
    ranges = [headers.get("Range") for headers in server.asked("supplementary-files")]
    assert ranges == [None, "bytes=5000-", "bytes=8000-", "bytes=10000-", "bytes=10000-"]
    assert _contents(tmp_path) == _ALL


def test_the_date_of_change_names_a_version_where_no_strong_tag_does(tmp_path: Path, site: Site) -> None:
    dated = {"ETag": 'W/"v1"', "Last-Modified": "Mon, 02 Jun 2025 10:00:00 GMT"}
    server = site(x_train=[Reply(_TRAIN, headers=dated, send=50), Reply(_TRAIN, headers=dated)])
    _download(tmp_path, server)
    assert [headers.get("If-Range") for headers in server.asked("x-train")] == [None, dated["Last-Modified"]]
    assert [headers.get("Range") for headers in server.asked("x-train")] == [None, "bytes=50-"]


@pytest.mark.parametrize(
    ("first", "second", "ranges"),
    [
        pytest.param(Reply(_TRAIN, send=50), Reply(_TRAIN), [None, None], id="no version is named"),
        pytest.param(
            Reply(_TRAIN, headers={"ETag": 'W/"v1"'}, send=50), Reply(_TRAIN), [None, None], id="a weak tag alone is none"
        ),
        pytest.param(
            Reply(_TRAIN, headers=_V1, send=50),
            Reply(_TRAIN, headers=_V1, ranges=False),
            [None, "bytes=50-"],
            id="ranges ignored",
        ),
        pytest.param(
            Reply(b"an older file" * 100, headers={"ETag": '"v0"'}, send=50),
            _GOOD_ROWS,
            [None, "bytes=50-"],
            id="changed file",
        ),
    ],
)
def test_what_cannot_be_resumed_is_begun_anew(
    tmp_path: Path, site: Site, first: Reply, second: Reply, ranges: list[str | None]
) -> None:
    server = site(x_train=[first, second])
    _download(tmp_path, server)
    assert [headers.get("Range") for headers in server.asked("x-train")] == ranges
    assert _contents(tmp_path) == _ALL


def test_bytes_that_are_all_there_are_not_fetched_again(tmp_path: Path, site: Site) -> None:
    server = site(y_train=[Reply(status=503), Reply(status=503), Reply(status=503), Reply(_LABELS)])
    with pytest.raises(DownloadError, match="503"):
        _download(tmp_path, server)
    assert (tmp_path / "X_train_update.csv.part").read_bytes() == _TRAIN
    assert not (tmp_path / "X_train_update.csv").exists()
    _download(tmp_path, server)
    assert server.asked("x-train")[1]["Range"] == f"bytes={len(_TRAIN)}-"
    assert _contents(tmp_path) == _ALL


@pytest.mark.parametrize(
    "odd",
    [
        Reply(status=416, headers={"Content-Range": "bytes */20"}),
        Reply(status=416),
        Reply(_TRAIN[30:], status=206, headers={"Content-Range": f"bytes 30-{len(_TRAIN) - 1}/{len(_TRAIN)}"}),
        Reply(_TRAIN[50:], status=206, headers={"Content-Range": "nonsense"}),
        Reply(_TRAIN[50:], status=206),
    ],
    ids=["shorter now", "no reason given", "another part", "an unreadable part", "an unnamed part"],
)
def test_an_odd_answer_to_a_resumption_begins_anew(tmp_path: Path, site: Site, odd: Reply) -> None:
    server = site(x_train=[Reply(_TRAIN, headers=_V1, send=50), odd, _GOOD_ROWS])
    _download(tmp_path, server)
    assert [headers.get("Range") for headers in server.asked("x-train")] == [None, "bytes=50-", None]
    assert _contents(tmp_path) == _ALL


def test_a_part_of_unknown_total_is_taken_to_its_end(tmp_path: Path, site: Site) -> None:
    rest = Reply(_TRAIN[50:], status=206, headers={"Content-Range": f"bytes 50-{len(_TRAIN) - 1}/*"})
    _download(tmp_path, site(x_train=[Reply(_TRAIN, headers=_V1, send=50), rest]))
    assert _contents(tmp_path) == _ALL


def test_a_part_that_ends_before_the_total_is_asked_for_again(tmp_path: Path, site: Site) -> None:
    some = Reply(_TRAIN[50:90], status=206, headers={"Content-Range": f"bytes 50-89/{len(_TRAIN)}"})
    server = site(x_train=[Reply(_TRAIN, headers=_V1, send=50), some, _GOOD_ROWS])
    _download(tmp_path, server)
    assert [headers.get("Range") for headers in server.asked("x-train")] == [None, "bytes=50-", "bytes=90-"]


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"url": "http://elsewhere/x", "version": "\\"v1\\""}'])
def test_bytes_of_unknown_origin_are_not_built_on(tmp_path: Path, site: Site, note: bytes) -> None:
    (tmp_path / "X_train_update.csv.part").write_bytes(b"what is this")
    (tmp_path / "X_train_update.csv.part.json").write_bytes(note)
    server = site()
    _download(tmp_path, server)
    assert "Range" not in server.asked("x-train")[0]
    assert _contents(tmp_path) == _ALL


def test_troubles_that_pass_are_waited_out(tmp_path: Path, site: Site) -> None:
    server = site(
        x_train=[Reply(status=503), Reply(_TRAIN, send=0, end="reset"), _GOOD_ROWS],
        x_test=[Reply(status=429), Reply(_TEST, send=10, end="stall"), Reply(_TEST)],
    )
    _download(tmp_path, server)
    assert _contents(tmp_path) == _ALL


def test_a_site_that_is_not_there_is_tried_a_few_times(tmp_path: Path, site: Site) -> None:
    with ChallengeServer({}) as gone:
        pass
    with pytest.raises(DownloadError, match="in 3 attempts"):
        _download(tmp_path, gone)


def test_a_redirect_within_the_site_keeps_the_cookies(tmp_path: Path, site: Site) -> None:
    server = site(x_train=[_to("files/moved")], moved=[Reply(_TRAIN)])
    _download(tmp_path, server)
    assert _SESSION in server.asked("moved")[0]["Cookie"]
    assert _contents(tmp_path) == _ALL


def test_a_redirect_to_another_host_is_followed_without_the_cookies(tmp_path: Path, site: Site) -> None:
    other = site(elsewhere=[Reply(_TRAIN, headers={"Set-Cookie": "planted=1"})])
    server = site(x_train=[Reply(status=307, headers={"Location": f"{other.url}elsewhere", "Set-Cookie": "mine=1"})])
    _download(tmp_path, server)
    assert [sorted(headers) for headers in other.asked("elsewhere")] == [
        ["Accept", "Accept-Encoding", "Connection", "Host", "User-Agent"]
    ]
    assert "planted" not in str([request.headers for request in server.received])
    assert _contents(tmp_path) == _ALL


@pytest.mark.parametrize("session", [None, ""])
def test_a_missing_login_is_asked_for_by_name(tmp_path: Path, site: Site, session: str | None) -> None:
    server = site()
    with pytest.raises(SettingsError, match="AISLE_CATALOG_SESSIONID is not set") as caught:
        _download(tmp_path, server, sessionid=session)
    assert "developer tools" in caught.value.hint
    assert server.received == []


def test_a_session_alone_is_enough(tmp_path: Path, site: Site) -> None:
    server = site()
    _download(tmp_path, server, csrftoken=None)
    assert server.received[0].headers["Cookie"] == f"sessionid={_SESSION}"


@pytest.mark.parametrize("value", ["secret\nHost: evil", "secret; other=1", "secrét", 'secret"', "secret value"])
@pytest.mark.parametrize("name", ["sessionid", "csrftoken"])
def test_a_malformed_cookie_is_refused_without_showing_it(tmp_path: Path, site: Site, name: str, value: str) -> None:
    server = site()
    with pytest.raises(SettingsError, match=f"AISLE_CATALOG_{name.upper()}") as caught:
        _download(tmp_path, server, **{name: value})
    assert "secr" not in str(caught.value)
    assert server.received == []


def test_an_address_that_is_none_is_refused_at_once(tmp_path: Path, site: Site) -> None:
    for url in ("ftp://example.org/x", "no address", "http://x:y/"):
        with pytest.raises(DownloadError) as caught:
            _download(tmp_path, site(), challenge_url=url)
        assert "AISLE_CATALOG_CHALLENGE_URL" in caught.value.hint


def test_files_of_a_group_that_contradict_each_other_are_both_fetched_again(tmp_path: Path, site: Site) -> None:
    server = site()
    _download(tmp_path, server)
    (tmp_path / "X_train_update.csv").write_bytes(_rows(range(1, 41)))
    assert [file.state for file in _download(tmp_path, server)] == ["fetched", "fetched", "kept", "kept"]
    assert _contents(tmp_path) == _ALL


def test_a_second_download_into_the_same_folder_is_refused(tmp_path: Path, site: Site) -> None:
    lock = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(DownloadError, match="Another download"):
        _download(tmp_path, site())
    os.close(lock)
    assert len(_download(tmp_path, site())) == 4


def test_two_downloads_at_once_leave_good_files(tmp_path: Path, site: Site) -> None:
    server = site(x_train=[Reply(_TRAIN, headers=_V1, send=50, end="stall"), _GOOD_ROWS])
    outcomes: list[object] = []

    def run() -> None:
        try:
            outcomes.append(len(_download(tmp_path, server)))
        except DownloadError as error:
            outcomes.append(error.message)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(4) == 1
    assert _contents(tmp_path) == _ALL


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, site: Site) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DownloadError, match="file cannot be written"):
        _download(tmp_path / "file", site())


def test_pauses_grow_up_to_their_bound(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", pauses.append)
    with pytest.raises(DownloadError):
        _download(
            tmp_path,
            site(x_train=[Reply(status=500)]),
            patience=Patience(attempts=7, first_pause_s=1, longest_pause_s=10),
        )
    assert len(pauses) == 6
    bounds = [(1, 2), (2, 3), (4, 5), (8, 9), (10, 11), (10, 11)]
    assert all(low <= pause <= high for pause, (low, high) in zip(pauses, bounds, strict=True))
