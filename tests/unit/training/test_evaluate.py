import numpy as np
import polars as pl
import pytest

from aisle.errors import TrainingError
from aisle.models.bundle import Bundle
from aisle.settings import Training
from aisle.training.evaluate import evaluate, gold_rows
from aisle.training.rows import products
from aisle.training.split import split_rows
from tests.unit.training.frames import catalogue, frame


def test_gold_rows_are_those_of_the_split(rows: pl.DataFrame, options: Training) -> None:
    labelled = rows.filter(pl.col("label").is_not_null())
    parts = split_rows(labelled, gold_share=0.2, validation_share=0.2, seed=options.seed)
    gold = gold_rows(rows, options)
    assert set(gold["id"]) == set(labelled.filter(pl.Series(parts == "gold"))["id"])
    assert gold["label"].null_count() == 0


def test_gold_rows_do_not_depend_on_the_validation_share(rows: pl.DataFrame, options: Training) -> None:
    other = options.model_copy(update={"validation_share": 0.4})
    assert gold_rows(rows, other).equals(gold_rows(rows, options))


def test_without_labels_there_are_no_gold_rows(options: Training) -> None:
    assert gold_rows(frame(["a", "b"], [None, None]), options).height == 0


def test_scores_are_the_bundles_answers_row_by_row(bundle: Bundle, rows: pl.DataFrame, options: Training) -> None:
    gold = gold_rows(rows, options)
    scores = evaluate(bundle, gold)
    predictions = bundle.predict(products(gold))
    assert scores.ids == tuple(f"shop/train/{key}" for key in gold["id"])
    assert scores.correct == tuple(gold["label"])
    assert scores.predicted == tuple(prediction.code for prediction in predictions)
    assert scores.codes == tuple(bundle.categories)
    assert np.array_equal(scores.probabilities.max(axis=1), [np.float32(p.confidence) for p in predictions])


def test_the_rows_come_in_one_order_for_everybody(bundle: Bundle, rows: pl.DataFrame, options: Training) -> None:
    gold = gold_rows(rows, options)
    shuffled = gold.sample(fraction=1, shuffle=True, seed=1)
    first, second = evaluate(bundle, gold), evaluate(bundle, shuffled)
    assert first.ids == second.ids
    assert first.predicted == second.predicted


def test_more_rows_than_go_at_once_are_all_judged(bundle: Bundle) -> None:
    many = catalogue(10_500, noise=0)
    scores = evaluate(bundle, many)
    assert len(scores.predicted) == len(scores.probabilities) == 10_500
    assert np.mean([a == b for a, b in zip(scores.correct, scores.predicted, strict=True)]) > 0.95


def test_nothing_to_judge_by_is_refused(bundle: Bundle) -> None:
    with pytest.raises(TrainingError, match="no labelled row"):
        evaluate(bundle, frame(["a"], [None]))
