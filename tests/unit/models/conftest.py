"""A bundle for the tests of models."""

import shutil
from pathlib import Path

import pytest

from aisle.models.bundle import write_bundle
from tests.unit.models.examples import parts


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that no test may change."""
    folder = tmp_path_factory.mktemp("bundles") / "pristine"
    write_bundle(folder, parts())
    return folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    """A bundle of one's own."""
    shutil.copytree(pristine, tmp_path / "bundle")
    return tmp_path / "bundle"
