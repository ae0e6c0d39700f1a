"""Reports in the console: whoever may see them, and what they may do in a browser, which is nothing."""

from datetime import UTC, datetime
from pathlib import Path

from aisle.monitoring.records import MonitorRecords, MonitorRun
from aisle.registry.reports import PAGE, Reports, report_key
from aisle.storage.database import Database
from aisle.storage.objects import Objects
from aisle.training.report.page import report_page
from tests.unit.serving.console.browsing import Browser
from tests.unit.training.report.judgements import full


def test_a_version_with_a_report_links_to_it_and_it_opens_apart(browser: Browser, keys: dict[str, str], objects: Objects):
    browser.sign_in(keys["viewer"])
    assert "/models/2/report" not in browser.get("/models").text
    page = report_page(full()).encode()
    objects.bucket("artifacts").put(report_key("bundle-2", PAGE), page)
    told = browser.get("/models").text
    assert 'href="/console/models/2/report"' in told
    assert "/models/1/report" not in told
    answer = browser.get("/models/2/report")
    assert (answer.status_code, answer.content) == (200, page)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'; ")
    assert "script-src 'sha256-" in policy
    for word in ("allow-same-origin", "allow-forms", "allow-top-navigation", "connect-src", "script-src 'unsafe-inline'"):
        assert word not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"].startswith("text/html")


def test_a_page_that_names_no_script_of_its_own_runs_none(browser: Browser, keys: dict[str, str], objects: Objects):
    browser.sign_in(keys["viewer"])
    late = b"<!doctype html>" + b" " * 3_000 + b"<title>'sha256-" + b"A" * 43 + b"='</title><script>alert(1)</script>"
    objects.bucket("artifacts").put(report_key("bundle-1", PAGE), late)
    assert "script-src 'none'" in browser.get("/models/1/report").headers["content-security-policy"]


def test_where_there_is_no_report_it_is_said(browser: Browser, keys: dict[str, str]):
    browser.sign_in(keys["viewer"])
    for version in ("1", "99", "0", "x", "9" * 40, "%3Cscript%3E", "1%00"):
        answer = browser.get(f"/models/{version}/report")
        assert answer.status_code == 404, version
        assert "There is no report of version" in answer.text
        assert "<script>" not in answer.text
        assert "sandbox" not in answer.headers["content-security-policy"]
    assert browser.get("/drift/report").status_code == 404


def test_the_last_monitoring_run_opens_its_report(
    browser: Browser, keys: dict[str, str], objects: Objects, database: Database
):
    browser.sign_in(keys["viewer"])
    records, now = MonitorRecords(database), datetime.now(UTC)
    run = records.add(MonitorRun(now, 0.1, "24h", now, now, 10, 1, "b", 10, "p", "ok"), [])
    assert "/drift/report" not in browser.get("/drift").text
    records.attach(run.id, report="monitoring/1/report.html", mlflow_run=None)
    assert browser.get("/drift/report").status_code == 404
    objects.bucket("artifacts").put("monitoring/1/report.html", b"<!doctype html><h1>Monitoring</h1>")
    assert 'href="/console/drift/report"' in browser.get("/drift").text
    answer = browser.get("/drift/report")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("sandbox")


def test_models_can_be_promoted_while_the_object_store_is_away(browser: Browser, keys: dict[str, str], tmp_path: Path):
    browser.sign_in(keys["admin"])
    bucket = tmp_path / "objects" / "artifacts"
    bucket.rmdir()
    bucket.write_bytes(b"no folder")
    told = browser.get("/models")
    assert told.status_code == 200
    assert "The object store failed" in told.text
    assert browser.get("/models/1/report").status_code == 503
    assert browser.post("/models/promote", version="2", expected="1", reason="Better.").status_code == 200


def test_what_is_known_is_not_asked_for_again(objects: Objects):
    bucket = objects.bucket("artifacts")
    reports = Reports(bucket)
    assert not reports.has("b")
    bucket.put(report_key("b", PAGE), b"page")
    assert reports.has("b")
    bucket.delete(report_key("b", PAGE))
    assert reports.has("b")
    assert reports.read("b") is None
