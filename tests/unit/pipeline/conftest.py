"""Live objects on a home of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aisle.bootstrap import Application
from aisle.models.bundle import Bundle
from aisle.pipeline.context import Context
from tests.trained import context_of, copy_of_trained_home, opened, trained_home


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    """An application on a copy of the trained home."""
    application = opened(copy_of_trained_home(tmp_path / "home"))
    yield application
    application.close()


@pytest.fixture
def context(application: Application) -> Context:
    """What steps work with, on a copy of the trained home."""
    return context_of(application)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Context]:
    """What steps work with, where nothing was ever done."""
    application = opened(tmp_path / "home")
    yield context_of(application)
    application.close()


@pytest.fixture(scope="session")
def champion() -> Bundle:
    """The trained home's champion."""
    application = opened(trained_home())
    try:
        return application.context().bundle(application.bundle_digest(None))
    finally:
        application.close()
