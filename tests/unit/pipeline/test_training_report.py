"""The report of a training: kept beside its bundle, shown in MLflow once, and missed by nobody where there is none."""

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from aisle.models.bundle import write_bundle
from aisle.pipeline import steps
from aisle.pipeline.context import Context
from aisle.pipeline.messages import RegisterInput
from aisle.pipeline.training_report import show_report, store_report
from aisle.registry.bundles import publish
from aisle.registry.mlflow.tracking import Registered
from aisle.registry.records import TrialRecord
from aisle.registry.reports import PAGE, Reports
from aisle.training.fit import TrainingReport
from aisle.training.report.judgement import Judgement
from aisle.training.search.budget import Budget
from aisle.training.search.outcome import SearchOutcome
from aisle.training.search.plan import plan_search
from aisle.training.search.records import trial_records
from aisle.training.search.trial import Attempt, Candidate, Trial, TrialResult
from tests.unit.models.examples import parts
from tests.unit.training.report.judgements import answers, full, gold_rows, judgement

DIGEST = "9" * 64


class Shown:
    """MLflow as a registration sees it: keeps what it is told."""

    def __init__(self) -> None:
        self.folders: list[tuple[str, str, dict[str, bytes]]] = []
        self.trials: list[tuple[str, Sequence[TrialRecord]]] = []

    def publish(self, bundle_folder: Path, **about: Any) -> Registered:
        return Registered(3, "run 3")

    def log_folder(self, run_id: str, folder: Path, name: str) -> None:
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        self.folders.append((run_id, name, files))

    def log_trials(self, parent_run_id: str, records: Sequence[TrialRecord]) -> int:
        self.trials.append((parent_run_id, records))
        return len(records)


@pytest.fixture
def mlflow() -> Shown:
    return Shown()


@pytest.fixture
def home(empty: Context, mlflow: Shown) -> Context:
    """An empty home, and an MLflow that keeps what it is told."""
    return replace(empty, tracking=lambda: mlflow)  # type: ignore[arg-type]


def outcome() -> SearchOutcome:
    trials = [Trial("logistic", "text", {"penalty": penalty}) for penalty in (0.1, 0.2)]
    made = plan_search([Candidate(trial, 1.0) for trial in trials], 100, Budget(60), jobs=1, seed=1)
    attempts = (Attempt(trials[0], 0, TrialResult(0.8, 0.01, 0.5), seconds=2.0), Attempt(trials[1], 0, None, "It failed."))
    return SearchOutcome(made, attempts, {trials[0].bracket: attempts[0]}, (), 0)


def report(told: Judgement, digest: str = DIGEST) -> TrainingReport:
    return TrainingReport(digest, Path("gone"), {}, {}, {}, (), (), outcome(), told)


def stored(context: Context, digest: str = DIGEST) -> dict[str, bytes]:
    prefix = f"reports/{digest}/"
    return {key.removeprefix(prefix): context.artifacts.get(key) for key in context.artifacts.keys(prefix.rstrip("/"))}


def test_page_plots_tables_and_trials_are_kept_under_the_bundles_digest(home: Context) -> None:
    store_report(home.artifacts, report(full()))
    files = stored(home)
    assert {"report.html", "trials.json", "tables/worst_errors.csv", "tables/classes.csv"} < set(files)
    plots = {name: data for name, data in files.items() if name.startswith("plots/")}
    assert len(plots) > 3
    assert all(ET.fromstring(data).tag.endswith("svg") for data in plots.values())
    assert Reports(home.artifacts).read(DIGEST) == files[PAGE]
    assert files[PAGE].startswith(b"<!doctype html>") or files[PAGE].lower().startswith(b"<!doctype html")
    assert b"Imported games" in files[PAGE]
    classes = list(csv.DictReader(io.StringIO(files["tables/classes.csv"].decode())))
    assert {row["code"] for row in classes} == {"40", "50", "60", "2583"}
    assert [TrialRecord(**record) for record in orjson.loads(files["trials.json"])] == list(trial_records(outcome()))


def test_stored_again_it_is_the_later_one(home: Context) -> None:
    store_report(home.artifacts, report(full()))
    before = set(stored(home))
    store_report(home.artifacts, report(full(100)))
    assert set(stored(home)) == before
    assert Reports(home.artifacts).read(DIGEST) == stored(home)[PAGE]


def test_a_title_that_a_spreadsheet_would_run_is_disarmed(home: Context) -> None:
    scores = answers(60, right=0.0)
    rows = gold_rows(scores, title=['=HYPERLINK("http://x")'] * 60)
    store_report(home.artifacts, report(judgement(scores, rows)))
    table = list(csv.DictReader(io.StringIO(stored(home)["tables/worst_errors.csv"].decode())))
    assert table
    assert {row["title"] for row in table} == {'\'=HYPERLINK("http://x")'}


def test_a_text_that_is_no_unicode_is_kept_as_well_as_it_can_be(home: Context) -> None:
    scores = answers(60, right=0.0)
    store_report(home.artifacts, report(judgement(scores, gold_rows(scores), categories={"40": "half \ud800 a pair"})))
    page = Reports(home.artifacts).read(DIGEST)
    assert page is not None
    assert "half" in page.decode("utf-8")


def test_there_is_no_page_of_a_bundle_from_elsewhere(home: Context) -> None:
    assert Reports(home.artifacts).read(DIGEST) is None


def test_it_is_shown_in_the_run_of_the_version_with_its_trials(home: Context, mlflow: Shown) -> None:
    store_report(home.artifacts, report(full()))
    store_report(home.artifacts, report(full(100), digest="8" * 64))
    show_report(home, "run 1", DIGEST)
    assert mlflow.folders == [("run 1", "report", stored(home))]
    assert mlflow.trials == [("run 1", list(trial_records(outcome())))]


def test_where_there_is_none_mlflow_is_not_even_asked(empty: Context) -> None:
    def unasked() -> Any:
        raise AssertionError("nobody is told anything")

    show_report(replace(empty, tracking=unasked), "run 1", DIGEST)


def test_one_that_a_kill_left_unfinished_is_shown_by_nobody(home: Context, mlflow: Shown) -> None:
    store_report(home.artifacts, report(full()))
    home.artifacts.delete(f"reports/{DIGEST}/{PAGE}")
    show_report(home, "run 1", DIGEST)
    assert (mlflow.folders, mlflow.trials) == ([], [])


def test_the_page_is_written_last(home: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(type(home.artifacts), "put", lambda _self, key, _data, **_more: written.append(key))
    store_report(home.artifacts, report(full()))
    assert written[-1] == f"reports/{DIGEST}/{PAGE}"
    assert len(written) == len(set(written)) > 10


class TestRegister:
    @pytest.fixture
    def published(self, home: Context, tmp_path: Path) -> str:
        """The digest of a bundle without a report."""
        figure = {"value": 0.9, "low": 0.8, "high": 1.0}
        write_bundle(tmp_path / "bundle", parts(metrics={"gold": {"weighted_f1": figure}, "rows": {"gold": 50}}))
        return publish(home.artifacts, tmp_path / "bundle")

    def test_a_bundle_without_a_report_is_registered_all_the_same(
        self, home: Context, mlflow: Shown, published: str
    ) -> None:
        done = steps.register(home, RegisterInput(bundle=published, snapshot="5" * 64))
        assert (done.version, done.run_id) == (3, "run 3")
        assert [model.bundle for model in home.ledger.models()] == [published]
        assert (mlflow.folders, mlflow.trials) == ([], [])

    def test_one_with_a_report_shows_it_once(self, home: Context, mlflow: Shown, published: str) -> None:
        store_report(home.artifacts, report(full(), digest=published))
        what = RegisterInput(bundle=published, snapshot="5" * 64)
        assert steps.register(home, what) == steps.register(home, what)
        assert [(run, name) for run, name, _ in mlflow.folders] == [("run 3", "report")]
        assert len(mlflow.trials) == 1

    def test_what_mlflow_refuses_is_not_in_the_ledger_and_may_be_tried_again(
        self, home: Context, mlflow: Shown, published: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store_report(home.artifacts, report(full(), digest=published))
        what = RegisterInput(bundle=published, snapshot="5" * 64)
        with monkeypatch.context() as patch:
            patch.setattr(mlflow, "log_folder", _refuses)
            with pytest.raises(ConnectionError):
                steps.register(home, what)
        assert list(home.ledger.models()) == []
        steps.register(home, what)
        assert len(mlflow.folders) == len(mlflow.trials) == len(home.ledger.models()) == 1


def test_a_trained_version_shows_its_report_and_each_trial_once(context: Context) -> None:
    model = context.ledger.model(1)
    files = stored(context, model.bundle)
    assert {PAGE, "trials.json"} < set(files)
    assert model.bundle.encode() in files[PAGE]
    tracking = context.tracking()
    with tracking._session.client("look around") as client:
        # Its files lie beside the original of this home, and are looked at where they are.
        shown = {item.path for item in client.list_artifacts(model.run_id, "report")}
        run = client.get_run(model.run_id)
        query = f"tags.`mlflow.parentRunId` = '{model.run_id}'"
        nested = client.search_runs([run.info.experiment_id], query)
    assert {"report/report.html", "report/trials.json", "report/plots", "report/tables"} <= shown
    records = orjson.loads(files["trials.json"])
    assert {own.data.tags["aisle.trial"] for own in nested} == {record["trial_id"] for record in records}
    assert len(nested) == len(records) > 1
    assert tracking.log_trials(model.run_id, [TrialRecord(**record) for record in records]) == 0


def _refuses(*arguments: object) -> None:
    raise ConnectionError
