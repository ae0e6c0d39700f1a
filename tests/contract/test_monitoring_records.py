"""Monitoring's runs, values and retrain requests: the same on SQLite and on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from aisle.errors import MonitoringError, RequestConflict
from aisle.monitoring.records import MonitorRecords, MonitorRun, MonitorValue
from aisle.monitoring.requests import RetrainRequest, RetrainRequests
from aisle.storage.database import Database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RUN = MonitorRun(
    at=NOON,
    seconds=0.25,
    asked="24h",
    window_start=NOON - HOUR,
    window_end=NOON,
    window_rows=640,
    version=3,
    bundle="b" * 64,
    reference_rows=9_000,
    policy="p" * 64,
    state="act",
    reasons=("language: l'écart est de 0.4", "and more"),
)
VALUES = [
    MonitorValue("drift", "language", "psi", 0.4, 9_000, 640, "act", null_low=0.0, null_high=0.02, threshold=0.1),
    MonitorValue("drift", "title_chars", "psi", None, 9_000, 3, "unknown", note="3 rows are too few to judge"),
    MonitorValue("performance", "all", "accuracy", 0.8, 0, 50, low=0.67, high=0.9),
]


@pytest.fixture
def records(database: Database) -> MonitorRecords:
    return MonitorRecords(database)


@pytest.fixture
def requests(database: Database, records: MonitorRecords) -> RetrainRequests:
    records.add(RUN, [])
    return RetrainRequests(database)


def ask(requests: RetrainRequests, now: datetime = NOON, quiet: timedelta = DAY) -> RetrainRequest | None:
    return requests.ask(1, ["language drifts"], version=3, quiet=quiet, lifetime=2 * DAY, now=now)


class TestRecords:
    def test_a_run_is_kept_with_its_values(self, records: MonitorRecords):
        kept = records.add(RUN, VALUES)
        assert kept == replace(RUN, id=kept.id)
        assert records.run(kept.id) == records.latest() == kept
        assert records.values(kept.id) == VALUES

    def test_nothing_is_kept_of_a_run_whose_values_clash(self, records: MonitorRecords):
        with pytest.raises(IntegrityError):
            records.add(RUN, [VALUES[0], VALUES[0]])
        assert records.latest() is None

    def test_a_run_that_is_not_there_is_an_error(self, records: MonitorRecords):
        with pytest.raises(MonitoringError, match="no monitoring run 7"):
            records.run(7)

    def test_runs_come_newest_first(self, records: MonitorRecords):
        made = [records.add(replace(RUN, at=NOON + n * HOUR), VALUES) for n in range(3)]
        assert records.runs() == made[::-1]
        assert records.runs(limit=1) == made[2:]
        assert records.runs(since=NOON + HOUR) == made[:0:-1]

    def test_a_trend_goes_forward_in_time(self, records: MonitorRecords):
        for n in range(4):
            records.add(replace(RUN, at=NOON + n * HOUR), [replace(VALUES[0], value=n / 10), *VALUES[1:]])
        trend = records.trend("psi", family="drift", column="language", limit=3)
        assert [(point.at, point.value.value) for point in trend] == [(NOON + n * HOUR, n / 10) for n in (1, 2, 3)]
        assert {point.value.column for point in records.trend("psi")} == {"language", "title_chars"}
        assert records.trend("psi", family="quality") == []

    def test_a_report_is_attached(self, records: MonitorRecords):
        kept = records.add(RUN, [])
        records.attach(kept.id, report="monitoring/1/report.html", mlflow_run="r")
        assert records.run(kept.id) == replace(kept, report="monitoring/1/report.html", mlflow_run="r")

    def test_old_runs_are_forgotten_but_for_those_that_a_request_names(self, database: Database, records: MonitorRecords):
        made = [records.add(replace(RUN, at=NOON + n * HOUR), VALUES) for n in range(3)]
        RetrainRequests(database).ask(made[0].id, ["why"], version=3, quiet=DAY, lifetime=DAY)
        assert records.prune(NOON + 2 * HOUR) == 1
        assert records.runs() == [made[2], made[0]]
        assert records.values(made[1].id) == []


class TestRequestsWithoutARun:
    def test_one_is_made_taken_and_closed_like_any_other(self, database: Database):
        requests = RetrainRequests(database)
        made = requests.ask(None, ["People gave 500 labels."], version=3, quiet=DAY, lifetime=2 * DAY, now=NOON)
        assert made is not None
        assert (made.run_id, made.state, requests.last()) == (None, "requested", made)
        assert ask(requests) is None
        taken = requests.take("pipeline", now=NOON)
        assert requests.close(taken.id, "promoted", "It is told.", new_version=4).run_id is None  # type: ignore[union-attr]

    def test_it_keeps_no_run_from_being_forgotten(self, database: Database, records: MonitorRecords):
        made = [records.add(replace(RUN, at=NOON + n * HOUR), []) for n in range(2)]
        RetrainRequests(database).ask(None, ["why"], version=3, quiet=DAY, lifetime=DAY)
        assert records.prune(NOON + HOUR) == 1
        assert records.runs() == made[1:]

    def test_a_run_that_is_named_must_be_there(self, database: Database):
        with pytest.raises(IntegrityError):
            RetrainRequests(database).ask(7, ["why"], version=3, quiet=DAY, lifetime=DAY)
        assert RetrainRequests(database).all() == []

    def test_the_way_back_keeps_requests_with_a_run_and_lets_the_others_go(
        self, database: Database, requests: RetrainRequests
    ):
        told = requests.close(self.taken(requests, 1), "promoted", "It is told.", new_version=4, now=NOON)
        requests.close(self.taken(requests, None), "failed", "Out of memory.", now=NOON)
        assert requests.ask(None, ["still open"], version=3, quiet=timedelta(0), lifetime=DAY) is not None
        database.revert("0006")
        with database.reading() as connection:
            kept = connection.execute(text("SELECT id, run_id, state FROM retrain_requests")).all()
        assert [tuple(row) for row in kept] == [(told.id, 1, "promoted")]
        with pytest.raises(IntegrityError), database.transaction() as connection:
            connection.execute(text("UPDATE retrain_requests SET run_id = NULL"))
        database.migrate()
        assert requests.all() == [told]

    @pytest.mark.parametrize("revision", ["0006", "0007"])
    def test_of_a_model_one_is_open_on_either_side_of_the_migration(
        self, database: Database, requests: RetrainRequests, revision: str
    ):
        first = ask(requests)
        database.revert("0006")
        if revision == "0007":
            database.migrate()
        columns = "run_id, model, requested_at, reasons, changed_at, expires_at, quiet_until, outcome"
        copy = (
            f"INSERT INTO retrain_requests ({columns}, state) SELECT {columns}, :state FROM retrain_requests WHERE id = :id"
        )
        with database.transaction() as connection:
            connection.execute(text(copy), {"id": first.id, "state": "failed"})  # type: ignore[union-attr]
        with pytest.raises(IntegrityError), database.transaction() as connection:
            connection.execute(text(copy), {"id": first.id, "state": "taken"})  # type: ignore[union-attr]
        with pytest.raises(IntegrityError), database.transaction() as connection:
            connection.execute(text("UPDATE retrain_requests SET run_id = 77"))

    @staticmethod
    def taken(requests: RetrainRequests, run_id: int | None) -> int:
        """Ask, take, and return the request's number."""
        requests.ask(run_id, ["why"], version=3, quiet=timedelta(0), lifetime=DAY, now=NOON)
        taken = requests.take("test", now=NOON)
        assert taken is not None
        return taken.id


class TestRequests:
    def test_is_asked_for_once_until_it_is_over_and_the_quiet_time_has_passed(self, requests: RetrainRequests):
        first = ask(requests)
        assert first is not None
        assert (first.state, first.reasons, first.version, first.run_id) == ("requested", ("language drifts",), 3, 1)
        assert ask(requests) is None
        taken = requests.take("pipeline", now=NOON)
        assert taken is not None
        assert (taken.id, taken.state, taken.taken_by) == (first.id, "taken", "pipeline")
        requests.close(first.id, "promoted", "Version 4 is champion.", new_version=4, now=NOON + HOUR)
        assert ask(requests, NOON + DAY - HOUR) is None
        second = ask(requests, NOON + DAY)
        assert second is not None
        assert second.id > first.id
        assert requests.last() == second

    def test_an_open_one_stands_in_the_way_however_short_the_quiet_time(self, requests: RetrainRequests):
        assert ask(requests, quiet=timedelta(0)) is not None
        assert ask(requests, NOON + HOUR, quiet=timedelta(0)) is None

    @pytest.mark.parametrize("outcome", ["failed", "trained_not_promoted", "promoted"])
    def test_what_became_of_it_is_told_apart(self, requests: RetrainRequests, outcome: str):
        ask(requests)
        taken = requests.take("pipeline", now=NOON)
        closed = requests.close(taken.id, outcome, "It is told.", new_version=4, now=NOON + HOUR)
        assert (closed.state, closed.outcome, closed.new_version) == (outcome, "It is told.", 4)
        assert closed.changed_at == NOON + HOUR
        counts = requests.counts()
        assert counts[outcome] == sum(counts.values()) == 1
        with pytest.raises(RequestConflict, match="not under way"):
            requests.close(taken.id, "failed", "again")

    def test_what_nobody_took_cannot_be_closed(self, requests: RetrainRequests):
        with pytest.raises(RequestConflict):
            requests.close(ask(requests).id, "promoted", "It was not.")

    def test_expires_if_nobody_takes_it(self, requests: RetrainRequests):
        ask(requests)
        assert requests.take("late", now=NOON + 2 * DAY) is None
        assert requests.last().state == "expired"
        assert ask(requests, NOON + 3 * DAY) is not None

    def test_counts_as_failed_when_whoever_took_it_is_not_heard_of_again(self, requests: RetrainRequests):
        ask(requests)
        requests.take("lost", within=HOUR, now=NOON)
        assert requests.expire(now=NOON + HOUR / 2) == 0
        assert requests.expire(now=NOON + HOUR) == 1
        assert (requests.last().state, requests.last().taken_by) == ("failed", "lost")

    def test_who_was_killed_takes_it_again_by_the_same_name_and_nobody_else_does(self, requests: RetrainRequests):
        asked = ask(requests)
        first = requests.take("run 7", again=True, within=HOUR, now=NOON)
        assert requests.take("run 7", now=NOON) is None
        assert requests.take("run 8", again=True, now=NOON) is None
        after = requests.take("run 7", again=True, within=HOUR, now=NOON + HOUR / 2)
        assert asked.id == first.id == after.id  # type: ignore[union-attr]
        assert (after.taken_by, after.expires_at) == ("run 7", NOON + HOUR * 3 / 2)  # type: ignore[union-attr]
        requests.close(asked.id, "promoted", "It is told.", now=NOON + HOUR)  # type: ignore[union-attr]
        assert requests.take("run 7", again=True, now=NOON + HOUR) is None

    def test_needs_a_reason(self, requests: RetrainRequests):
        with pytest.raises(MonitoringError, match="without a reason"):
            requests.ask(1, [], version=3, quiet=DAY, lifetime=DAY)

    def test_models_do_not_stand_in_each_others_way(self, database: Database, requests: RetrainRequests):
        other = RetrainRequests(database, "other")
        assert ask(requests) is not None
        assert ask(other) is not None
        assert len(requests.all()) == len(other.all()) == 1

    def test_of_many_at_once_one_is_made_and_one_takes_it(self, requests: RetrainRequests):
        start = Barrier(6)

        def together(n: int) -> tuple[bool, bool]:
            start.wait()
            made = ask(requests) is not None
            start.wait()
            return made, requests.take(f"worker-{n}", now=NOON) is not None

        with ThreadPoolExecutor(6) as threads:
            made, taken = zip(*threads.map(together, range(6)), strict=True)
        assert (sum(made), sum(taken)) == (1, 1)
