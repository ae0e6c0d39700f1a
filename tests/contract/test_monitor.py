"""A monitoring run from the prediction log to a retrain request and a report: the same on SQLite and on PostgreSQL."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest

from aisle.errors import BundleError, MonitoringError
from aisle.models.manifest import spell_json, write_sealed
from aisle.monitoring.feedback import Feedback, FeedbackBook
from aisle.monitoring.keeping import keep_report, read_report
from aisle.monitoring.monitor import Monitor
from aisle.monitoring.policy import Policy, Retrain, read_policy
from aisle.monitoring.window import Asked
from aisle.registry.bundles import publish
from aisle.registry.ledger import Ledger
from aisle.storage.bulk import insert_frame
from aisle.storage.database import Database
from aisle.storage.objects import Bucket, Objects
from aisle.storage.schema import predictions
from tests.unit.monitoring.windows import NOW, answers, reference_of

LOGGED = {
    "request_id": "r",
    "position": 0,
    "seconds": 0.01,
    "bundle": "b",
    "set_size": 1,
    "modalities": "text",
    "text_sha256": "t",
}
DRIFT = {"language": ["de"] * 500}


@pytest.fixture
def artifacts(tmp_path: Path) -> Bucket:
    objects = Objects(f"file://{tmp_path / 'objects'}")
    objects.create_bucket("aisle")
    return objects.bucket("aisle")


@pytest.fixture
def monitor(database: Database, artifacts: Bucket, tmp_path: Path) -> Monitor:
    """What looks at the answers of version 1; version 2 is of an older release, without a reference."""
    for version, profile in ((1, reference_of(answers(5_000, 0)).to_json()), (2, {"rows": 3})):
        folder = tmp_path / f"bundle-{version}"
        write_sealed(folder, {"profile.json": spell_json(profile)}, snapshot="s", configuration="c", commit="unknown")
        Ledger(database).add_model(version, publish(artifacts, folder), "s", "run", {})
    return Monitor(database, artifacts, tmp_path / "cache", read_policy())


def log(database: Database, rows: pl.DataFrame, **more: object) -> None:
    kept = rows.drop("id").with_columns(*(pl.lit(value).alias(name) for name, value in {**LOGGED, **more}.items()))
    with database.transaction() as connection:
        insert_frame(connection, predictions, kept.with_columns(position=pl.int_range(pl.len(), dtype=pl.Int32)))


def test_a_quiet_window_is_well_and_kept(database: Database, monitor: Monitor):
    log(database, answers(500, 1))
    found = monitor.run(Asked.parse("24h"), now=NOW)
    assert (found.run.state, found.run.window_rows, found.run.version, found.request) == ("ok", 500, 1, None)
    assert (found.run.window_end, found.run.asked) == (NOW - timedelta(minutes=1), "24h")
    assert monitor.records.run(found.run.id) == found.run
    assert len(monitor.records.values(found.run.id)) == len(found.look.values)
    ages = {v.measure for v in found.look.values if v.measure.endswith("age_seconds")}
    assert ages == {"model_age_seconds"}


def test_a_drift_is_found_and_asks_once(database: Database, monitor: Monitor):
    log(database, answers(500, 1, **DRIFT))
    first = monitor.run(Asked.parse(None, 500), now=NOW)
    assert first.run.state == "act"
    assert first.request is not None
    assert (first.request.run_id, first.request.version) == (first.run.id, 1)
    assert first.request.reasons[0].startswith("language: PSI")
    again = monitor.run(Asked.parse(None, 500), now=NOW)
    assert (again.request, again.barred) == (None, f"Request {first.request.id} is requested already.")
    monitor.requests.take("pipeline", now=NOW)
    monitor.requests.close(first.request.id, "trained_not_promoted", "The gate refused.", now=NOW)
    assert "nothing is asked for until" in monitor.run(Asked.parse(None, 500), now=NOW).barred


def test_several_windows_in_a_row_may_be_wanted(database: Database, artifacts: Bucket, monitor: Monitor, tmp_path: Path):
    policy = read_policy().model_copy(update={"retrain": Retrain(windows=2)})
    patient = Monitor(database, artifacts, tmp_path / "cache", policy)
    log(database, answers(500, 1, **DRIFT))
    assert "2 windows in a row" in patient.run(Asked.parse(None), now=NOW).barred
    assert patient.run(Asked.parse(None), now=NOW).request is not None


def test_the_window_is_what_was_asked_for(database: Database, monitor: Monitor):
    old, ahead = NOW - timedelta(hours=30), NOW + timedelta(hours=2)
    log(database, answers(200, 1, answered_at=[old] * 200))
    log(database, answers(100, 2))
    log(database, answers(7, 3, answered_at=[ahead] * 7))
    log(database, answers(30, 4, version=[2] * 30))
    newest = monitor.run(Asked.parse("24h"), version=1, now=NOW)
    assert newest.run.window_rows == 130
    values = {(v.column, v.measure): v for v in newest.look.values}
    assert values["all", "ahead_of_time"].value == 7
    assert values["predicted", "psi"].note == "another model gave these answers"
    assert monitor.answers.window(Asked.parse("7d"), NOW, 1).rows == 300
    assert monitor.answers.window(Asked.parse(None, 150), NOW, 1).rows == 150
    own = monitor.answers.window(Asked.parse("24h"), NOW, 1)
    assert (own.rows, own.other_versions) == (100, 30)
    assert sum(batch.height for batch in monitor.answers.batches(own, NOW)) == 100


def test_an_empty_window_is_a_result(database: Database, monitor: Monitor):
    found = monitor.run(Asked.parse("24h"), version=1, now=NOW)
    assert (found.run.window_rows, found.run.state, found.run.window_start) == (0, "ok", None)


def test_what_people_said_counts(database: Database, monitor: Monitor):
    rows = answers(400, 1)
    log(database, rows)
    book = FeedbackBook(database)
    for place in range(120):
        said = Feedback("zoe", str(place), "d", "99", request_id="r", position=place, predicted=rows["code"][place])
        book.add(said)
    book.add(Feedback("max", "1", "d", rows["code"][0], request_id="r", position=0, predicted=rows["code"][0]))
    found = monitor.run(Asked.parse("24h"), now=NOW)
    accuracy = next(v for v in found.look.values if v.measure == "accuracy")
    assert accuracy.m == 120
    assert accuracy.value < 0.1
    assert accuracy.state == "act"


def test_without_answers_and_champion_there_is_nothing_to_look_at(database: Database, monitor: Monitor):
    with pytest.raises(MonitoringError, match="no champion"):
        monitor.run(Asked.parse("24h"), now=NOW)
    Ledger(database).promote(1, actor="a", reason="r", evidence={}, expected=0)
    assert monitor.run(Asked.parse("24h"), now=NOW).run.version == 1


def test_a_reference_of_an_older_release_is_an_error(database: Database, monitor: Monitor):
    with pytest.raises(BundleError, match=r"profile\.json has format None"):
        monitor.run(Asked.parse("24h"), version=2, now=NOW)


@pytest.mark.parametrize(("window", "rows"), [("1 day", None), ("0h", None), ("24h", 5), (None, 0), ("", 5)])
def test_what_is_no_window_is_refused(window: str | None, rows: int | None):
    with pytest.raises(MonitoringError):
        Asked.parse(window, rows)


def test_a_report_is_kept_and_found_again(database: Database, artifacts: Bucket, monitor: Monitor):
    hostile = "<script>alert('é')</script>"
    log(database, answers(500, 1, **DRIFT, title=[hostile] * 500, product_id=[hostile] * 500))
    for hours in range(3):
        found = monitor.run(Asked.parse("24h"), now=NOW + timedelta(hours=hours))
    kept = keep_report(found, monitor.records, artifacts)
    page = read_report(kept, artifacts).decode()
    assert kept.report == f"monitoring/{kept.id}/report.html"
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert page.count("<svg") > 10
    assert "language: PSI is" in page
    values = orjson.loads(artifacts.get(f"monitoring/{kept.id}/values.json"))
    assert len(values["values"]) == len(found.look.values)
    artifacts.delete(kept.report)
    with pytest.raises(MonitoringError, match="has no report"):
        read_report(kept, artifacts)


def test_a_report_of_an_empty_window_can_be_made(database: Database, artifacts: Bucket, monitor: Monitor):
    found = monitor.run(Asked.parse("24h"), version=1, now=datetime.now(UTC))
    page = read_report(keep_report(found, monitor.records, artifacts), artifacts).decode()
    assert "The window is empty" in page


def test_a_policy_without_rules_finds_nothing_wrong(database: Database, artifacts: Bucket, monitor: Monitor, tmp_path: Path):
    log(database, answers(500, 1, **DRIFT))
    assert Monitor(database, artifacts, tmp_path / "cache", Policy()).run(Asked.parse("24h"), now=NOW).run.state == "ok"
    assert np.isfinite([v.value for v in monitor.records.values(1) if v.value is not None]).all()
