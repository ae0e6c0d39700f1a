"""What bundles answer on a snapshot's gold rows now, as the gate wants to see it."""

import polars as pl

from aisle.models.bundle import Bundle
from aisle.registry.gate import Scores
from aisle.training.evaluate import evaluate


def score_on_gold(bundle: Bundle, rows: pl.DataFrame) -> Scores:
    """Return a bundle's answers on gold rows, and its size.

    Args:
        bundle: What is judged.
        rows: Gold rows of a snapshot.

    Raises:
        TrainingError: No row has a label.
    """
    answers = evaluate(bundle, rows)
    return Scores(answers.ids, answers.correct, answers.predicted, size_bytes=bundle.size_bytes)
