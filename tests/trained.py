"""A small catalogue that was learnt twice, made once for the whole run and lent as copies."""

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from aisle.bootstrap import Application
from aisle.catalog.sample import write_sample
from aisle.configuration import load_settings
from aisle.pipeline.context import Context
from aisle.pipeline.local import run_pipeline

ROWS = 1_500
"""Training rows of the catalogue `shop`; fewer would leave the gate too few gold rows to decide on."""

COMMIT = "0" * 40
"""The program's commit as tests have it: the repository's own may move while they run."""

QUICK = {
    "AISLE_TRAINING_FAMILIES": "logistic",
    "AISLE_TRAINING_FOLDS": "2",
    "AISLE_TRAINING_JOBS": "1",
    # So much that no busy machine cuts the search short: what is left out then is another bundle.
    "AISLE_TRAINING_BUDGET": "10m",
}
"""Settings of a training that takes seconds, for tests that are about something else."""


@cache
def trained_home() -> Path:
    """Return an `AISLE_HOME` with the catalogue `shop`, one snapshot, and two versions of which the first is champion.

    The second was calibrated on other folds, is no better, and was refused by the gate.
    """
    folder = Path(tempfile.mkdtemp(prefix="aisle-trained-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_sample(folder / "shop", rows=ROWS, seed=1, images=False)
    for folds in ("2", "3"):
        application = opened(folder / "home", AISLE_TRAINING_FOLDS=folds)
        run_pipeline(context_of(application), given(folder / "shop"))
        application.close()
    return folder / "home"


def copy_of_trained_home(place: Path) -> Path:
    """Copy the trained home to a place of the test's own, where nothing of the other's is changed.

    Only MLflow goes on to keep artefacts beside the original: it knows them by their addresses.
    """
    return Path(shutil.copytree(trained_home(), place))


def shop() -> Path:
    """Return the folder of the catalogue's files."""
    return trained_home().with_name("shop")


def given(folder: Path, **more: object) -> dict[str, object]:
    """Return what the main job is given for a whole catalogue."""
    return {"folder": folder, "share": 1.0, **more}


def opened(home: Path, **variables: str) -> Application:
    """Return live objects on a home, with settings given as environment variables."""
    return Application(load_settings({"AISLE_HOME": str(home), **QUICK, **variables}, folder=home.parent))


def context_of(application: Application) -> Context:
    """Return what steps work with, at the tests' own commit."""
    return replace(application.context(), commit=COMMIT)
