"""MLflow embedded on SQLite and as a server on PostgreSQL and S3: the same runs, versions, alias and repairs."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from aisle.errors import BundleError, TrackingError
from aisle.models.manifest import read_sealed, write_sealed
from aisle.registry.ledger import Ledger
from aisle.registry.mlflow import Tracking
from aisle.settings import Tracking as Settings
from aisle.storage.database import Database


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    database = Database(f"sqlite:///{tmp_path / 'aisle.db'}")
    database.migrate()
    return Ledger(database)


def write_bundle(folder: Path, number: int = 1) -> Path:
    """Write files that are sealed as a bundle is; MLflow never looks inside."""
    files = {
        "card.md": f"# Card {number}\n".encode(),
        "metrics.json": b'{"weighted_f1": 0.5, "classes": {"10": {"f1": 0.25, "name": "Livres"}}}',
        "weights/text.npz": bytes(range(256)) * number,
    }
    write_sealed(folder, files, snapshot="s" * 64, configuration="c" * 64, commit=f"commit-{number}")
    return folder


def register(tracking: Tracking, folder: Path) -> int:
    with tracking.start_run("train") as run:
        return tracking.register(run, folder)


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


class TestRun:
    def test_everything_that_was_told_is_there(self, tracking: Tracking, client: Any, tmp_path: Path) -> None:
        folder = tmp_path / "report"
        folder.mkdir()
        (folder / "confusion.json").write_text("{}")
        parameters = {"seed": 2025, "families": ["linear"], **{f"p{n}": n for n in range(250)}}
        metrics = {"weighted_f1": 0.81, **{f"f1.{n}": n / 250 for n in range(250)}}
        with tracking.start_run("train linear", parameters=parameters, tags={"mlflow.source.git.commit": "abc"}) as run:
            run.log_metrics(metrics)
            run.log_metrics({"loss": 2}, step=0)
            run.log_metrics({"loss": 1}, step=1)
            run.log_dataset("d" * 64, "rakuten")
            run.log_artifacts(folder, under="report")
            run.log_text("# Card\né\n", "card.md")
        seen = client.get_run(run.run_id)
        assert seen.info.run_name == "train linear"
        assert seen.info.status == "FINISHED"
        assert seen.data.params == {name: str(value) for name, value in parameters.items()}
        assert seen.data.metrics == pytest.approx(metrics | {"loss": 1})
        assert [point.value for point in client.get_metric_history(run.run_id, "loss")] == [2, 1]
        assert seen.data.tags["mlflow.source.git.commit"] == "abc"
        (used,) = seen.inputs.dataset_inputs
        assert (used.dataset.name, used.dataset.digest) == ("rakuten", "d" * 36)
        assert "d" * 64 in used.dataset.source
        downloaded = Path(client.download_artifacts(run.run_id, "", str(tmp_path)))
        assert {"report/confusion.json", "card.md"} <= files_below(downloaded)
        assert (downloaded / "card.md").read_text() == "# Card\né\n"

    def test_one_that_fails_says_so_and_its_error_goes_on(self, tracking: Tracking, client: Any) -> None:
        with pytest.raises(ZeroDivisionError), tracking.start_run("train") as run:
            run.log_metrics({"x": 1 / 0})
        assert client.get_run(run.run_id).info.status == "FAILED"

    def test_one_that_is_interrupted_was_killed(self, tracking: Tracking, client: Any) -> None:
        with pytest.raises(KeyboardInterrupt), tracking.start_run("train") as run:
            raise KeyboardInterrupt
        assert client.get_run(run.run_id).info.status == "KILLED"

    def test_runs_share_the_experiment(self, tracking: Tracking, settings: Settings, client: Any) -> None:
        runs = []
        for each in (tracking, Tracking(settings)):
            with each.start_run("train") as run:
                runs.append(run.run_id)
        experiment = client.get_experiment_by_name(settings.experiment)
        assert {found.info.run_id for found in client.search_runs([experiment.experiment_id])} == set(runs)

    def test_threads_may_log_at_once(self, tracking: Tracking, client: Any) -> None:
        with tracking.start_run("search") as run, ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda n: run.log_metrics({f"trial.{n}": n}), range(12)))
        assert client.get_run(run.run_id).data.metrics == {f"trial.{n}": n for n in range(12)}

    def test_nothing_is_left_in_the_process_or_the_working_directory(
        self, tracking: Tracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        bundle = write_bundle(tmp_path / "bundle")
        (tmp_path / "work").mkdir()
        monkeypatch.chdir(tmp_path / "work")
        before = dict(os.environ), logging.getLogger("mlflow").level
        tracking.project_champion(register(tracking, bundle))
        assert (dict(os.environ), logging.getLogger("mlflow").level) == before
        assert not tracking._session.mlflow.is_tracking_uri_set()
        assert list(Path.cwd().iterdir()) == []
        assert capfd.readouterr() == ("", "")


class TestRegister:
    def test_a_version_says_which_bundle_it_is(
        self, tracking: Tracking, settings: Settings, client: Any, tmp_path: Path
    ) -> None:
        bundle = write_bundle(tmp_path / "bundle")
        with tracking.start_run("train") as run:
            version = tracking.register(run, bundle)
        seen = client.get_model_version(settings.model, str(version))
        assert version == 1
        assert seen.run_id == run.run_id
        assert seen.description == "# Card 1\n"
        assert seen.tags["aisle.bundle_digest"] == read_sealed(bundle).manifest["digest"]
        assert seen.tags["mlflow.source.git.commit"] == "commit-1"
        assert seen.tags["mlflow.note.content"] == "# Card 1\n"
        (output,) = client.get_run(run.run_id).outputs.model_outputs
        assert client.get_logged_model(output.model_id).status.name == "READY"

    def test_one_bundle_is_one_version(self, tracking: Tracking, settings: Settings, client: Any, tmp_path: Path) -> None:
        first, second = write_bundle(tmp_path / "1", 1), write_bundle(tmp_path / "2", 2)
        assert [register(tracking, folder) for folder in (first, second, first, second)] == [1, 2, 1, 2]
        assert register(Tracking(settings), first) == 1
        assert len(client.search_model_versions(f"name = '{settings.model}'")) == 2

    def test_two_who_register_one_bundle_at_once_agree(self, tracking: Tracking, tmp_path: Path) -> None:
        bundle = write_bundle(tmp_path / "bundle")
        with ThreadPoolExecutor(4) as threads:
            versions = set(threads.map(lambda _: register(tracking, bundle), range(4)))
        assert len(versions) == 1
        assert tracking.version_of(read_sealed(bundle).manifest["digest"]).version in versions  # type: ignore[union-attr]

    def test_publishing_shows_figures_data_and_version(self, tracking: Tracking, client: Any, tmp_path: Path) -> None:
        bundle = write_bundle(tmp_path / "bundle")
        published = tracking.publish(bundle, snapshot="s" * 64, commit="abc")
        assert published.version == 1
        seen = client.get_run(published.run_id)
        assert seen.data.metrics == {"weighted_f1": 0.5, "classes.10.f1": 0.25}
        assert seen.data.params["digest"] == read_sealed(bundle).manifest["digest"]
        assert seen.data.tags["mlflow.source.git.commit"] == "abc"
        assert seen.inputs.dataset_inputs[0].dataset.digest == "s" * 36
        assert seen.info.status == "FINISHED"

    def test_publishing_again_opens_no_run(
        self, tracking: Tracking, settings: Settings, client: Any, tmp_path: Path
    ) -> None:
        bundle = write_bundle(tmp_path / "bundle")
        first = tracking.publish(bundle, snapshot="s" * 64, commit="abc")
        assert tracking.publish(bundle, snapshot="s" * 64, commit="def") == first
        experiment = client.get_experiment_by_name(settings.experiment)
        assert len(client.search_runs([experiment.experiment_id])) == 1

    def test_the_model_holds_the_bundle_and_nothing_pickled(
        self, tracking: Tracking, settings: Settings, client: Any, tmp_path: Path
    ) -> None:
        bundle = write_bundle(tmp_path / "bundle")
        version = register(tracking, bundle)
        source = client.get_model_version_download_uri(settings.model, str(version))
        model = Path(
            tracking._session.mlflow.artifacts.download_artifacts(
                source, dst_path=str(tmp_path / "model"), tracking_uri=settings.url
            )
        )
        names = files_below(model)
        assert {f"data/bundle/{name}" for name in files_below(bundle)} <= names
        assert not [name for name in names if Path(name).suffix in {".pkl", ".pickle", ".joblib", ".cloudpickle", ".skops"}]
        assert not [name for name in names if (model / name).read_bytes().startswith(b"\x80")]
        assert "pickle" not in (model / "MLmodel").read_text()
        assert "loader_module: aisle.registry.pyfunc" in (model / "MLmodel").read_text()
        requirements = (model / "requirements.txt").read_text().split()
        assert all("==" in line for line in requirements)
        assert {"aisle", "numpy", "scipy", "numba"} <= {line.partition("==")[0] for line in requirements}

    def test_a_damaged_bundle_is_not_registered(
        self, tracking: Tracking, settings: Settings, client: Any, tmp_path: Path
    ) -> None:
        bundle = write_bundle(tmp_path / "bundle")
        (bundle / "card.md").write_text("# Kard 1\n")
        with pytest.raises(BundleError):
            register(tracking, bundle)
        assert client.search_registered_models(f"name = '{settings.model}'") == []


class TestChampion:
    """The ledger decides; the alias follows, whatever was done to it."""

    @pytest.fixture
    def versions(self, tracking: Tracking, ledger: Ledger, tmp_path: Path) -> list[int]:
        versions = []
        for number in (1, 2):
            folder = write_bundle(tmp_path / str(number), number)
            versions.append(register(tracking, folder))
            ledger.add_model(versions[-1], read_sealed(folder).manifest["digest"], "s" * 64, "run", {})
        return versions

    def test_before_anything_is_registered_nothing_is_named(self, tracking: Tracking, ledger: Ledger) -> None:
        assert tracking.champion() is None
        projection = tracking.reconcile(ledger)
        assert not projection.changed
        assert str(projection) == "There is no champion yet."

    def test_the_alias_moves(self, tracking: Tracking, versions: list[int]) -> None:
        assert tracking.champion() is None
        for version in [*versions, versions[0]]:
            tracking.project_champion(version)
            assert tracking.champion() == version

    def test_a_kill_between_ledger_and_alias_is_repaired(
        self, tracking: Tracking, ledger: Ledger, versions: list[int]
    ) -> None:
        ledger.promote(versions[0], actor="a", reason="r", evidence={}, expected=None)
        projection = tracking.reconcile(ledger)
        assert (projection.before, projection.after, projection.changed) == (None, 1, True)
        assert str(projection) == "The alias named nothing; now it names version 1, as the ledger does."
        assert tracking.champion() == 1

    def test_an_alias_moved_by_hand_is_moved_back(self, tracking: Tracking, ledger: Ledger, versions: list[int]) -> None:
        ledger.promote(versions[0], actor="a", reason="r", evidence={}, expected=None)
        tracking.project_champion(versions[1])
        assert str(tracking.reconcile(ledger)) == "The alias named version 2; now it names version 1, as the ledger does."
        assert str(tracking.reconcile(ledger)) == "The alias names version 1, as the ledger does."
        assert tracking.champion() == 1

    def test_an_alias_that_the_ledger_knows_nothing_of_is_dropped(
        self, tracking: Tracking, ledger: Ledger, versions: list[int]
    ) -> None:
        tracking.project_champion(versions[1])
        assert str(tracking.reconcile(ledger)) == "The alias named version 2; the ledger has no champion, so it is gone."
        assert tracking.champion() is None

    def test_a_rollback_is_followed(self, tracking: Tracking, ledger: Ledger, versions: list[int]) -> None:
        for seq, version in enumerate(versions):
            ledger.promote(version, actor="a", reason="r", evidence={}, expected=seq)
        tracking.reconcile(ledger)
        ledger.rollback(actor="a", reason="complaints")
        assert tracking.reconcile(ledger).after == versions[0]
        assert tracking.champion() == versions[0]

    def test_a_promotion_during_the_repair_is_not_undone(
        self, tracking: Tracking, ledger: Ledger, versions: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ledger.promote(versions[0], actor="a", reason="r", evidence={}, expected=None)
        project = tracking.project_champion

        def overtaken(version: int) -> None:
            if len(ledger.history()) == 1:
                ledger.promote(versions[1], actor="b", reason="r", evidence={}, expected=1)
                project(versions[1])
            project(version)

        monkeypatch.setattr(tracking, "project_champion", overtaken)
        assert tracking.reconcile(ledger).after == versions[1]
        assert tracking.champion() == versions[1]

    def test_a_version_that_mlflow_has_lost_is_named(self, tracking: Tracking, ledger: Ledger, versions: list[int]) -> None:
        ledger.add_model(77, "lost", "s" * 64, "run", {})
        ledger.promote(77, actor="a", reason="r", evidence={}, expected=None)
        with pytest.raises(TrackingError, match="did not name version 77 champion"):
            tracking.reconcile(ledger)
