"""What bundles answer on a snapshot's gold rows now, and what they cost, for the gate and for people."""

from dataclasses import dataclass

import polars as pl

from aisle.catalog import snapshot as snapshots
from aisle.models.bundle import Bundle
from aisle.pipeline.context import Context
from aisle.pipeline.stored_images import StoredImages
from aisle.pipeline.timing import time_in_turns, timing_products
from aisle.registry import gate
from aisle.training.evaluate import evaluate, gold_rows
from aisle.training.metrics import Scores
from aisle.training.rows import ImageReader


@dataclass(frozen=True)
class Judged:
    """One bundle on gold rows.

    Args:
        answers: What it answered.
        size_bytes: Its size.
        seconds_per_product: Seconds that a product took in each round beside another bundle; empty where it stood alone.
    """

    answers: Scores
    size_bytes: int
    seconds_per_product: tuple[float, ...] = ()

    def for_gate(self) -> gate.Scores:
        """Return what of it the gate looks at."""
        answers = self.answers
        return gate.Scores(answers.ids, answers.correct, answers.predicted, self.size_bytes, self.seconds_per_product)


def find_gold(context: Context, snapshot: str) -> tuple[pl.DataFrame, StoredImages]:
    """Return a snapshot's gold rows, and what gives them their images.

    Args:
        context: What steps work with.
        snapshot: The snapshot's digest.

    Raises:
        SnapshotError: There is no such snapshot, or it is damaged.
    """
    rows = gold_rows(snapshots.read(context.artifacts, snapshot), context.settings.training)
    known = snapshots.describe(context.artifacts, snapshot)
    return rows, StoredImages(context.images, known, context.settings.objects.concurrency)


def judge_alone(bundle: Bundle, rows: pl.DataFrame, images: ImageReader | None = None) -> Judged:
    """Let a bundle answer gold rows.

    Args:
        bundle: What is judged.
        rows: Gold rows of a snapshot.
        images: Gives their images, where the bundle looks at them.

    Raises:
        TrainingError: No row has a label.
    """
    return Judged(evaluate(bundle, rows, images), bundle.size_bytes)


def judge_both(
    challenger: Bundle, champion: Bundle, rows: pl.DataFrame, images: ImageReader | None = None
) -> tuple[Judged, Judged]:
    """Let two bundles answer the same gold rows, and time them beside each other.

    Args:
        challenger: One bundle.
        champion: The other.
        rows: Gold rows of a snapshot.
        images: Gives their images, where either looks at them.

    Raises:
        TrainingError: No row has a label.
    """
    first, second = (evaluate(bundle, rows, images) for bundle in (challenger, champion))
    reader = images if "image" in {*challenger.modalities, *champion.modalities} else None
    times = time_in_turns(challenger, champion, timing_products(rows, reader))
    return Judged(first, challenger.size_bytes, times[0]), Judged(second, champion.size_bytes, times[1])
