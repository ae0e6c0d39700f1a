"""Gold rows: what the gate is shown is what the bundle answers now, and what it costs."""

import pytest

from aisle.catalog import snapshot as snapshots
from aisle.errors import SnapshotError, TrainingError
from aisle.models.bundle import Bundle
from aisle.pipeline.context import Context
from aisle.pipeline.gold import find_gold, judge_alone, judge_both
from aisle.pipeline.timing import ROUNDS
from aisle.training.evaluate import gold_rows
from aisle.training.rows import products


def test_scores_are_the_bundles_own_answers_to_the_gold_rows(context: Context, champion: Bundle):
    digest = snapshots.latest(context.database)
    rows, images = find_gold(context, digest)
    assert rows.equals(gold_rows(snapshots.read(context.artifacts, digest), context.settings.training))
    scores = judge_alone(champion, rows, images).for_gate()
    assert scores.ids == tuple(f"shop/train/{identity}" for identity in rows["id"])
    assert scores.correct == tuple(rows["label"])
    assert scores.predicted == tuple(answer.code for answer in champion.predict(products(rows), top=1))
    assert scores.size_bytes == champion.size_bytes > 1_000
    assert scores.seconds_per_product == (), "alone there is nothing to be timed beside"
    with pytest.raises(TrainingError, match="no labelled row"):
        judge_alone(champion, rows.clear())


def test_two_are_timed_beside_each_other(context: Context, champion: Bundle):
    other = context.bundle(context.ledger.model(2).bundle)
    rows, images = find_gold(context, snapshots.latest(context.database))
    one, two = judge_both(other, champion, rows, images)
    assert one.answers.ids == two.answers.ids
    assert (one.size_bytes, two.size_bytes) == (other.size_bytes, champion.size_bytes)
    for judged in (one, two):
        assert len(judged.for_gate().seconds_per_product) == ROUNDS
        assert all(0 < seconds < 1 for seconds in judged.seconds_per_product)


def test_a_snapshot_that_is_none_has_no_gold_rows(context: Context):
    with pytest.raises(SnapshotError, match="no snapshot"):
        find_gold(context, "0" * 64)
