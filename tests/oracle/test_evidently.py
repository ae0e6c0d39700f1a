"""The Evidently-compatible mode gives Evidently's own figures."""

import pytest

from aisle.monitoring.compatible import category_drift, number_drift
from tests.oracle import asking
from tests.oracle.tables import random_pairs

pytestmark = pytest.mark.oracle


def test_figures_are_those_of_evidently_on_random_tables():
    if reason := asking.missing():
        pytest.skip(reason)
    pairs = random_pairs(200, seed=1)
    answers = asking.ask(pairs)
    for pair, expected in zip(pairs, answers, strict=True):
        measure = number_drift if pair["kind"] == "number" else category_drift
        found = measure(pair["reference"], pair["window"])
        told = {name: getattr(found, name) for name in expected}
        assert told == pytest.approx(expected, abs=1e-6, rel=1e-6)
