"""What the tests of features share."""

import pytest

from aisle.features.text import TextConfig, TextFeatures


@pytest.fixture(scope="session", autouse=True)
def _warm() -> None:
    """Compile once, so that no test's own time hangs on whether the compiler's cache is there."""
    TextFeatures(TextConfig()).warm()
