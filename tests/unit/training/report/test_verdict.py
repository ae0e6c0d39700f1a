import numpy as np
import pytest

from aisle.training.metrics import Scores
from aisle.training.report.judgement import Judgement
from aisle.training.report.tables import report_tables
from aisle.training.report.verdict import verdict
from tests.unit.training.report.judgements import CODES, answers, component, full, gold_rows, judgement


def _words(made: Judgement) -> str:
    return "\n".join(verdict(made, report_tables(made))).replace("\N{NO-BREAK SPACE}", " ")


def _sure(confidence: float, right: float, rows: int = 1_000) -> Scores:
    """Return answers all given with the same confidence, of which a share is right."""
    truth = np.arange(rows) % 2
    answer = np.where(np.arange(rows) < right * rows, truth, 1 - truth)
    probabilities = np.full((rows, 2), 1 - confidence, dtype=np.float32)
    probabilities[np.arange(rows), answer] = confidence
    names = np.array(["40", "50"])
    return Scores(tuple(map(str, range(rows))), tuple(names[truth]), tuple(names[answer]), ("40", "50"), probabilities)


def test_it_begins_with_the_score_and_the_baseline() -> None:
    made = full()
    scores = {row["figure"]: row["value"] for row in report_tables(made)["scores"].iter_rows(named=True)}
    first, second, *_ = _words(made).splitlines()
    assert first.startswith("On 200 products that it had never seen, the model names the right one of 4 categories in ")
    assert f"Its weighted F1 is {scores['weighted_f1']:.3f}" in first
    assert "So few gold rows tell little" in first
    assert f"would score {scores['baseline_weighted_f1']:.3f}." in second
    assert f"{100 * (scores['weighted_f1'] - 0.69):.1f} points above it" in second


def test_a_model_below_its_baseline_is_said_to_be() -> None:
    words = _words(judgement(components=[component("simple", "gold", 0.99)], baseline="simple"))
    assert "points below it" in words
    assert "simplest" not in _words(judgement(components=[component("simple", "gold", 0.99)]))


@pytest.mark.parametrize(
    ("confidence", "right", "said"),
    [(0.8, 0.8, "taken at its word"), (0.9, 0.7, "too sure of itself"), (0.6, 0.9, "right more often than it says")],
)
def test_it_says_whether_confidence_means_what_it_says(confidence: float, right: float, said: str) -> None:
    assert said in _words(judgement(_sure(confidence, right)))


def test_the_weakest_categories_and_the_commonest_mistake_are_named() -> None:
    truth = ["40"] * 50 + ["50"] * 50 + ["60"] * 50
    answer = ["40"] * 50 + ["50"] * 30 + ["60"] * 20 + ["60"] * 50
    scores = Scores(tuple(map(str, range(150))), tuple(truth), tuple(answer), CODES, np.full((150, 4), 0.25, np.float32))
    words = _words(judgement(scores))
    assert "It is weakest, by F1, at “Accessories” (0.75) and “Consoles” (0.83)." in words
    assert "to answer “Consoles” for “Accessories”: 20 of that category's 50 rows." in words
    assert "1 category has no gold row" in words


def test_slices_are_called_weak_only_when_chance_does_not_explain_it() -> None:
    scores = _sure(0.8, 0.8)
    sources = np.where(np.arange(1_000) >= 750, "weak shop", "good shop").tolist()
    words = _words(judgement(scores, gold_rows(scores, source=sources)))
    assert "Clearly worse than the whole are the rows with source weak shop (20.0 % right of 250 rows)." in words
    assert "No slice of the rows is clearly worse than the whole." in _words(judgement(scores))


def test_a_model_without_a_fault_is_not_called_weak() -> None:
    scores = answers(100)
    perfect = Scores(scores.ids, scores.predicted, scores.predicted, CODES, scores.probabilities)
    words = _words(judgement(perfect))
    assert "weakest" not in words
    assert "in 100.0 % of cases" in words


def test_rare_categories_and_reviews_are_told() -> None:
    words = _words(full())
    assert "1 category has fewer than 20 rows to learn from." in words
    assert "What was done about rare categories" in words
    assert "go to review, and" in words
    assert _words(judgement(answers(1))).startswith("On 1 product that")
