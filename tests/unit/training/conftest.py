"""One training for all tests that look at its outcome."""

import polars as pl
import pytest

from aisle.models.bundle import Bundle
from aisle.settings import Training
from aisle.training.fit import TrainingReport, train
from tests.unit.training.frames import catalogue

SNAPSHOT = "5" * 64


@pytest.fixture(scope="session")
def options() -> Training:
    """The settings of every training here."""
    return Training(gold_share=0.2, validation_share=0.2)


@pytest.fixture(scope="session")
def rows() -> pl.DataFrame:
    """A snapshot with a tenth of wrong labels and some rows without a label."""
    made = catalogue(500)
    return pl.concat([made, catalogue(50, seed=1).with_columns(label=pl.lit(None, pl.String), split=pl.lit("test"))])


@pytest.fixture(scope="session")
def report(rows: pl.DataFrame, options: Training, tmp_path_factory: pytest.TempPathFactory) -> TrainingReport:
    """How the training on it went."""
    return train(rows, SNAPSHOT, options, folder=tmp_path_factory.mktemp("trained") / "bundle", commit="abc123")


@pytest.fixture(scope="session")
def bundle(report: TrainingReport) -> Bundle:
    """The bundle that it wrote."""
    return Bundle.load(report.folder)
