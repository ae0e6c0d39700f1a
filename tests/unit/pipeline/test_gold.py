"""Gold rows: what the gate is shown is what the bundle answers now."""

import pytest

from aisle.catalog import snapshot as snapshots
from aisle.errors import TrainingError
from aisle.models.bundle import Bundle
from aisle.pipeline.context import Context
from aisle.pipeline.gold import score_on_gold
from aisle.training.evaluate import gold_rows
from aisle.training.rows import products


def test_scores_are_the_bundles_own_answers_to_the_gold_rows(context: Context, champion: Bundle):
    frame = snapshots.read(context.artifacts, snapshots.latest(context.database))
    rows = gold_rows(frame, context.settings.training)
    scores = score_on_gold(champion, rows)
    assert scores.ids == tuple(f"shop/train/{identity}" for identity in rows["id"])
    assert scores.correct == tuple(rows["label"])
    assert scores.predicted == tuple(answer.code for answer in champion.predict(products(rows), top=1))
    assert scores.size_bytes == champion.size_bytes > 1_000
    with pytest.raises(TrainingError, match="no labelled row"):
        score_on_gold(champion, rows.clear())
