"""`aisle predictions`: the log forgets by itself what is old."""

from datetime import UTC, datetime, timedelta

import pytest

from aisle.bootstrap import open_application
from aisle.catalog.product import Product
from aisle.models.prediction import Candidate, Prediction
from aisle.monitoring.answers import Answered, answer_rows
from tests.command_line import CommandLine


def answer(days: float) -> Answered:
    found = Prediction("1", "10", "Books", 0.7, (Candidate("10", "Books", 0.7),), ("text",))
    return Answered("r", datetime.now(UTC) - timedelta(days=days), 0.001, 1, "bundle", [Product("1", "a")], [found])


@pytest.fixture
def logged(aisle: CommandLine) -> CommandLine:
    with open_application() as application:
        ages = (0, 1, 29, 31, 89, 91, 400)
        application.prediction_log.write(answer_rows([answer(days) for days in ages], keep_text=False))
    return aisle


def test_answers_of_an_age_are_deleted(logged: CommandLine):
    assert logged.ok("predictions", "prune", "--older-than", "30d").text.startswith("Deleted 4 answers from before ")
    assert logged.ok("predictions", "prune", "--older-than", "30d").text.startswith("Deleted 0 answers")
    assert logged.ok("predictions", "prune", "--older-than", "0").text.startswith("Deleted 3 answers")


def test_the_setting_says_what_is_old(logged: CommandLine, monkeypatch: pytest.MonkeyPatch):
    assert logged.ok("predictions", "prune").text.startswith("Deleted 2 answers")
    monkeypatch.setenv("AISLE_SERVING_KEEP_DAYS", "88")
    assert logged.ok("predictions", "prune").text.startswith("Deleted 1 answer from")


@pytest.mark.parametrize("span", ["", "soon", "-1d", "90", "1.5d", "d", "99999999d", "1d 1d"])
def test_a_span_that_is_none_is_refused(logged: CommandLine, span: str):
    assert "is no span of time" in logged.refused("predictions", "prune", "--older-than", span)
