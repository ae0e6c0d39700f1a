"""What the exporter shows of a database: the same on SQLite and on PostgreSQL, also while the database is away."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, insert, text

from aisle.errors import DatabaseError
from aisle.monitoring.exporter import Exporter
from aisle.monitoring.findings import LEVELS, read_findings, show_run
from aisle.monitoring.records import MonitorRecords, MonitorRun, MonitorValue
from aisle.monitoring.requests import REQUEST_STATES, RetrainRequests
from aisle.monitoring.standing import read_standing
from aisle.registry.ledger import Ledger
from aisle.registry.records import ROWS_BY_PEOPLE
from aisle.storage.database import Database
from aisle.storage.schema import loads, predictions, rejects, snapshots, sources, steps
from aisle.telemetry import METRICS, Readings
from tests.servers.postgres import PostgresServer

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUN = MonitorRun(
    at=NOON,
    seconds=0.25,
    asked="24h",
    window_start=NOON - timedelta(hours=1),
    window_end=NOON,
    window_rows=640,
    version=3,
    bundle="b" * 64,
    reference_rows=9_000,
    policy="p" * 64,
    state="act",
)
PSI = MonitorValue("drift", "language", "psi", 0.4, 9_000, 640, "act", null_low=0.0, null_high=0.02, threshold=0.1)
VALUES = [
    PSI,
    MonitorValue("drift", "text", "auc", 0.6, 9_000, 640, "watch", low=0.55, high=0.66, threshold=0.55),
    MonitorValue("drift", "title_chars", "psi", None, 9_000, 3, "unknown", note="3 rows are too few to judge"),
    MonitorValue("quality", "description", "null_ratio", 0.35, 0, 640, "ok", threshold=0.5),
    MonitorValue("performance", "all", "accuracy", 0.8, 0, 50, low=0.67, high=0.9, threshold=0.75),
    MonitorValue("application", "all", "error_ratio", 0.0),
]
LOAD = {
    "source": "shop",
    "split": "train",
    "digest": "d",
    "generation": 0,
    "low": 0,
    "high": 100,
    "position": 100,
    "rows_in_source": 500,
    "rows_expected": 100,
    "rows_loaded": 90,
    "rows_unchanged": 3,
    "rows_rejected": 7,
    "images_loaded": 80,
    "images_rejected": 2,
    "state": "done",
    "started_at": NOON,
    "updated_at": NOON,
}


def shown(readings: Readings) -> dict[str, float]:
    """Return every series with its value, as Prometheus would read them."""
    lines = [line for line in readings.exposition().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def findings(database: Database, model: str = "aisle") -> dict[str, float]:
    readings = Readings()
    with database.reading() as connection:
        read_findings(connection, readings, model=model)
    return shown(readings)


def standing(database: Database) -> dict[str, float]:
    readings = Readings()
    with database.reading() as connection:
        read_standing(connection, readings)
    return shown(readings)


class TestFindings:
    def test_a_run_and_its_values_are_shown(self, database: Database):
        MonitorRecords(database).add(RUN, VALUES)
        found = findings(database)
        language = '{column="language",measure="psi"}'
        assert found["aisle_monitor_run_timestamp_seconds"] == NOON.timestamp()
        assert found["aisle_monitor_run_seconds"] == 0.25
        assert (found["aisle_monitor_window_rows"], found["aisle_monitor_reference_rows"]) == (640, 9_000)
        assert found['aisle_monitor_info{model_version="3"}'] == 1
        assert found[f"aisle_drift{language}"] == 0.4
        assert (found[f"aisle_drift_null_low{language}"], found[f"aisle_drift_null_high{language}"]) == (0, 0.02)
        assert found[f"aisle_drift_threshold{language}"] == 0.1
        assert found[f"aisle_drift_state{language}"] == LEVELS["act"]
        assert (found[f"aisle_drift_window_rows{language}"], found[f"aisle_drift_reference_rows{language}"]) == (640, 9_000)
        assert found['aisle_drift_high{column="text",measure="auc"}'] == 0.66
        assert found['aisle_quality{column="description",measure="null_ratio"}'] == 0.35
        assert found['aisle_performance_low{column="all",measure="accuracy"}'] == 0.67

    def test_the_worst_of_a_family_is_its_state_and_the_runs_own_is_that_of_all(self, database: Database):
        MonitorRecords(database).add(replace(RUN, state="watch"), VALUES)
        found = findings(database)
        states = {name: value for name, value in found.items() if name.startswith("aisle_monitor_state")}
        assert states == {
            'aisle_monitor_state{family="all"}': 1,
            'aisle_monitor_state{family="drift"}': 2,
            'aisle_monitor_state{family="quality"}': 0,
            'aisle_monitor_state{family="performance"}': 0,
            'aisle_monitor_state{family="application"}': 0,
        }
        assert found['aisle_monitor_unknown{family="drift"}'] == 1
        assert found['aisle_monitor_unknown{family="quality"}'] == 0

    def test_a_figure_that_could_not_be_told_has_no_series_and_a_state_that_says_so(self, database: Database):
        MonitorRecords(database).add(RUN, VALUES)
        found = findings(database)
        assert 'aisle_drift{column="title_chars",measure="psi"}' not in found
        assert found['aisle_drift_state{column="title_chars",measure="psi"}'] == -1
        assert 'aisle_drift_low{column="language",measure="psi"}' not in found

    def test_only_the_newest_run_is_shown(self, database: Database):
        records = MonitorRecords(database)
        records.add(RUN, VALUES)
        records.add(replace(RUN, at=NOON + timedelta(hours=1), version=None), [replace(PSI, value=0.1, state="ok")])
        found = findings(database)
        assert found['aisle_drift{column="language",measure="psi"}'] == 0.1
        assert found['aisle_monitor_info{model_version="none"}'] == 1
        assert not [name for name in found if name.startswith(("aisle_quality", "aisle_performance"))]

    def test_what_is_no_number_is_shown_as_that(self):
        readings = Readings()
        show_run(RUN, [replace(PSI, value=float("nan")), replace(PSI, column="price", value=float("inf"))], readings)
        assert b'aisle_drift{column="language",measure="psi"} NaN' in readings.exposition()
        assert b'aisle_drift{column="price",measure="psi"} +Inf' in readings.exposition()

    def test_a_request_is_followed_to_its_end(self, database: Database):
        run = MonitorRecords(database).add(RUN, [])
        requests = RetrainRequests(database)
        assert findings(database)['aisle_retrain_last_state{state="requested"}'] == 0
        assert "aisle_retrain_last_change_timestamp_seconds" not in findings(database)
        span = timedelta(days=2)
        asked = requests.ask(run.id, ["drift"], version=3, quiet=span, lifetime=span, now=NOON)
        assert asked is not None
        found = findings(database)
        assert found["aisle_retrain_open_timestamp_seconds"] == NOON.timestamp()
        assert found['aisle_retrain_last_state{state="requested"}'] == 1
        requests.take("pipeline", now=NOON + timedelta(hours=1))
        assert findings(database)["aisle_retrain_open_timestamp_seconds"] == NOON.timestamp()
        requests.close(asked.id, "failed", "Out of memory.", now=NOON + timedelta(hours=2))
        found = findings(database)
        assert "aisle_retrain_open_timestamp_seconds" not in found
        states = {state: found[f'aisle_retrain_last_state{{state="{state}"}}'] for state in REQUEST_STATES}
        assert states == {**dict.fromkeys(REQUEST_STATES, 0.0), "failed": 1.0}
        assert found['aisle_retrain_requests{state="failed"}'] == 1
        assert found["aisle_retrain_last_change_timestamp_seconds"] == (NOON + timedelta(hours=2)).timestamp()
        assert findings(database, model="other")['aisle_retrain_requests{state="failed"}'] == 0


class TestStanding:
    def test_an_empty_database_stands_at_nothing(self, database: Database):
        assert standing(database) == {
            'aisle_models{promoted="yes"}': 0,
            'aisle_models{promoted="no"}': 0,
            'aisle_promotions_total{action="promote"}': 0,
            'aisle_promotions_total{action="rollback"}': 0,
            "aisle_snapshots": 0,
        }

    def test_the_champion_is_shown_with_its_ages_and_figures(self, database: Database):
        with database.transaction() as connection:
            row = {"digest": "s", "rows": 90, "manifest": "{}", "created_at": NOON}
            connection.execute(insert(snapshots).values(row))
        ledger = Ledger(database)
        for version in (1, 2, 3):
            figures = {"weighted_f1": version / 10, "weighted_f1_low": 0.05, "rows_gold": 10.0, ROWS_BY_PEOPLE: 3.0}
            ledger.add_model(version, f"b{version}", "s", "run", figures)
        ledger.promote(1, actor="a", reason="r", evidence={}, expected=0)
        ledger.promote(2, actor="a", reason="r", evidence={}, expected=1)
        found = standing(database)
        assert found['aisle_champion_info{model_version="2"}'] == 1
        assert found['aisle_champion_score{measure="weighted_f1"}'] == 0.2
        assert not [name for name in found if name.startswith('aisle_champion_score{measure="rows')]
        assert found["aisle_champion_data_timestamp_seconds"] == NOON.timestamp()
        assert found["aisle_champion_trained_timestamp_seconds"] == ledger.model(2).created_at.timestamp()
        champion = ledger.champion()
        assert champion is not None
        assert found["aisle_champion_promoted_timestamp_seconds"] == champion.created_at.timestamp()
        assert (found['aisle_models{promoted="yes"}'], found['aisle_models{promoted="no"}']) == (2, 1)
        ledger.rollback(actor="a", reason="r")
        found = standing(database)
        assert 'aisle_champion_info{model_version="2"}' not in found
        assert found['aisle_champion_info{model_version="1"}'] == 1
        assert found['aisle_promotions_total{action="promote"}'] == 2
        assert found['aisle_promotions_total{action="rollback"}'] == 1
        assert (found["aisle_snapshots"], found["aisle_snapshot_rows"]) == (1, 90)

    def test_loads_steps_and_rejects_are_shown(self, database: Database):
        later = NOON + timedelta(hours=1)
        with database.transaction() as connection:
            source = {"name": "shop", "layout": "table", "mapping": "{}", "sample": "head", "image_prefix": ""}
            connection.execute(insert(sources).values(source))
            running = {"state": "running", "updated_at": later, "rows_loaded": 10}
            connection.execute(insert(loads), [LOAD, {**LOAD, **running}, {**LOAD, "split": "test"}])
            for kind, reason in (("row", "no_id"), ("image", "missing"), ("image", "missing")):
                row = {"load_id": 1, "source": "shop", "split": "train", "row": 1, "kind": kind, "reason": reason}
                connection.execute(insert(rejects).values(row))
            made = {"name": "train", "output": "{}", "seconds": "12.500", "created_at": NOON}
            connection.execute(insert(steps), [{**made, "inputs": "a"}, {**made, "inputs": "b", "seconds": "3.000"}])
        found = standing(database)
        assert found['aisle_loads{state="done"}'] == 2
        assert found['aisle_load_rows_total{outcome="loaded",source="shop",split="train"}'] == 100
        assert found['aisle_load_rows_total{outcome="rejected",source="shop",split="test"}'] == 7
        assert found['aisle_load_images_total{outcome="rejected",source="shop",split="train"}'] == 4
        assert found['aisle_load_timestamp_seconds{source="shop",split="test"}'] == NOON.timestamp()
        moving = {name: value for name, value in found.items() if name.startswith("aisle_load_running")}
        assert moving == {'aisle_load_running_timestamp_seconds{source="shop",split="train"}': later.timestamp()}
        assert found['aisle_rejects{kind="image",reason="missing"}'] == 2
        assert found['aisle_pipeline_steps{step="train"}'] == 2
        assert found['aisle_pipeline_step_seconds{step="train"}'] == 3
        assert found['aisle_pipeline_step_timestamp_seconds{step="train"}'] == NOON.timestamp()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def fill(calls: list[int], connection: Connection, readings: Readings) -> None:
    """Read something, and count how often that was done."""
    calls.append(1)
    connection.execute(text("SELECT count(*) FROM snapshots"))
    readings.set("aisle_snapshots", len(calls))


class TestExporter:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def away(self) -> list[str]:
        return []

    @pytest.fixture
    def exporter(self, database: Database, clock: Clock, away: list[str]) -> Exporter:
        def opened() -> Database:
            if away:
                raise DatabaseError(away[0])
            return database

        return Exporter(opened, model="aisle", cache_s=10, readers=[partial(fill, [])], clock=clock)

    def test_a_look_is_good_for_a_while(self, exporter: Exporter, clock: Clock):
        assert shown(exporter.read())["aisle_snapshots"] == 1
        clock.now += 9.5
        assert shown(exporter.read())["aisle_snapshots"] == 1
        assert shown(exporter.read())["aisle_exporter_age_seconds"] == 9.5
        clock.now += 0.5
        found = shown(exporter.read())
        assert (found["aisle_snapshots"], found["aisle_exporter_age_seconds"], found["aisle_exporter_up"]) == (2, 0, 1)

    def test_while_the_database_is_away_the_last_figures_stay_and_their_age_shows(
        self, exporter: Exporter, clock: Clock, away: list[str]
    ):
        exporter.read()
        away.append("gone")
        clock.now += 30
        found = shown(exporter.read())
        assert (found["aisle_exporter_up"], found["aisle_exporter_age_seconds"]) == (0, 30)
        assert (found["aisle_snapshots"], found["aisle_exporter_failures_total"]) == (1, 1)
        clock.now += 5
        # An attempt that failed is good for as long as one that did not: the database is not pressed harder than before.
        assert shown(exporter.read())["aisle_exporter_failures_total"] == 1
        away.clear()
        clock.now += 5
        found = shown(exporter.read())
        assert (found["aisle_exporter_up"], found["aisle_exporter_age_seconds"], found["aisle_snapshots"]) == (1, 0, 2)

    def test_a_database_that_never_answered_shows_as_that(self, exporter: Exporter, away: list[str]):
        away.append("gone")
        assert shown(exporter.read()) == {"aisle_exporter_up": 0, "aisle_exporter_failures_total": 1}

    def test_a_schema_of_another_version_is_a_database_that_is_away(self, database: Database, clock: Clock):
        exporter = Exporter(lambda: database, model="aisle", cache_s=0, clock=clock)
        assert shown(exporter.read())["aisle_exporter_up"] == 1
        with database.transaction() as connection:
            connection.execute(text("ALTER TABLE snapshots RENAME TO others"))
        found = shown(exporter.read())
        assert (found["aisle_exporter_up"], found["aisle_snapshots"]) == (0, 0)

    def test_what_it_reads_is_every_metric_that_is_listed_for_it(self, database: Database):
        run = MonitorRecords(database).add(RUN, VALUES)
        span = timedelta(days=1)
        RetrainRequests(database).ask(run.id, ["drift"], version=3, quiet=span, lifetime=span)
        TestStanding().test_the_champion_is_shown_with_its_ages_and_figures(database)
        TestStanding().test_loads_steps_and_rejects_are_shown(database)
        with database.transaction() as connection:
            connection.execute(insert(predictions).values(answer()))
        found = shown(Exporter(lambda: database, model="aisle", cache_s=0).read())
        assert found["aisle_prediction_log_timestamp_seconds"] == NOON.timestamp()
        listed = {metric.name for metric in METRICS if metric.process == "exporter"}
        assert {re.sub(r"\{.*", "", name) for name in found} == listed


@pytest.mark.servers
def test_a_server_that_goes_away_and_comes_back(postgres: PostgresServer, postgres_url: str):
    database = Database(postgres_url)
    database.migrate()
    MonitorRecords(database).add(RUN, VALUES)
    exporter = Exporter(lambda: database, model="aisle", cache_s=0)
    language = 'aisle_drift{column="language",measure="psi"}'
    seen = []
    for change in (None, postgres.refuse, postgres.accept):
        if change is not None:
            change(postgres_url)
        found = shown(exporter.read())
        seen.append((found["aisle_exporter_up"], found[language]))
    database.close()
    assert seen == [(1, 0.4), (0, 0.4), (1, 0.4)]


def answer() -> dict[str, object]:
    return {
        "request_id": "r",
        "position": 0,
        "product_id": "p",
        "answered_at": NOON,
        "seconds": 0.1,
        "version": 1,
        "bundle": "b",
        "code": "10",
        "confidence": 0.5,
        "set_size": 1,
        "modalities": "text",
        "text_sha256": "t",
        "title_chars": 1,
        "description_chars": 0,
        "title_words": 1,
        "missing_description": True,
        "html_residue": False,
        "language": "fr",
    }
