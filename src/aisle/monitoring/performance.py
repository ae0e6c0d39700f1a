"""How right the answers are: by what people said of some of them, and by confidence where nobody said anything.

People look at some answers and not at others, and most at doubtful ones. So answers are laid in strata by their
confidence, and what was said counts as much as its stratum has answers (post-stratification; Cochran, 1977).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri
from sqlalchemy import and_, select

from aisle.models.reference import Reference
from aisle.monitoring.policy import Policy, judged
from aisle.monitoring.quality import ratio_band
from aisle.monitoring.records import ALL, MonitorValue
from aisle.monitoring.window import Window
from aisle.storage.database import Database
from aisle.storage.schema import feedback, predictions

STRATA = np.array([0.0, 0.5, 0.7, 0.85, 0.95, 0.99])
"""Least confidence of each stratum."""

_OF_A_CATEGORY = 10
_95 = float(ndtri(0.975))

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How often answers are right.

    Args:
        value: The share.
        low: Lower end of its 95 % interval.
        high: Upper end.
        rows: Answers that somebody said something of.
        worth: How many drawn evenly would tell as much.
    """

    value: float
    low: float
    high: float
    rows: int
    worth: float


class Said:
    """What people said of the answers of a window.

    Args:
        database: Where feedback and predictions lie.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, window: Window) -> pl.DataFrame:
        """Return the last word on each answer of a window: `code`, `predicted` and `confidence`."""
        said, answers = feedback.c, predictions.c
        about = and_(said.request_id == answers.request_id, said.position == answers.position)
        of_version = [] if window.version is None else [answers.version == window.version]
        query = (
            select(answers.id, said.code, answers.code.label("predicted"), answers.confidence)
            .join_from(feedback, predictions, about)
            .where(answers.id.between(window.first, window.last), *of_version)
            .order_by(said.id)
        )
        with self._database.reading() as connection:
            last = {row.id: (row.code, row.predicted, row.confidence) for row in connection.execute(query)}
        schema = {"code": pl.String, "predicted": pl.String, "confidence": pl.Float64}
        return pl.DataFrame(list(last.values()), schema=schema, orient="row")


def weighted_accuracy(hits: NDArray[np.bool_], confidence: Floats, answers: Floats) -> Accuracy | None:
    """Return how often all answers are right, from those that somebody looked at; nothing where nobody did.

    Args:
        hits: Whether each answer that was looked at is right.
        confidence: Its confidence.
        answers: Answers of the window in each stratum.
    """
    if not len(hits):
        return None
    stratum = np.searchsorted(STRATA, confidence, side="right") - 1
    looked = np.bincount(stratum, minlength=len(STRATA)).astype(np.float64)
    right = np.bincount(stratum, weights=hits, minlength=len(STRATA))
    # A stratum that nobody looked into is told by its neighbour: the less sure one, if there is one.
    shares = _handed_on(answers, looked > 0)
    shares = shares / shares.sum() if shares.sum() else looked / looked.sum()
    held = looked > 0
    # Half a hit and half a miss are added to each stratum's spread, so that three hits in three are not certainty.
    rate, safe = right[held] / looked[held], (right[held] + 0.5) / (looked[held] + 1)
    value = float(np.dot(shares[held], rate))
    variance = float(np.dot(shares[held] ** 2, safe * (1 - safe) / looked[held]))
    middle = min(max(value, 0.5 / len(hits)), 1 - 0.5 / len(hits))
    worth = float(min(middle * (1 - middle) / variance, len(hits))) if variance else float(len(hits))
    low, high = _wilson(value, worth)
    return Accuracy(value, low, high, len(hits), worth)


def performance_values(
    reference: Reference,
    confidence: tuple[Floats, float, int],
    said: pl.DataFrame,
    ages: Mapping[str, datetime],
    now: datetime,
    policy: Policy,
    alpha: float,
) -> list[MonitorValue]:
    """Return how right a window's answers are, and how old the model and its data.

    Args:
        reference: How the model did on rows that it had not learnt from.
        confidence: Of the window: answers in each stratum, the mean confidence, and how many answers there are.
        said: What people said, as `Said.of` returns it.
        ages: Since when there is what: `model_age_seconds` and `data_age_seconds`.
        now: The moment.
        policy: Gives the states.
        alpha: Probability with which one value may lie outside of its null band though nothing has changed.
    """
    values = [
        judged(MonitorValue("performance", ALL, name, max(0.0, (now - since).total_seconds())), policy)
        for name, since in ages.items()
    ]
    strata, mean, rows = confidence
    gold, gold_rows = reference.judged.get("accuracy"), int(reference.judged.get("rows", 0))
    if gold is not None and rows:
        values.append(judged(_estimated(reference, gold, gold_rows, mean, rows, alpha), policy, expected=gold))
    hits = (said["code"] == said["predicted"]).to_numpy()
    values.append(MonitorValue("performance", ALL, "feedback_rows", float(len(hits)), 0, rows))
    found = weighted_accuracy(hits, said["confidence"].to_numpy(), strata)
    if found is None:
        note = "nobody has said anything of these answers"
        return [*values, MonitorValue("performance", ALL, "accuracy", None, gold_rows, 0, "unknown", note=note)]
    low, _ = ratio_band(gold or 0.0, gold_rows, max(1, int(found.worth)), alpha)
    measured = MonitorValue(
        "performance", ALL, "accuracy", found.value, gold_rows, found.rows, low=found.low, high=found.high, null_low=low,
        null_high=1.0,
    )  # fmt: skip
    return [*values, judged(measured, policy, expected=gold), *_by_category(said, hits)]


def strata_of(confidence: Floats) -> Floats:
    """Return how many answers lie in each stratum.

    Args:
        confidence: Each answer's confidence.
    """
    counts = np.bincount(np.searchsorted(STRATA, confidence, side="right") - 1, minlength=len(STRATA))
    return counts.astype(np.float64)


def _estimated(reference: Reference, gold: float, gold_rows: int, mean: float, rows: int, alpha: float) -> MonitorValue:
    """Return how often answers are right if confidence is as well calibrated as on the gold rows."""
    value = min(1.0, max(0.0, mean + gold - reference.judged["confidence"]))
    column = reference.columns.get("confidence")
    spread = getattr(column, "deviation", 0.5) or 0.5
    wander = spread * float(np.sqrt(1 / gold_rows + 1 / rows))
    unsure = float(np.sqrt(gold * (1 - gold) / gold_rows + spread**2 / rows))
    z = float(ndtri(1 - alpha))
    return MonitorValue(
        "performance",
        ALL,
        "estimated_accuracy",
        value,
        gold_rows,
        rows,
        low=max(0.0, value - _95 * unsure),
        high=min(1.0, value + _95 * unsure),
        null_low=gold - z * wander,
        null_high=1.0,
    )


def _by_category(said: pl.DataFrame, hits: NDArray[np.bool_]) -> list[MonitorValue]:
    counted = (
        said.with_columns(hit=pl.Series(hits))
        .group_by("code")
        .agg(pl.len().alias("rows"), pl.col("hit").sum().alias("right"))
        .filter(pl.col("rows") >= _OF_A_CATEGORY)
        .sort("code")
    )
    values = []
    for code, rows, right in counted.iter_rows():
        low, high = _wilson(right / rows, rows)
        values.append(MonitorValue("performance", code, "recall", right / rows, 0, rows, low=low, high=high))
    return values


def _handed_on(answers: Floats, held: NDArray[np.bool_]) -> Floats:
    shares, places = np.zeros(len(answers)), np.flatnonzero(held)
    for stratum, count in enumerate(answers):
        below = places[places <= stratum]
        shares[below[-1] if len(below) else places[0]] += count
    return shares


def _wilson(share: float, rows: float) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, 1927)."""
    square = _95**2
    middle = (share + square / (2 * rows)) / (1 + square / rows)
    half = _95 / (1 + square / rows) * float(np.sqrt(share * (1 - share) / rows + square / (4 * rows**2)))
    return max(0.0, middle - half), min(1.0, middle + half)
