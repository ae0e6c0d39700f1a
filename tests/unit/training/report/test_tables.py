import numpy as np
import polars as pl
import pytest

from aisle.training.metrics import summarise
from aisle.training.report.judgement import PredictionSets
from aisle.training.report.tables import report_tables
from tests.unit.training.report.judgements import CODES, answers, component, full, gold_rows, judgement

NAMES = [
    "scores",
    "classes",
    "confusion",
    "calibration",
    "coverage",
    "slices",
    "worst_errors",
    "components",
    "trials",
    "n_grams",
]


def _figures(table: pl.DataFrame) -> dict[str, dict[str, float]]:
    return {row["figure"]: row for row in table.iter_rows(named=True)}


def test_all_tables_are_there_for_a_model_of_which_little_is_known() -> None:
    tables = report_tables(judgement())
    assert list(tables) == NAMES
    assert [name for name, table in tables.items() if not table.height] == ["components", "trials", "n_grams"]


def test_the_same_judgement_gives_the_same_tables() -> None:
    one, two = report_tables(full()), report_tables(full())
    assert all(one[name].equals(two[name]) for name in NAMES)


def test_scores_are_those_of_the_bundle() -> None:
    made = full()
    figures = _figures(report_tables(made)["scores"])
    summary = summarise(made.gold, seed=made.seed)
    for name in ("weighted_f1", "macro_f1", "accuracy"):
        assert {part: figures[name][part] for part in ("value", "low", "high")} == summary[name]
    for name in ("log_loss", "calibration_error", "mean_confidence"):
        assert figures[name]["value"] == summary[name]
    assert figures["baseline_weighted_f1"]["value"] == summary["baseline"]["weighted_f1"]
    assert 0 < figures["calibration_error_by_chance"]["value"] < figures["calibration_error_by_chance"]["high"]


def test_the_surest_nine_tenths_have_a_figure() -> None:
    made = judgement()
    confidence = made.gold.probabilities.max(axis=1)
    surest = np.argsort(-confidence, kind="stable")[:180]
    hits = np.array(made.gold.correct) == np.array(made.gold.predicted)
    assert _figures(report_tables(made)["scores"])["accuracy_of_surest"]["value"] == pytest.approx(hits[surest].mean())


def test_sets_and_thresholds_count_where_there_are_any() -> None:
    assert not {"set_size", "review_share"} & set(_figures(report_tables(judgement())["scores"]))
    made = judgement(sets=PredictionSets(0.9, 0.92, 1.5), thresholds={"40": 1.1, "50": 0.0})
    figures = _figures(report_tables(made)["scores"])
    assert figures["set_coverage"]["low"] < 0.92 < figures["set_coverage"]["high"]
    answered = np.array(made.gold.predicted)
    assert figures["review_share"]["value"] == pytest.approx((answered == "40").mean())
    hits = np.array(made.gold.correct) == answered
    assert figures["accuracy_without_review"]["value"] == pytest.approx(hits[answered != "40"].mean())


def test_where_everything_is_reviewed_nothing_is_said_of_the_rest() -> None:
    figures = _figures(report_tables(judgement(thresholds=dict.fromkeys(CODES, 2.0)))["scores"])
    assert figures["review_share"]["value"] == 1.0
    assert "accuracy_without_review" not in figures


def test_a_category_without_gold_rows_is_not_judged() -> None:
    scores = answers(100, CODES[:3])
    wider = type(scores)(
        scores.ids,
        scores.correct,
        ("2583", *scores.predicted[1:]),
        CODES,
        np.pad(scores.probabilities, ((0, 0), (0, 1))),
    )
    classes = report_tables(judgement(wider))["classes"]
    assert classes["code"].to_list() == list(CODES)
    absent = classes.row(3, named=True)
    assert absent["rows"] == 0
    assert [absent[name] for name in ("precision", "recall", "f1", "f1_low", "f1_high")] == [None] * 5
    assert classes["f1"].null_count() == 1


def test_classes_tell_what_is_known_of_each() -> None:
    classes = report_tables(full())["classes"]
    last = classes.row(3, named=True)
    assert (last["category"], last["training_rows"], last["threshold"]) == ("Pools", 10, 0.5)
    assert last["rare"] == "kept, with smoothed weights"
    assert (classes["f1_low"] <= classes["f1"]).all()
    assert (classes["f1"] <= classes["f1_high"]).all()
    assert classes["rows"].sum() == 200


def test_confusion_adds_up() -> None:
    table = report_tables(judgement())["confusion"]
    assert table["rows"].sum() == 200
    assert table.group_by("correct").agg(pl.col("share").sum())["share"].to_list() == pytest.approx([1.0] * 4)


def test_the_worst_errors_are_the_surest_wrong_answers() -> None:
    scores = answers(600, right=0.4)
    made = judgement(scores, gold_rows(scores, brand=[f"brand {row}" for row in range(600)]))
    table = report_tables(made)["worst_errors"]
    assert table.height == 100
    wrong = np.array(scores.correct) != np.array(scores.predicted)
    confidence = scores.probabilities.max(axis=1)
    assert table["confidence"].to_list() == pytest.approx(sorted(confidence[wrong], reverse=True)[:100])
    for row in table.head(5).iter_rows(named=True):
        place = row["row"]
        assert row["id"] == scores.ids[place]
        assert row["title"] == f"Product number {place}"
        assert row["brand"] == f"brand {place}"
        assert (row["correct"], row["answered"]) == (scores.correct[place], scores.predicted[place])
        assert row["correct_probability"] == pytest.approx(scores.probabilities[place, CODES.index(row["correct"])])


def test_a_model_without_errors_has_no_worst_ones() -> None:
    scores = answers(30)
    truth = type(scores)(scores.ids, scores.predicted, scores.predicted, CODES, scores.probabilities)
    table = report_tables(judgement(truth))["worst_errors"]
    assert table.height == 0
    assert "correct_name" in table.columns


def test_components_and_n_grams_are_listed_in_order() -> None:
    tables = report_tables(full())
    assert tables["components"]["weighted_f1"].to_list() == [0.7, 0.69, 0.4]
    assert tables["components"]["bytes"].to_list() == [4_000_000, None, None]
    assert tables["n_grams"].rows() == [("2583", 1, "piscine", 3.0), ("40", 1, "import", 2.5), ("40", 2, "jap", 1.25)]
    assert report_tables(judgement(components=[component("one")]))["components"].height == 1


def test_trials_of_any_shape_become_a_table() -> None:
    trials = [
        {"id": "a", "score": 1, "won": True, "options": {"b": 2, "a": [1]}, "empty": None},
        {"id": 7, "score": 0.5, "late": 3},
    ]
    table = report_tables(judgement(trials=trials))["trials"]
    assert table.rows() == [("a", 1.0, True, '{"a":[1],"b":2}', None, None), ("7", 0.5, None, None, None, 3)]
