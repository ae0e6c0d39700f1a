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


def test_the_error_of_calibration_is_told_of_the_most_rows_held_back(report: TrainingReport) -> None:
    most = max(report.metrics["patterns"], key=lambda pattern: pattern["rows"])
    assert 0 <= most["calibration_error"] < 0.2
    told = f"On {most['rows']:,} rows held back, each calibrated without it, the calibration error is"
    assert f"{told} {most['calibration_error']:.4f};" in _card(report)
    older = [{name: value for name, value in most.items() if name != "calibration_error"}]
    assert "held back, each calibrated" not in _card(report, metrics={**report.metrics, "patterns": older})


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


def test_every_component_has_a_line_with_its_options(pictured_report: TrainingReport) -> None:
    metrics = pictured_report.metrics
    assert len(metrics["components"]) > 1
    section = _card(pictured_report).split("## Components")[1].split("##")[0]
    for one in metrics["components"]:
        line = next(line for line in section.splitlines() if line.startswith(f"| {one['name']} |"))
        assert f"| {one['validation']['weighted_f1']:.3f} | {one['bytes'] / 1e6:.1f} |" in line
        assert all(f"{name} {value}" in line for name, value in one["options"].items())
    assert len([line for line in section.splitlines() if line.startswith("| ")]) == 1 + len(metrics["components"])


def test_it_says_what_is_looked_at(report: TrainingReport, pictured_report: TrainingReport) -> None:
    assert "a product's title, description and brand, with a calibrated" in _card(report)
    assert "a product's title, description and brand, and to its image, with" in _card(pictured_report)
    image = [one for one in pictured_report.metrics["components"] if one["modality"] == "image"]
    assert "a product's image, with" in _card(report, metrics={**pictured_report.metrics, "components": image})


def test_images_and_what_was_wrong_with_them_are_counted(report: TrainingReport, pictured_report: TrainingReport) -> None:
    assert "\n200 rows have an image that could be used.\n" in _card(pictured_report)
    broken = {"rows": 1_234, "problems": {"not_an_image": 2, "truncated": 1_000}}
    card = _card(report, metrics={**report.metrics, "images": broken})
    assert "1,234 rows have an image that could be used (2 not an image, 1,000 truncated)." in card


def test_its_limits_are_stated(report: TrainingReport) -> None:
    limits = _card(report).split("## Limits")[1].split("##")[0]
    assert "nothing to go by gets each category's share" in limits
    assert "it answers one of its categories" in limits


def test_it_says_how_often_sets_and_answers_are_right(report: TrainingReport) -> None:
    decisions = {
        "set_coverage_asked": 0.95,
        "set_coverage": 0.9412,
        "set_size": 1.5,
        "review_share": 0.125,
        "precision_unreviewed": 0.9876,
    }
    card = _card(report, metrics={**report.metrics, "decisions": decisions})
    assert (
        "Prediction sets hold the correct category for 94.1% of the gold rows (asked: 95%) with 1.50 categories on average."
        " 12.5% of the answers are sent to review; of the others 98.8% are correct."
    ) in card
    nobody = {**decisions, "review_share": 1.0, "precision_unreviewed": None}
    card = _card(report, metrics={**report.metrics, "decisions": nobody})
    assert "100.0% of the answers are sent to review.\n" in card
