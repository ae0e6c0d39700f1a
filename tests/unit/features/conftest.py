"""What the tests of features share."""

import numpy as np
import pytest

from aisle.catalog.product import Product
from aisle.features.linear_texts import LinearTexts, Stepped, stepped
from aisle.features.text import TextConfig, TextFeatures
from aisle.features.tfidf import TfidfColumns


@pytest.fixture(scope="session", autouse=True)
def _warm() -> None:
    """Compile once, so that no test's own time hangs on whether the compiler's cache is there."""
    counts = TextFeatures(TextConfig(bits=8)).counts([Product("warm", title="warm")])
    columns = TfidfColumns.fit(counts)
    model = Stepped(*stepped(np.zeros((columns.columns.size, 1), np.float32)), np.zeros(1, np.float32))
    LinearTexts.of(TextConfig(bits=8).shape, columns, [model]).scores(["warm"])
