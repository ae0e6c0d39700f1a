"""Retraining on request: taken once, and what became of it on record in three different words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aisle.errors import TrainingError
from aisle.monitoring.records import MonitorRecords, MonitorRun
from aisle.monitoring.requests import RetrainRequests
from aisle.pipeline import on_request
from aisle.pipeline.context import Context
from aisle.pipeline.local import StepResult
from aisle.pipeline.on_request import run_on_request

NOW = datetime.now(UTC)
RUN = MonitorRun(NOW, 0.1, "24h", None, None, 0, 1, "b", 10, "p", "act", ("why",))


@pytest.fixture
def requests(empty: Context) -> RetrainRequests:
    run = MonitorRecords(empty.database).add(RUN, [])
    known = RetrainRequests(empty.database)
    known.ask(run.id, ["language drifts"], version=1, quiet=timedelta(hours=1), lifetime=timedelta(days=1))
    return known


def ending(monkeypatch: pytest.MonkeyPatch, *, promoted: bool) -> None:
    output = {"version": 2, "promoted": promoted, "champion": 2 if promoted else 1, "reasons": ["The gate has spoken."]}
    results = [StepResult("promote", output, 0.1, skipped=False)]
    monkeypatch.setattr(on_request, "run_pipeline", lambda *_, **__: results)


@pytest.mark.parametrize(("promoted", "state"), [(True, "promoted"), (False, "trained_not_promoted")])
def test_a_job_that_ends_says_how(
    empty: Context, requests: RetrainRequests, monkeypatch: pytest.MonkeyPatch, promoted: bool, state: str
) -> None:
    ending(monkeypatch, promoted=promoted)
    done = run_on_request(empty, {})
    assert done is not None
    assert (done.request.state, done.request.new_version, done.request.outcome) == (state, 2, "The gate has spoken.")
    assert done.request.taken_by == "pipeline"
    assert run_on_request(empty, {}) is None


@pytest.mark.parametrize("error", [TrainingError("There is no row."), KeyboardInterrupt()])
def test_a_job_that_breaks_off_has_failed(
    empty: Context, requests: RetrainRequests, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def breaking(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(on_request, "run_pipeline", breaking)
    with pytest.raises(type(error)):
        run_on_request(empty, {})
    last = requests.last()
    assert last is not None
    assert last.state == "failed"
    assert last.outcome in {"There is no row.", "It broke off."}


def test_who_was_killed_goes_on_under_the_same_name(
    empty: Context, requests: RetrainRequests, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A kill leaves no chance to say anything.
    assert requests.take("run 7") is not None
    ending(monkeypatch, promoted=True)
    assert run_on_request(empty, {}) is None
    assert run_on_request(empty, {}, who="run 8") is None
    done = run_on_request(empty, {}, who="run 7")
    assert done is not None
    assert (done.request.state, done.request.taken_by) == ("promoted", "run 7")


def test_where_nothing_is_asked_for_nothing_is_done(empty: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(on_request, "run_pipeline")
    assert run_on_request(empty, {}) is None
