"""One look at one window: everything that is measured of it, judged by the policy."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.models.reference import ColumnReference, Reference
from aisle.monitoring.drift import ColumnDrift, column_drift, domain_values
from aisle.monitoring.numbers import NumberState
from aisle.monitoring.performance import STRATA, performance_values, strata_of
from aisle.monitoring.policy import Policy, judged
from aisle.monitoring.quality import quality_values
from aisle.monitoring.records import ALL, MonitorValue, RunState
from aisle.monitoring.table import TableState
from aisle.monitoring.window import SAMPLE, Window, watched

ANSWERS = ("predicted", "confidence")
"""Columns that are about a model's answers: those of another model are not held against them."""

_LABEL = "label"
_EXAMPLES = 24
_SEVERITY = {"ok": 0, "unknown": 0, "watch": 1, "act": 2}


@dataclass
class Gathered:
    """What is kept of a window's answers as they go by.

    Args:
        state: Their columns.
        strata: Answers in each stratum of confidence.
        titles: Marks of a sample of the titles.
        sketches: Sketches of a sample of the images.
        examples: The least sure answers.
    """

    state: TableState
    strata: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(STRATA)))
    titles: list[str] = field(default_factory=list)
    sketches: list[str] = field(default_factory=list)
    examples: pl.DataFrame | None = None


@dataclass(frozen=True)
class Look:
    """What was seen in a window.

    Args:
        state: What the policy makes of it all.
        reasons: Why, as sentences, the gravest first.
        values: Every value.
        drifts: Each column beside the reference.
        examples: The least sure answers of the window.
    """

    state: RunState
    reasons: tuple[str, ...]
    values: tuple[MonitorValue, ...]
    drifts: tuple[ColumnDrift, ...]
    examples: pl.DataFrame

    def asks(self, policy: Policy) -> tuple[str, ...]:
        """Return the reasons that a retraining would be asked for; none where it would not be."""
        asking = [
            value
            for value in self.values
            if value.state == "act" and value.family in policy.retrain.families and value.m >= policy.retrain.minimum_rows
        ]
        return tuple(reason_for(value) for value in _gravest(asking))


def gather(batches: Iterable[pl.DataFrame], reference: Reference, rows: int) -> Gathered:
    """Take a window's answers in, batch by batch.

    Args:
        batches: Rows of the prediction log.
        reference: What they are held against.
        rows: How many there will be.
    """
    columns = {name: column for name, column in reference.columns.items() if name != _LABEL}
    gathered = Gathered(TableState(columns, "predicted"))
    every, seen = max(1, -(-rows // SAMPLE)), 0
    for batch in batches:
        gathered.state.update(watched(batch))
        gathered.strata += strata_of(batch["confidence"].to_numpy())
        some = batch[np.arange((-seen) % every, batch.height, every)]
        gathered.titles += some["title_marks"].drop_nulls().to_list()
        # Images are looked at by a budget: there are fewer of them, and each is wanted.
        room = SAMPLE - len(gathered.sketches)
        gathered.sketches += batch["image_sketch"].drop_nulls().head(room).to_list()
        doubtful = batch.bottom_k(_EXAMPLES, by="confidence")
        kept = doubtful if gathered.examples is None else pl.concat([gathered.examples, doubtful])
        gathered.examples = kept.bottom_k(_EXAMPLES, by="confidence")
        seen += batch.height
    return gathered


def look(
    gathered: Gathered,
    reference: Reference,
    policy: Policy,
    *,
    window: Window,
    said: pl.DataFrame,
    ages: Mapping[str, datetime],
    now: datetime,
    application: Sequence[MonitorValue] = (),
    foreign: bool = False,
) -> Look:
    """Measure and judge a window.

    Args:
        gathered: Its answers.
        reference: What they are held against.
        policy: Gives the states.
        window: Which answers they are.
        said: What people said of them.
        ages: Since when there are the model and its data.
        now: The moment.
        application: How the server does, if it was looked at.
        foreign: Whether other models than the reference's gave answers: then those are not held against it.
    """
    alpha = policy.false_alarms / count_of_tests(reference, policy)
    drifts = tuple(
        _drift(name, column, gathered.state, alpha, policy, foreign=foreign)
        for name, column in gathered.state.references.items()
    )
    values = [value for drift in drifts for value in drift.values]
    values += [
        judged(value, policy)
        for value in domain_values(gathered.titles, gathered.sketches, reference.marks, reference.sketches, alpha)
    ]
    quality = quality_values(gathered.state, policy, alpha)
    values += [_unjudged(value) if foreign and value.column in ANSWERS else value for value in quality]
    values += _counts(window)
    column = gathered.state.columns.get("confidence")
    mean = column.mean if isinstance(column, NumberState) else 0.0
    if not foreign:
        answered = gathered.strata, mean, gathered.state.rows
        values += performance_values(reference, answered, said, ages, now, policy, alpha)
    values += application
    wrong = _gravest([value for value in values if _SEVERITY[value.state]])
    state: RunState = "ok" if not wrong else "act" if wrong[0].state == "act" else "watch"
    examples = gathered.examples if gathered.examples is not None else pl.DataFrame()
    return Look(state, tuple(map(reason_for, wrong)), tuple(values), drifts, examples)


def count_of_tests(reference: Reference, policy: Policy) -> int:
    """Return how many values may alarm by chance: the false alarms that are put up with are shared among them.

    Args:
        reference: What windows are held against.
        policy: Which values are judged.
    """
    tests = 0
    for name, column in reference.columns.items():
        if name == _LABEL:
            continue
        ratios = ("null_ratio", "outlier_ratio" if hasattr(column, "fences") else "unseen_ratio")
        tests += sum(policy.rule("quality", name, measure) is not None for measure in ratios)
        tests += sum(policy.rule("drift", name, measure) is not None for measure in ("psi", "kl", "js", "wasserstein"))
    tests += sum(policy.rule("drift", name, by) is not None for name in ("title_words", "image") for by in ("auc", "mmd"))
    tests += sum(policy.rule("performance", ALL, name) is not None for name in ("accuracy", "estimated_accuracy"))
    return max(tests, 1)


_WORDS = {
    "psi": "PSI",
    "kl": "KL",
    "js": "JS distance",
    "wasserstein": "Wasserstein distance",
    "auc": "AUC of telling it from the reference",
    "mmd": "squared MMD",
}


def reason_for(value: MonitorValue) -> str:
    """Return why a value is not well, as a sentence.

    Args:
        value: A value with a figure.

    >>> reason_for(MonitorValue("drift", "language", "psi", 0.31, 9000, 640, "act", null_high=0.04, threshold=0.05))
    'language: PSI is 0.31 in 640 rows; 0.05 is the limit, and up to 0.04 would be chance.'
    """
    name = _WORDS.get(value.measure, value.measure.replace("_", " "))
    about = "" if value.column == ALL else f"{value.column}: "
    told = f"{about}{name} is {value.value:.3g} in {value.m:,} rows"
    limit = [] if value.threshold is None else [f"{value.threshold:g} is the limit"]
    if value.null_high is not None and value.value is not None and value.value > value.null_high:
        limit.append(f"up to {value.null_high:.3g} would be chance")
    elif value.null_low is not None and value.value is not None and value.value < value.null_low:
        limit.append(f"down to {value.null_low:.3g} would be chance")
    more = f" ({value.note})" if value.note else ""
    return f"{told}; {', and '.join(limit)}{more}." if limit else f"{told}{more}."


def _drift(
    name: str, column: ColumnReference, state: TableState, alpha: float, policy: Policy, *, foreign: bool
) -> ColumnDrift:
    found = column_drift(name, column, state.columns.get(name), alpha)
    settle: Any = _unjudged if foreign and name in ANSWERS else lambda value: judged(value, policy)
    return ColumnDrift(name, found.bins, found.reference, found.window, tuple(map(settle, found.values)))


def _unjudged(value: MonitorValue) -> MonitorValue:
    return replace(value, state="unknown", note="another model gave these answers")


def _counts(window: Window) -> list[MonitorValue]:
    counts = {"other_versions": window.other_versions, "ahead_of_time": window.ahead}
    return [MonitorValue("quality", ALL, name, float(count), 0, window.rows) for name, count in counts.items()]


def _gravest(values: Sequence[MonitorValue]) -> list[MonitorValue]:
    """Return values, those to be acted on first, then by how far they are over their limit."""

    def rank(value: MonitorValue) -> tuple[int, float]:
        over = abs(value.value or 0.0) / value.threshold if value.threshold else 0.0
        return -_SEVERITY[value.state], -over

    return sorted(values, key=rank)
