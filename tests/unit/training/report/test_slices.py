import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from aisle.training.report.slices import SCHEMA, slice_table
from tests.unit.training.report.judgements import CODES, answers, gold_rows, judgement

SCORES = answers(120, right=0.6)


def _rows(table, name: str) -> dict[str, int]:
    return dict(table.filter(slice=name).select("value", "rows").iter_rows())


def test_each_slice_is_scored_on_its_own_rows() -> None:
    images = ["a" * 64 if row % 3 else None for row in range(120)]
    table = slice_table(judgement(SCORES, gold_rows(SCORES, image_sha256=images)))
    assert dict(table.schema) == {name: kind() for name, kind in SCHEMA.items()}
    assert _rows(table, "Image") == {"given": 80, "missing": 40}
    found = table.filter(slice="Image", value="missing").row(0, named=True)
    correct, predicted = np.array(SCORES.correct)[::3], np.array(SCORES.predicted)[::3]
    assert found["accuracy"] == pytest.approx(accuracy_score(correct, predicted))
    assert found["weighted_f1"] == pytest.approx(f1_score(correct, predicted, average="weighted"))
    assert found["confidence"] == pytest.approx(SCORES.probabilities.max(axis=1)[::3].mean())
    assert found["share"] == pytest.approx(1 / 3)
    assert found["accuracy_low"] < found["accuracy"] < found["accuracy_high"]
    assert found["f1_low"] < found["weighted_f1"] < found["f1_high"]


def test_blank_texts_count_as_missing() -> None:
    texts = ["Une belle description", "", "   ", None] * 30
    table = slice_table(judgement(SCORES, gold_rows(SCORES, description=texts, title=[None] * 120)))
    assert _rows(table, "Description") == {"given": 30, "missing": 90}
    assert _rows(table, "Title") == {"up to 40 characters": 120}
    assert _rows(table, "Language") == {"French": 30, "not told": 90}


def test_brands_are_looked_at_where_any_row_has_one() -> None:
    assert _rows(slice_table(judgement(SCORES)), "Brand") == {}
    branded = gold_rows(SCORES, brand=["Acme"] + [None] * 119)
    assert _rows(slice_table(judgement(SCORES, branded)), "Brand") == {"given": 1, "missing": 119}


def test_titles_are_parted_by_their_length() -> None:
    titles = ["x" * 40, "x" * 41, "x" * 80, "x" * 81] * 30
    table = slice_table(judgement(SCORES, gold_rows(SCORES, title=titles)))
    assert _rows(table, "Title") == {
        "up to 40 characters": 30,
        "41 to 80 characters": 60,
        "more than 80 characters": 30,
    }


def test_rare_categories_are_told_by_their_training_rows() -> None:
    assert _rows(slice_table(judgement(SCORES)), "Category") == {}
    table = slice_table(judgement(SCORES, training_rows={"40": 19, "50": 20, "60": 300}))
    rare = sum(code in {"40", "2583"} for code in SCORES.correct)
    assert _rows(table, "Category") == {"under 20 training rows": rare, "20 training rows or more": 120 - rare}


def test_categories_that_the_model_does_not_know_are_a_slice() -> None:
    scores = answers(60)
    foreign = type(scores)(scores.ids, ("new", *scores.correct[1:]), scores.predicted, CODES, scores.probabilities)
    table = slice_table(judgement(foreign))
    assert table.filter(slice="Category", value="unknown to the model")["accuracy"].to_list() == [0.0]


def test_sellers_are_new_where_training_saw_nothing_of_them() -> None:
    sources = ["old shop", "new shop"] * 60
    rows = gold_rows(SCORES, source=sources)
    assert _rows(slice_table(judgement(SCORES, rows)), "Seller") == {}
    table = slice_table(judgement(SCORES, rows, training_sources=frozenset({"old shop", "gone"})))
    assert _rows(table, "Seller") == {"known": 60, "new": 60}
    assert _rows(table, "Source") == {"new shop": 60, "old shop": 60}
