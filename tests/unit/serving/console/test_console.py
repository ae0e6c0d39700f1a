"""The console without a browser: who gets in, what a form must carry, and what leaves the server."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from httpx import Response

from aisle.monitoring.records import MonitorRecords
from aisle.monitoring.requests import RetrainRequests
from aisle.registry.audit_log import AuditLog
from aisle.registry.keys import ApiKeys
from aisle.registry.ledger import Ledger
from aisle.registry.reports import Reports
from aisle.review.desk import ReviewDesk
from aisle.review.figures import ReviewBook
from aisle.serving.console_records import ConsoleRecords
from aisle.serving.records import Records
from aisle.storage.database import Database
from aisle.storage.objects import Objects
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import (
    Client,
    FakeAnswers,
    FakeChampions,
    FakeFeedback,
    FakeModel,
    eventually,
    make_app,
    running,
)

HOSTILE = '<script>alert(1)</script>\u202e" {{ 7*7 }}'


class Browser:
    """Cookies and the session's token, kept as a browser does."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.cookies: dict[str, str] = {}
        self.token = ""

    def get(self, path: str) -> Response:
        return self._sent(self._client.get(f"/console{path}", headers=self._headers()))

    def post(self, path: str, **fields: str) -> Response:
        data = {"csrf": self.token, **fields}
        return self._sent(self._client.request("POST", f"/console{path}", data=data, headers=self._headers()))

    def sign_in(self, key: str) -> Response:
        answer = self.post("/sign-in", key=key)
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/try").text)
        self.token = found[1] if found else ""
        return answer

    def _headers(self) -> dict[str, str]:
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def _sent(self, answer: Response) -> Response:
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'aisle.db'}")
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def keys(database: Database) -> dict[str, str]:
    create = ApiKeys(database).create
    scopes = {"viewer": "predict", "reviewer": "review", "admin": "admin"}
    return {n: create(n, scopes=(s,), requests_per_minute=None, expires_at=None)[1] for n, s in scopes.items()}


@pytest.fixture
def browser(database: Database, tmp_path: Path, keys: dict[str, str]) -> Iterator[Browser]:
    ledger = Ledger(database)
    for version in (1, 2):
        ledger.add_model(version, f"bundle-{version}", "s", "run", {"weighted_f1": 0.7})
    ledger.promote(1, actor="pipeline", reason=HOSTILE, evidence={}, expected=0)
    objects = Objects(f"file://{tmp_path / 'objects'}")
    console = ConsoleRecords(
        database,
        objects.bucket("images"),
        ReviewDesk(database),
        ReviewBook(database),
        MonitorRecords(database),
        AuditLog(database),
        RetrainRequests(database),
        Reports(objects.bucket("artifacts")),
    )
    answers = FakeAnswers()
    records = Records(ApiKeys(database), ledger, answers, FakeFeedback(answers), console)
    champions = FakeChampions(FakeModel("bundle-a"))
    champions.promote(1, "bundle-a")
    with running(make_app(champions, Telemetry(), records, open=False)) as client:
        eventually(lambda: Browser(client).post("/sign-in", key=keys["viewer"]).status_code == 303)
        yield Browser(client)


def test_a_stranger_is_shown_the_door(browser: Browser):
    for path in ("/try", "/review", "/models", "/operations", "/catalogue", "/drift", "/review/1/image"):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/console/sign-in?next=/console{path}")


def test_a_form_without_its_token_does_nothing(browser: Browser, keys: dict[str, str], database: Database):
    browser.sign_in(keys["admin"])
    assert browser.token
    browser.token = "another"
    for path in ("/review/decide", "/review/undo", "/models/promote", "/models/rollback", "/try", "/sign-out"):
        answer = browser.post(path, version="2", expected="1", reason="r", item="1", code="1", title="a")
        assert answer.status_code == 403, path
        assert "not from this session" in answer.text
    assert len(Ledger(database).history()) == 1


def test_a_role_is_what_the_key_is_for(browser: Browser, keys: dict[str, str], database: Database):
    browser.sign_in(keys["viewer"])
    assert browser.get("/review").status_code == 403
    assert browser.post("/models/promote", version="2", expected="1", reason="r").status_code == 403
    assert "Audit log" not in browser.get("/operations").text
    browser.sign_in(keys["reviewer"])
    assert browser.get("/review").status_code == 200
    assert browser.post("/models/rollback", expected="1", reason="r").status_code == 403
    assert [row.version for row in Ledger(database).history()] == [1]


def test_a_session_ends_with_its_key(browser: Browser, keys: dict[str, str], database: Database):
    browser.sign_in(keys["viewer"])
    assert browser.get("/try").status_code == 200
    ApiKeys(database).revoke("viewer")
    eventually(lambda: browser.get("/try").status_code == 303)


def test_what_leaves_the_server_is_shut(browser: Browser, keys: dict[str, str]):
    signed = browser.sign_in(keys["admin"])
    cookie = signed.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/console"))
    for path in ("/try", "/review", "/models", "/operations", "/catalogue", "/drift"):
        answer = browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert answer.status_code == 200, path
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "<script>" not in answer.text
        assert not re.search(r"\son\w+=|style=|https?://(?!www\.w3)", answer.text), path
        assert len(answer.content) < 200_000


def test_words_from_elsewhere_are_escaped_and_cut(browser: Browser, keys: dict[str, str]):
    browser.sign_in(keys["admin"])
    answer = browser.post("/try", title=HOSTILE, description="é" * 90_000)
    assert answer.status_code == 200
    assert "&lt;script&gt;" in answer.text
    assert "{{ 7*7 }}" in answer.text
    assert len(answer.content) < 200_000
    assert browser.post("/try", title="a" * 1_000_000).status_code == 422
    assert browser.post("/review/decide", item=HOSTILE, code=HOSTILE).status_code == 422
    assert browser.post("/models/promote", version=HOSTILE, expected="1", reason="r").status_code == 404


def test_a_promotion_needs_a_reason_and_is_told_in_the_audit_log(browser: Browser, keys: dict[str, str]):
    browser.sign_in(keys["admin"])
    assert browser.post("/models/promote", version="2", expected="1", reason=" ").status_code == 422
    assert browser.post("/models/promote", version="2", expected="1", reason=HOSTILE).status_code == 200
    assert browser.post("/models/promote", version="1", expected="1", reason="late").status_code == 409
    told = browser.get("/operations").text
    assert "promote refused" in told
    assert "&lt;script&gt;" in told


def test_nobody_is_led_elsewhere(browser: Browser, keys: dict[str, str]):
    for target in ("https://elsewhere.example/", "//elsewhere.example", "/console//elsewhere.example", "/docs"):
        assert browser.post("/sign-in", key=keys["viewer"], next=target).headers["location"] == "/console/try"
        assert browser.post("/preferences", language="fr", back=target).headers["location"] == "/console/try"
    assert 'lang="fr"' in browser.get("/sign-in").text


def test_its_own_files_and_no_others_are_given(browser: Browser):
    assert browser.get("/static/htmx.min.js").status_code == 200
    assert browser.get("/static/htmx.LICENSE").status_code == 404
    assert browser.get("/static/..%2Fpages.py").status_code == 404
    assert browser.get("/nowhere").status_code == 404
