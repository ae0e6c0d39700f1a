"""The DAGs in Airflow's own environment: their shape, and runs of them against the real program."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aisle.catalog.sample import write_sample
from tests.catalogues import real_catalogues
from tests.trained import QUICK, opened

# Airflow starts slowly, and on a busy machine more so.
pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-airflow" / "bin" / "python"
SHAPE = Path(__file__).with_name("dags.json")
"""The shape of every DAG, written anew by `.venv/bin/python -m tests.orchestration.test_dags` when a change is meant."""


def runs_of(folder: Path, real: Path | None, place: Path) -> list[dict[str, Any]]:
    """The runs to make, in order: each a DAG, its parameters, the product's home, and settings of its own."""
    home, backups = str(place / "home"), str(place / "backups")
    runs = [
        {"dag": "prepare_data", "conf": {"folder": str(folder), "share": 0.4}, "home": home},
        {"dag": "prepare_batch", "conf": {"folder": str(folder), "batch": 100_000}, "home": home},
        {"dag": "prepare_batch", "conf": {"folder": str(folder), "batch": 100_000}, "home": home},
        {"dag": "train_model", "conf": {"jobs": 1}, "home": home},
        {"dag": "train_model", "conf": {"jobs": 1}, "home": home},
        {"dag": "backup", "conf": {"folder": backups, "keep": 1}, "home": home},
        {"dag": "review", "conf": {}, "home": home},
        {"dag": "review_retrain", "conf": {}, "home": home},
        {"dag": "review_retrain", "conf": {}, "home": home, "settings": {"AISLE_REVIEW_MAX_AGE": "1s"}},
        {"dag": "review_retrain", "conf": {}, "home": home, "settings": {"AISLE_REVIEW_MAX_AGE": "1s"}},
        {"dag": "retrain", "conf": {"folder": str(folder)}, "home": home},
        {"dag": "review_retrain", "conf": {}, "home": home, "settings": {"AISLE_REVIEW_MAX_AGE": "1s"}},
    ]
    if real is not None:
        runs.append({"dag": "prepare_data", "conf": {"folder": str(real)}, "home": str(place / "real")})
    return runs


def ask_airflow(place: Path, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Read the DAGs and make the runs, in one process of Airflow's environment with a metadata database of its own."""
    for run in runs:
        Path(run["home"]).mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "AIRFLOW_HOME": str(place / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PRODUCT_AISLE": str(Path(sys.executable).with_name("aisle")),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **QUICK,
        "AISLE_TRAINING_MODALITIES": "text",
    }
    out = place / "found.json"
    asked = json.dumps({"dags": str(ROOT / "dags"), "runs": runs})
    program = Path(__file__).with_name("airflow_side.py")
    done = subprocess.run([PYTHON, program, asked, out], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    found: dict[str, Any] = json.loads(out.read_text())
    found["log"] = done.stdout
    return found


@dataclass(frozen=True)
class Found:
    """What Airflow found, and what its runs were."""

    told: dict[str, Any]
    place: Path

    def run(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = self.told["runs"][number]
        return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    if not PYTHON.is_file():
        pytest.skip("Airflow is not installed (make test-airflow)")
    place = tmp_path_factory.mktemp("airflow")
    write_sample(place / "shop", rows=1_500, seed=1, images=True)
    real = real_catalogues()
    return Found(ask_airflow(place, runs_of(place / "shop", None if real is None else real / "rakuten-14k", place)), place)


class TestShape:
    def test_every_file_can_be_read_and_is_what_it_was_meant_to_be(self, found: Found):
        assert found.told["errors"] == {}
        assert found.told["dags"] == json.loads(SHAPE.read_text())

    def test_the_ids_that_users_know_are_there(self, found: Found):
        dags = found.told["dags"]
        assert set(dags) >= {
            "download_data",
            "prepare_data",
            "train_model",
            "monitor",
            "review",
            "review_retrain",
            "retrain",
            "backup",
        }
        assert set(dags["download_data"]["tasks"]) == {"download_raw_data", "unzip_image"}
        known = {"upload_x_train", "upload_x_test", "upload_y_train", "create_bucket", "load_train_image", "load_test_image"}
        assert set(dags["prepare_data"]["tasks"]) == known | {"choose_rows"}

    def test_no_task_waits_for_ever_fails_in_silence_or_runs_beside_itself(self, found: Found):
        for name, dag in found.told["dags"].items():
            assert dag["max_active_runs"] == 1, name
            assert dag["catchup"] is False, name
            for task in dag["tasks"].values():
                assert task["retries"] >= 1
                assert 0 < task["timeout"] <= 12 * 3600
                assert task["tells"]

    def test_data_starts_training_and_answers_start_monitoring(self, found: Found):
        dags = found.told["dags"]
        outlets = {
            (name, task): told["outlets"]
            for name, dag in dags.items()
            for task, told in dag["tasks"].items()
            if told["outlets"]
        }
        assert outlets == {
            ("prepare_batch", "load_train_image"): ["catalogue"],
            ("prepare_data", "load_train_image"): ["catalogue"],
            ("train_model", "predict_test"): ["predictions"],
            ("monitor", "request_retraining"): ["retrain_request"],
            ("review_retrain", "request_retraining"): ["retrain_request"],
        }
        waits = {name: dag["assets"] for name, dag in dags.items() if dag["assets"]}
        assert waits == {"train_model": ["catalogue"], "monitor": ["predictions"], "retrain": ["retrain_request"]}


class TestRuns:
    def test_a_share_is_taken_in_and_the_images_are_counted(self, found: Found):
        run = found.run(0)
        assert run["state"] == "success"
        told = run["xcoms"]
        assert told["choose_rows"]["upto"]["train"] == told["upload_x_train"] == told["upload_y_train"] == 600
        assert told["choose_rows"]["upto"]["test"] == told["upload_x_test"]
        # One in a few hundred of the made-up images is broken, as in real catalogues.
        assert 590 <= told["load_train_image"] <= 600
        assert told["upload_x_test"] - 3 <= told["load_test_image"] <= told["upload_x_test"]

    def test_a_batch_takes_what_is_left_and_the_next_one_says_that_nothing_is(self, found: Found):
        assert found.run(1)["xcoms"]["upload_x_train"] == 1_500
        after = found.run(2)
        assert after["tasks"]["choose_rows"] == "skipped"
        assert {state for task, state in after["tasks"].items() if task != "create_bucket"} == {"skipped"}
        assert "Every row of the source has been taken" in found.told["log"]

    def test_training_ends_with_a_champion_that_answered_the_test_rows(self, found: Found):
        run = found.run(3)
        assert set(run["tasks"].values()) == {"success"}
        assert run["xcoms"]["promote"]["champion"] == run["xcoms"]["predict_test"] == 1
        assert (found.place / "home" / "submission.csv").read_text().count("\n") > 200

    def test_training_waits_until_enough_is_new(self, found: Found):
        assert found.run(4)["tasks"]["decide"] == "skipped"
        assert "0 labelled rows are new since version 1" in found.told["log"]

    def test_a_backup_is_written_and_read_back(self, found: Found):
        run = found.run(5)
        assert set(run["tasks"].values()) == {"success"}
        assert (Path(run["xcoms"]["write_backup"]) / "manifest.json").is_file()

    def test_the_queue_is_filled(self, found: Found):
        run = found.run(6)
        assert run["state"] == "success"
        assert set(run["xcoms"]["fill_queue"]["added"]) == {"uncertain", "contested", "suspect", "drawn"}

    def test_a_retraining_is_asked_for_once_and_only_where_something_speaks_for_it(self, found: Found):
        quiet, asked, taken = (found.run(number) for number in (7, 8, 11))
        assert quiet["xcoms"]["weigh"]["need"]["reasons"] == []
        assert [run["tasks"]["request_retraining"] for run in (quiet, asked, taken)] == ["skipped", "success", "skipped"]
        assert {run["state"] for run in (quiet, asked, taken)} == {"success"}
        assert asked["xcoms"]["weigh"]["need"]["run_id"] is None
        assert (asked["xcoms"]["weigh"]["request"], asked["xcoms"]["request_retraining"]) == (1, 1)

    def test_a_request_that_nobody_took_is_told_again(self, found: Found):
        """As where the task that made it was killed before it could say so."""
        again = found.run(9)
        assert again["xcoms"]["weigh"]["request"] is None
        assert (again["tasks"]["request_retraining"], again["xcoms"]["request_retraining"]) == ("success", 1)

    def test_the_request_is_taken_in_the_run_s_name(self, found: Found):
        run = found.run(10)
        assert set(run["tasks"].values()) == {"success"}
        assert "Retrain request 1: " in run["xcoms"]["answer_request"]
        with opened(found.place / "home") as application:
            (request,) = application.requests.all()
        assert request.state in {"promoted", "trained_not_promoted"}
        assert request.taken_by not in {None, "pipeline"}

    def test_real_files_give_the_figures_that_users_know(self, found: Found, shared_data: Path):
        run = found.run(12)
        assert run["state"] == "success"
        assert run["xcoms"]["load_train_image"] == 2210
        assert run["xcoms"]["load_test_image"] == 552


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as aside:
        told = ask_airflow(Path(aside), [])
    SHAPE.write_text(json.dumps(told["dags"], indent=1, sort_keys=True) + "\n")
