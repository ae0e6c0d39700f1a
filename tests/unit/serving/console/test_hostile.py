"""Texts from people who mean harm, in every place where a page shows one: escaped, cut, and kept in their place."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from aisle.monitoring.records import MonitorRecords, MonitorRun, MonitorValue
from aisle.monitoring.requests import RetrainRequests
from aisle.registry.audit_log import AuditLog
from aisle.registry.ledger import Ledger
from aisle.serving.predictor import Model
from aisle.storage.database import Database
from aisle.storage.schema import labels, loads, rejects
from tests.unit.serving.console.browsing import Browser, Knows, put_in_queue

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>\" onfocus=alert(1) ' {{ 7*7 }}"
BIDI = "\u202e\u2066\u200f gnp.exe"
HUGE = f"{SCRIPT}{BIDI}" + "é<b>" * 250_000
PAGES = ("/try", "/review", "/models", "/operations", "/catalogue", "/drift", "/review/categories?q=script")


@pytest.fixture
def model() -> Model:
    names = (SCRIPT, BIDI, f"{SCRIPT} > {BIDI} > {SCRIPT}", f"{BIDI} > {SCRIPT}", HUGE)
    return Knows("bundle-a", {f"{SCRIPT}{number}": name for number, name in enumerate(names)})


@pytest.fixture
def told(database: Database, browser: Browser, keys: dict[str, str]) -> Browser:
    """An administrator's browser, where everything that came from elsewhere is hostile and huge."""
    put_in_queue(database, HUGE, SCRIPT, BIDI, code=SCRIPT, source=SCRIPT, image_name=f"{SCRIPT}.jpg")
    now = datetime.now(UTC)
    with database.transaction() as connection:
        ends = dict.fromkeys(("generation", "low", "high", "position", "rows_in_source", "rows_expected"), 1)
        connection.execute(
            insert(loads).values(source=SCRIPT, split=BIDI, digest="d", state="done", **ends),
        )
        for number in range(30):
            row = {"load_id": 1, "source": SCRIPT, "split": SCRIPT, "row": number, "kind": SCRIPT, "reason": HUGE[:5_000]}
            connection.execute(insert(rejects).values(**row))
            label = {"source": SCRIPT, "split": "train", "product_id": f"X-{number}", "seq": 1, "author": SCRIPT}
            connection.execute(insert(labels).values(**label, code=f"{number}{SCRIPT}", reason=HUGE))
    window = now - timedelta(days=1), now + timedelta(days=1)
    run = MonitorRun(now, 0.1, "24h", *window, 10, 1, "b", 10, "p", "act", (HUGE, SCRIPT, BIDI))
    MonitorRecords(database).add(run, [MonitorValue("drift", SCRIPT, "psi", 0.4, 10, 10, "act", null_high=0.1)])
    day = timedelta(days=1)
    assert RetrainRequests(database).ask(None, [HUGE, BIDI], version=1, quiet=day, lifetime=day)
    for _ in range(60):
        AuditLog(database).add(SCRIPT, SCRIPT, HUGE, HUGE)
    Ledger(database).promote(2, actor=SCRIPT, reason=HUGE, evidence={}, expected=1)
    browser.sign_in(keys["admin"])
    return browser


@pytest.mark.parametrize("path", PAGES)
def test_no_page_lets_it_out_or_grows_with_it(told: Browser, path: str):
    for _ in range(3 if path == "/review" else 1):
        answer = told.get(path)
        assert answer.status_code == 200
        assert "<script>" not in answer.text
        assert "<img src=x" not in answer.text
        assert '" onfocus=' not in answer.text
        assert "{{ 7*7 }}" in answer.text or path == "/try"
        assert len(answer.content) < 200_000
        if path == "/review":
            found = answer.text.partition('data-item="')[2].partition('"')[0]
            assert told.post("/review/skip", item=found).status_code == 200


def test_what_turns_text_round_stays_in_its_place(told: Browser):
    for path in ("/models", "/operations", "/catalogue", "/drift"):
        for piece in told.get(path).text.split("\u202e")[:-1]:
            outside = piece.rpartition("<bdi>")[2]
            # In a drawing or an attribute nothing stands beside it.
            assert "</bdi>" not in outside or "<title>" in piece[-300:] or '="' in piece[-300:] or "<text" in piece[-300:], (
                path
            )


def test_a_product_of_a_megabyte_is_refused_as_what_it_is(told: Browser):
    for title, status in ((HUGE[:200_000], 422), (HUGE, 400), (HUGE * 4, 413)):
        answer = told.post("/try", title=title)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert "That did not work" in answer.text
        assert len(answer.content) < 200_000
    assert told.post("/review/decide", item="1", code=HUGE[:200_000]).status_code == 422
    assert len(told.get(f"/drift?column={SCRIPT}").content) < 200_000
