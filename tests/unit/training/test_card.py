from typing import Any

import numpy as np
import pytest

from aisle.training.card import model_card
from aisle.training.fit import TrainingReport
from aisle.training.metrics import Scores, summarise


def _card(report: TrainingReport, **changes: Any) -> str:
    given: dict[str, Any] = {
        "metrics": report.metrics,
        "categories": {"10": "Used books", "50": "Console accessories", "2583": "Pools and spas"},
        "configuration": {"seed": 2025},
        **changes,
    }
    return model_card(*given.values(), snapshot="5" * 64, commit="abc123")


def test_it_tells_where_the_model_comes_from_and_how_good_it_is(report: TrainingReport) -> None:
    card = _card(report)
    gold = report.metrics["gold"]
    assert "5" * 64 in card
    assert "`abc123`" in card
    assert f"| weighted F1 | {gold['weighted_f1']['value']:.3f} | {gold['weighted_f1']['low']:.3f} to" in card
    assert f"judged once on {gold['rows']:,} gold rows" in card
    assert '"seed": 2025' in card
    assert card.endswith("\n")
    assert "None" not in card
    assert "nan" not in card


def test_every_category_has_a_line(report: TrainingReport) -> None:
    card = _card(report)
    for code, name in (("10", "Used books"), ("50", "Console accessories"), ("2583", "Pools and spas")):
        figures = report.metrics["gold"]["per_class"][code]
        assert f"| {code} | {name} | {figures['precision']:.3f} |" in card


def test_the_commonest_mistake_comes_first(report: TrainingReport) -> None:
    wrong = [entry for entry in report.metrics["gold"]["confusion"] if entry["correct"] != entry["predicted"]]
    most = max(entry["rows"] for entry in wrong)
    section = _card(report).split("## What it mistakes most often")[1].split("##")[0]
    rows = [int(line.rsplit("|", 2)[1]) for line in section.splitlines() if line.endswith("|") and line[-3].isdigit()]
    assert rows == sorted(rows, reverse=True)
    assert rows[0] == most


def test_without_mistakes_it_says_so(report: TrainingReport) -> None:
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    scores = Scores(("1", "2"), ("10", "50"), ("10", "50"), ("10", "50"), probabilities)
    card = _card(report, metrics={**report.metrics, "gold": summarise(scores, seed=0)})
    assert "Nothing, on these rows." in card


@pytest.mark.parametrize("name", ["too_rare", "not_judged"])
def test_what_is_rare_or_not_judged_is_listed(report: TrainingReport, name: str) -> None:
    words = {"too_rare": "a single row to learn from", "not_judged": "no gold row"}[name]
    assert words not in _card(report)
    card = _card(report, metrics={**report.metrics, name: ["x", "y"]})
    assert f"{words}" in card
    assert "(2): `x`, `y`." in card


def test_a_name_cannot_break_the_table(report: TrainingReport) -> None:
    card = _card(report, categories={"10": "a|b\nc", "50": "d", "2583": "e"})
    assert "| 10 | a\\|b c |" in card
