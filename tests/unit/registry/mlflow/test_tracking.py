from pathlib import Path

import pytest

from aisle.errors import TrackingError
from aisle.registry.mlflow import Projection, Tracking
from aisle.settings import Tracking as Settings


@pytest.mark.parametrize(
    ("before", "after", "changed", "sentence"),
    [
        (None, None, False, "There is no champion yet."),
        (3, 3, False, "The alias names version 3, as the ledger does."),
        (None, 3, True, "The alias named nothing; now it names version 3, as the ledger does."),
        (2, 3, True, "The alias named version 2; now it names version 3, as the ledger does."),
        (2, None, True, "The alias named version 2; the ledger has no champion, so it is gone."),
    ],
)
def test_a_projection_is_a_sentence(before: int | None, after: int | None, changed: bool, sentence: str) -> None:
    projection = Projection(before, after)
    assert (projection.changed, str(projection)) == (changed, sentence)


def test_making_it_connects_to_nothing(tmp_path: Path) -> None:
    Tracking(Settings(url=f"sqlite:///{tmp_path / 'mlflow.db'}"))
    assert list(tmp_path.iterdir()) == []


def test_artefacts_of_an_sqlite_file_lie_beside_it_unless_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'home' / 'mlflow.db'}"
    assert Tracking(Settings(url=url))._artifact_root() == (tmp_path / "home" / "mlflow-artifacts").as_uri()
    assert Tracking(Settings(url=url, artifact_root="file:///elsewhere"))._artifact_root() == "file:///elsewhere"


def test_a_server_decides_for_itself_where_artefacts_go() -> None:
    assert Tracking(Settings(url="http://127.0.0.1:1"))._artifact_root() is None


def test_a_server_that_is_lost_when_a_run_fails_does_not_hide_why_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracking = Tracking(Settings(url=f"sqlite:///{tmp_path / 'mlflow.db'}"))

    def lost(status: str) -> None:
        raise TrackingError(f"MLflow is gone ({status}).")

    with pytest.raises(ZeroDivisionError) as caught, tracking.start_run("train") as run:
        monkeypatch.setattr(run, "end", lost)
        run.log_metrics({"x": 1 / 0})
    assert caught.value.__notes__ == ["MLflow is gone (FAILED)."]
