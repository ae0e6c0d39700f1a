"""Drift: how far each column of a window is from the reference, beside how far it would be if nothing had changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.models.reference import CategoryReference, ColumnReference, NumberReference
from aisle.monitoring.categories import CategoryState
from aisle.monitoring.discrepancy import Discrepancy, image_mmd, title_mmd
from aisle.monitoring.distances import (
    Floats,
    distances,
    null_bands,
    wasserstein_null,
    wasserstein_of_counts,
)
from aisle.monitoring.domain import DomainAuc, auc_null, image_auc, title_auc
from aisle.monitoring.numbers import NumberState, bucketed
from aisle.monitoring.records import MonitorValue
from aisle.monitoring.table import ColumnState

_FEWEST = 20
"""Rows of either side from which on a classifier is asked to tell them apart."""


@dataclass(frozen=True, eq=False)
class ColumnDrift:
    """One column of a window beside the reference.

    Args:
        column: Its name.
        bins: What the bins hold, in words.
        reference: The reference's rows in each.
        window: The window's.
        values: Its distances.
    """

    column: str
    bins: tuple[str, ...]
    reference: NDArray[Any]
    window: NDArray[Any]
    values: tuple[MonitorValue, ...]

    @property
    def psi(self) -> MonitorValue:
        """Its population stability index."""
        return self.values[0]


def column_drift(column: str, reference: ColumnReference, state: ColumnState | None, alpha: float) -> ColumnDrift:
    """Return how far a column has drifted; where that cannot be told, values without a figure that say why.

    Args:
        column: Its name.
        reference: What it is held against.
        state: What is known of the window's rows; nothing where the window has no such column.
        alpha: Probability with which one value may lie outside of its null band though nothing has changed.
    """
    bins = reference.bins
    if state is None:
        return _untold(column, reference, "the window has no such column")
    if isinstance(reference, CategoryReference):
        assert isinstance(state, CategoryState)
        before = np.array([*reference.counts, reference.others, reference.missing], np.float64)
        now = state.bins(reference)
    else:
        assert isinstance(state, NumberState)
        before, now = reference.counts, state.counts
    n, m = int(before.sum()), int(now.sum())
    if not n or not m:
        whose = "the reference" if not n else "the window"
        return _untold(column, reference, f"{whose} has no value in it", n, m)
    found, null = distances(now, before), null_bands(len(bins), n, m, alpha)
    values = [
        MonitorValue("drift", column, name, getattr(found, name), n, m, null_low=0.0, null_high=getattr(null, name))
        for name in ("psi", "kl", "js")
    ]
    if isinstance(reference, NumberReference) and isinstance(state, NumberState):
        values.append(_wasserstein(column, reference, state, alpha))
    return ColumnDrift(column, bins, before, now, tuple(values))


def domain_values(
    titles: Sequence[str], sketches: Sequence[str], marks: Sequence[str], pictures: Sequence[str], alpha: float
) -> list[MonitorValue]:
    """Return how well a classifier tells the window's titles and images from the reference's, and their discrepancy.

    Args:
        titles: Marks of the window's titles.
        sketches: Sketches of the window's images.
        marks: Marks of the reference's titles.
        pictures: Sketches of the reference's images.
        alpha: As for `column_drift`.
    """
    return [
        *_domain("title_words", titles, marks, title_auc, title_mmd, alpha),
        *_domain("image", sketches, pictures, image_auc, image_mmd, alpha),
    ]


def _domain(
    column: str,
    window: Sequence[str],
    reference: Sequence[str],
    area: Callable[[Sequence[str], Sequence[str]], DomainAuc],
    apart: Callable[[Sequence[str], Sequence[str], float], Discrepancy],
    alpha: float,
) -> tuple[MonitorValue, MonitorValue]:
    n, m = len(reference), len(window)
    if min(n, m) < _FEWEST:
        whose, rows = ("reference", n) if n < _FEWEST else ("window", m)
        note = f"the {whose} has {rows} such rows, {_FEWEST} are needed"
        auc, mmd = (MonitorValue("drift", column, name, None, n, m, "unknown", note=note) for name in ("auc", "mmd"))
        return auc, mmd
    found, gap = area(window, reference), apart(window, reference, alpha)
    auc = MonitorValue(
        "drift",
        column,
        "auc",
        found.auc,
        found.n,
        found.m,
        low=found.low,
        high=found.high,
        null_low=0.0,
        null_high=auc_null(found.n, found.m, alpha),
    )
    low, high = gap.null_low, gap.null_high
    return auc, MonitorValue("drift", column, "mmd", gap.mmd, gap.n, gap.m, null_low=low, null_high=high)


def _wasserstein(column: str, reference: NumberReference, state: NumberState, alpha: float) -> MonitorValue:
    n, m = reference.rows, state.finite
    if not m:
        return MonitorValue(
            "drift", column, "wasserstein", None, n, 0, "unknown", note="the window has no finite value in it"
        )
    grid = bucketed(reference.quantiles)
    points, weights = state.points()
    every = np.unique(np.concatenate([grid, points]))
    return MonitorValue(
        "drift",
        column,
        "wasserstein",
        wasserstein_of_counts(every, _spread(every, points, weights), _spread(every, grid, _grid_weights(len(grid)))),
        n,
        m,
        null_low=0.0,
        null_high=wasserstein_null(reference.quantiles, n, m, alpha),
        note=f"{state.infinite} infinite values are left out" if state.infinite else "",
    )


def _grid_weights(points: int) -> Floats:
    """Return how much of the distribution each of evenly spread quantiles stands for: the outermost for half as much."""
    weights = np.ones(points)
    weights[[0, -1]] = 0.5
    return weights


def _spread(every: Floats, points: Floats, weights: NDArray[Any]) -> Floats:
    return np.bincount(np.searchsorted(every, points), weights=weights, minlength=len(every)).astype(np.float64)


def _untold(column: str, reference: ColumnReference, why: str, n: int = 0, m: int = 0) -> ColumnDrift:
    measures = ("psi", "kl", "js") if isinstance(reference, CategoryReference) else ("psi", "kl", "js", "wasserstein")
    values = tuple(MonitorValue("drift", column, name, None, n, m, "unknown", note=why) for name in measures)
    nothing = np.zeros(len(reference.bins))
    return ColumnDrift(column, reference.bins, nothing, nothing, values)
