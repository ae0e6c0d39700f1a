"""The console without a browser: who gets in, what a form must carry, and what leaves the server."""

import re

from aisle.registry.keys import ApiKeys
from aisle.registry.ledger import Ledger
from aisle.storage.database import Database
from tests.unit.serving.console.browsing import HOSTILE, Browser
from tests.unit.serving.fakes import eventually


def test_a_stranger_is_shown_the_door(browser: Browser):
    for path in (
        "/try",
        "/review",
        "/models",
        "/operations",
        "/catalogue",
        "/drift",
        "/review/1/image",
        "/review/categories",
        "/models/1/report",
        "/drift/report",
    ):
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
    assert browser.get("/static/..%2Fpages.py").status_code == 303
    assert browser.get("/nowhere").status_code == 303


def test_a_page_that_there_is_not_is_a_page(browser: Browser, keys: dict[str, str]):
    browser.sign_in(keys["viewer"])
    answer = browser.get("/nowhere/<b>")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert "<b>" not in answer.text
