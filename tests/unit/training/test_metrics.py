import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_recall_fscore_support

from aisle.training.metrics import Scores, class_figures, summarise

CODES = ("10", "50", "60", "2583")


def _scores(rows: int = 400, seed: int = 0, right: float = 0.7) -> Scores:
    generator = np.random.default_rng(seed)
    truth = generator.choice(4, rows, p=[0.5, 0.3, 0.15, 0.05])
    logits = generator.normal(size=(rows, 4))
    logits[np.arange(rows), truth] += 3 * (generator.random(rows) < right)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Scores(
        ids=tuple(f"shop/train/{row}" for row in range(rows)),
        correct=tuple(CODES[place] for place in truth),
        predicted=tuple(CODES[place] for place in probabilities.argmax(axis=1)),
        codes=CODES,
        probabilities=probabilities.astype(np.float32),
    )


def test_figures_are_scikit_learns() -> None:
    scores = _scores()
    found = summarise(scores, seed=1)
    assert found["rows"] == 400
    assert found["weighted_f1"]["value"] == pytest.approx(f1_score(scores.correct, scores.predicted, average="weighted"))
    assert found["macro_f1"]["value"] == pytest.approx(f1_score(scores.correct, scores.predicted, average="macro"))
    assert found["accuracy"]["value"] == pytest.approx(accuracy_score(scores.correct, scores.predicted))
    order = [CODES.index(code) for code in sorted(CODES)]
    theirs = log_loss(scores.correct, scores.probabilities[:, order], labels=sorted(CODES))
    assert found["log_loss"] == pytest.approx(theirs, rel=1e-5)
    assert found["mean_confidence"] == pytest.approx(scores.probabilities.max(axis=1).mean())


answers = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abce")), min_size=1, max_size=40)


@given(answers)
def test_each_class_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    correct, predicted = zip(*pairs, strict=True)
    found = class_figures(correct, predicted)
    labels = sorted({*correct, *predicted})
    theirs = precision_recall_fscore_support(correct, predicted, labels=labels, zero_division=0)
    assert list(found) == labels
    for place, label in enumerate(labels):
        ours = [found[label][name] for name in ("precision", "recall", "f1", "support")]
        assert ours == pytest.approx([column[place] for column in theirs])


def test_intervals_hold_their_value_and_shrink_with_rows() -> None:
    few, many = (summarise(_scores(rows), seed=1) for rows in (100, 6_400))
    for name in ("weighted_f1", "macro_f1", "accuracy"):
        for found in (few, many):
            assert found[name]["low"] < found[name]["value"] < found[name]["high"]
        ratio = (few[name]["high"] - few[name]["low"]) / (many[name]["high"] - many[name]["low"])
        assert 4 < ratio < 16


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    truth = summarise(_scores(200_000, seed=99), seed=0)["accuracy"]["value"]
    held = [summarise(_scores(300, seed=seed), seed=seed)["accuracy"] for seed in range(100)]
    # Binomial with 100 tries at 0.95: under 88 comes less than once in 200.
    assert sum(figure["low"] <= truth <= figure["high"] for figure in held) >= 88


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second, other = (json.dumps(summarise(_scores(), seed=seed)) for seed in (1, 1, 2))
    assert first == second != other


def test_the_confusion_counts_every_row_once() -> None:
    scores = _scores()
    confusion = summarise(scores, seed=0)["confusion"]
    assert sum(entry["rows"] for entry in confusion) == 400
    hits = sum(entry["rows"] for entry in confusion if entry["correct"] == entry["predicted"])
    assert hits / 400 == summarise(scores, seed=0)["accuracy"]["value"]
    assert len({(entry["correct"], entry["predicted"]) for entry in confusion}) == len(confusion)


def test_the_baseline_is_what_the_commonest_answer_scores() -> None:
    scores = _scores()
    baseline = summarise(scores, seed=0)["baseline"]
    always = [baseline["code"]] * 400
    assert baseline["code"] == "10"
    assert baseline["accuracy"] == accuracy_score(scores.correct, always)
    assert baseline["weighted_f1"] == pytest.approx(f1_score(scores.correct, always, average="weighted"))


def test_a_category_that_the_model_cannot_answer_counts_as_wrong() -> None:
    scores = Scores(("1", "2"), ("10", "new"), ("10", "10"), ("10", "50"), np.array([[0.9, 0.1], [0.8, 0.2]], np.float32))
    found = summarise(scores, seed=0)
    assert found["unknown_rows"] == 1
    assert found["accuracy"]["value"] == 0.5
    assert found["per_class"]["new"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    assert found["log_loss"] == pytest.approx((-np.log(0.9) - np.log(1e-7)) / 2, rel=1e-5)
