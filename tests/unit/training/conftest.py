"""Trainings and layouts for all tests that look at their outcome."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aisle.models.bundle import Bundle
from aisle.settings import Training
from aisle.training.fit import TrainingReport, silent, train
from aisle.training.judging import Trained, bundle_metrics
from aisle.training.layout import Layout, lay_out
from aisle.training.rows import ImageReader
from tests.unit.models.examples import SMALL
from tests.unit.training.frames import catalogue
from tests.unit.training.pictures import drawn, pictured

SNAPSHOT = "5" * 64


@pytest.fixture(scope="session")
def options() -> Training:
    """The settings of every training here."""
    return Training(gold_share=0.2, validation_share=0.2, families="logistic", folds=2, jobs=1, budget="10m")


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


@pytest.fixture(scope="session")
def shop() -> tuple[pl.DataFrame, ImageReader]:
    """Labelled rows with a title each, of which five in six have an image, and what reads those."""
    rows = catalogue(240, noise=0.05)
    return pictured(rows, drawn(rows, [place for place in range(rows.height) if place % 6]))


@pytest.fixture(scope="session")
def laid(shop: tuple[pl.DataFrame, ImageReader], options: Training) -> Layout:
    """The shop's layout, with few buckets for its n-grams."""
    return lay_out(shop[0], options, SMALL, shop[1], silent)


@pytest.fixture(scope="session")
def bench_folder(laid: Layout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the shop's saved workbench."""
    folder = tmp_path_factory.mktemp("bench")
    laid.bench.save(folder)
    return folder


@pytest.fixture(scope="session")
def pictured_training(
    shop: tuple[pl.DataFrame, ImageReader], options: Training, tmp_path_factory: pytest.TempPathFactory
) -> tuple[TrainingReport, Trained]:
    """How a training on the shop's texts and images went, and what it was judged by."""
    judged: list[Trained] = []

    def spy(trained: Trained, options: Training) -> dict[str, Any]:
        judged.append(trained)
        return bundle_metrics(trained, options)

    folder = tmp_path_factory.mktemp("pictured") / "bundle"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aisle.training.fit.bundle_metrics", spy)
        made = train(shop[0], SNAPSHOT, options, folder=folder, commit="abc123", images=shop[1])
    return made, judged[0]


@pytest.fixture(scope="session")
def pictured_report(pictured_training: tuple[TrainingReport, Trained]) -> TrainingReport:
    """How a training on the shop's texts and images went."""
    return pictured_training[0]
