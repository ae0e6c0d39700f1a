"""A search's trials in MLflow, embedded on SQLite and as a server: under their training, once, and with their fate."""

from typing import Any

import pytest

from aisle.errors import TrackingError
from aisle.registry.mlflow import Tracking, trials
from aisle.registry.records import TrialRecord


def record(trial_id: str, *scores: float, lost: str = "", **parameters: object) -> TrialRecord:
    curve = [{"rung": rung, "score": score, "seconds": 2.0} for rung, score in enumerate(scores)]
    return TrialRecord(trial_id, f"linear on text {trial_id}", {"family": "linear", **parameters}, curve, lost)


RECORDS = (
    record("a1", 0.5, 0.7, c=1.0, grams=[1, 2]),
    record("b2", 0.4, lost="It cannot be fitted. " + "x" * 9_000, **{"jeux & vidéo": "y" * 9_000}),
    record("c3", 0.6),
)


def nested(client: Any, parent_run_id: str) -> dict[str, Any]:
    experiment = client.get_run(parent_run_id).info.experiment_id
    found = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent_run_id}'")
    assert len({run.data.tags["aisle.trial"] for run in found}) == len(found), "no trial has two runs"
    return {run.data.tags["aisle.trial"]: run for run in found}


def test_each_trial_is_a_run_under_the_training(tracking: Tracking, client: Any) -> None:
    with tracking.start_run("train") as parent, tracking.start_run("train another"):
        assert tracking.log_trials(parent.run_id, RECORDS) == 3
    seen = nested(client, parent.run_id)
    assert set(seen) == {"a1", "b2", "c3"}
    run = seen["a1"]
    assert (run.info.run_name, run.info.status) == ("linear on text a1", "FINISHED")
    assert run.data.params == {"family": "linear", "c": "1.0", "grams": "[1, 2]"}
    history = client.get_metric_history(run.info.run_id, "score")
    assert [(point.step, point.value) for point in history] == [(0, 0.5), (1, 0.7)]
    assert "rung" not in run.data.metrics
    assert client.get_run(parent.run_id).info.status == "FINISHED"


def test_a_lost_one_has_failed_and_says_why(tracking: Tracking, client: Any) -> None:
    with tracking.start_run("train") as parent:
        tracking.log_trials(parent.run_id, RECORDS)
    run = nested(client, parent.run_id)["b2"]
    assert run.info.status == "FAILED"
    assert run.data.tags["aisle.lost"].startswith("It cannot be fitted. xxx")
    assert set(run.data.params["jeux _ vid_o"]) == {"y"}
    assert run.data.metrics["score"] == 0.4


def test_written_again_they_are_the_same_runs(tracking: Tracking, client: Any) -> None:
    with tracking.start_run("train") as parent:
        assert tracking.log_trials(parent.run_id, RECORDS[:2]) == 2
        before = nested(client, parent.run_id)
        assert tracking.log_trials(parent.run_id, RECORDS) == 1
        assert tracking.log_trials(parent.run_id, RECORDS) == 0
    after = nested(client, parent.run_id)
    assert {name: run.info.run_id for name, run in after.items() if name in before} == {
        name: run.info.run_id for name, run in before.items()
    }


@pytest.mark.parametrize("moment", ["log_batch", "set_terminated"])
def test_one_that_a_kill_left_unfinished_is_finished(
    tracking: Tracking, client: Any, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    class Killed(BaseException):
        """As abrupt as a kill: nothing of ours handles it."""

    def killed(*arguments: object, **options: object) -> None:
        raise Killed

    with tracking.start_run("train") as parent:
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(client, moment, killed)
            tracking.log_trials(parent.run_id, RECORDS)
        (left,) = nested(client, parent.run_id).values()
        assert left.info.status == "RUNNING"
        assert tracking.log_trials(parent.run_id, RECORDS) == 3
    seen = nested(client, parent.run_id)
    assert seen["a1"].info.run_id == left.info.run_id
    assert seen["a1"].info.status == "FINISHED"
    history = client.get_metric_history(left.info.run_id, "score")
    assert [(point.step, point.value) for point in history] == [(0, 0.5), (1, 0.7)]


def test_many_are_found_page_by_page(tracking: Tracking, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    search = client.search_runs
    many = [record(f"t{number}", 0.5) for number in range(5)]
    with tracking.start_run("train") as parent:
        assert tracking.log_trials(parent.run_id, many) == 5
        monkeypatch.setattr(client, "search_runs", lambda *given, **options: search(*given, max_results=2, **options))
        assert tracking.log_trials(parent.run_id, many) == 0


def test_a_trial_of_more_than_one_request(tracking: Tracking, client: Any) -> None:
    wide = record("w", *(n / 130 for n in range(130)), **{f"p{n}": n for n in range(130)})
    with tracking.start_run("train") as parent:
        tracking.log_trials(parent.run_id, [wide])
    run = nested(client, parent.run_id)["w"]
    assert len(run.data.params) == 131
    assert len(client.get_metric_history(run.info.run_id, "score")) == 130


def test_a_run_of_any_kind_may_be_nested(tracking: Tracking, client: Any) -> None:
    with tracking.start_run("train") as parent, tracking.start_run("fuse", parent_run_id=parent.run_id) as child:
        pass
    assert client.get_run(child.run_id).data.tags["mlflow.parentRunId"] == parent.run_id
    assert trials.TRIAL_TAG not in client.get_run(child.run_id).data.tags
    assert tracking.log_trials(parent.run_id, RECORDS[:1]) == 1


def test_a_training_that_mlflow_does_not_know_is_told(tracking: Tracking) -> None:
    with pytest.raises(TrackingError, match="did not look for trials"):
        tracking.log_trials("0" * 32, RECORDS)
