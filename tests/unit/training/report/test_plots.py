from xml.etree import ElementTree

import numpy as np
import pytest

from aisle.training.metrics import Scores
from aisle.training.report.confusion_plot import MOST, confusion_plot
from aisle.training.report.plots import report_plots
from aisle.training.report.tables import report_tables
from tests.unit.training.report.judgements import CODES, answers, component, full, judgement

SVG = "{http://www.w3.org/2000/svg}"


def _texts(svg: bytes) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_full_judgement_has_all_plots_the_same_twice() -> None:
    plots = report_plots(full())
    assert list(plots) == ["classes", "confusion", "reliability", "coverage", "components", "search"]
    assert report_plots(full()) == plots


def test_without_components_and_search_there_are_four() -> None:
    assert list(report_plots(judgement())) == ["classes", "confusion", "reliability", "coverage"]


@pytest.mark.parametrize("trials", [[{"score": 0.5}], [{"finished_s": 1.0}], [{"finished_s": 1.0, "score": None}]])
def test_a_search_without_times_or_scores_is_not_drawn(trials: list[dict[str, object]]) -> None:
    assert "search" not in report_plots(judgement(trials=trials))


@pytest.mark.parametrize("rows", [1, 2, 10])
def test_few_rows_can_be_drawn(rows: int) -> None:
    plots = report_plots(judgement(answers(rows), components=[component("one")], trials=[{"finished_s": 0, "score": 0}]))
    assert len(plots) == 6


def test_confusion_shows_shares_of_the_correct_category() -> None:
    scores = Scores(
        tuple("0123456789"),
        ("40",) * 8 + ("50",) * 2,
        ("40",) * 6 + ("50",) * 4,
        ("40", "50"),
        np.full((10, 2), 0.5, np.float32),
    )
    made = judgement(scores)
    texts = _texts(confusion_plot(made, report_tables(made)["confusion"]))
    assert texts == [
        "75",
        "25",
        "100",
        "Imported games",
        "Imported games",
        "8",
        "Accessories",
        "Accessories",
        "2",
        *texts[-2:],
    ]


def test_of_many_categories_the_most_confused_are_shown() -> None:
    codes = tuple(f"GROUP {place // 9} > category {place:03}" for place in range(405))
    scores = answers(3_000, codes, right=0.9)
    plots = report_plots(judgement(scores, categories={}))
    names = [text for text in _texts(plots["confusion"]) if not text.replace(",", "").isdecimal()]
    assert names.count("all others") == 2
    assert len(names) == 2 * (MOST + 1) + 2
    assert len([text for text in _texts(plots["classes"]) if "category" in text]) == 40
    assert sum(map(len, plots.values())) < 200_000


def test_names_of_any_kind_are_drawn() -> None:
    names = dict(zip(CODES, ("<b>&", "$a_b$", "プール " * 20, "\ud800"), strict=True))
    texts = _texts(report_plots(judgement(categories=names))["classes"])
    assert {"<b>&", "$a_b$", "\ufffd"} <= set(texts)
    assert any("…" in text and text.startswith("プール") for text in texts)


def test_the_best_score_so_far_is_written() -> None:
    assert "0.6600" in _texts(report_plots(full())["search"])
