"""Quality: what a window's rows are like, column by column, and where that is not what the reference leads to expect."""

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtri

from aisle.models.reference import CategoryReference, ColumnReference, NumberReference
from aisle.monitoring.categories import CategoryState
from aisle.monitoring.correlations import association
from aisle.monitoring.numbers import NumberState
from aisle.monitoring.policy import Policy, judged
from aisle.monitoring.records import MonitorValue
from aisle.monitoring.table import TableState


def ratio_band(expected: float, n: int, m: int, alpha: float) -> tuple[float, float]:
    """Return between what shares one of m rows lies when it was `expected` in n rows and nothing has changed.

    A normal approximation with the third cumulant's correction (Cornish and Fisher, 1938) and one for counts being whole:
    for shares close to 0 or 1 the normal one alone is far too narrow.

    Args:
        expected: The reference's share.
        n: Its rows.
        m: The window's rows, at least 1.
        alpha: Probability of lying outside.
    """
    z = float(ndtri(1 - alpha / 2))
    share = min(max(expected, 1 / (n + 1)), n / (n + 1))
    spread = z * float(np.sqrt(share * (1 - share) * (1 / n + 1 / m))) if n else 1.0
    more = ((z * z - 1) / 6 + 0.5) * (1 / m + (1 / n if n else 1.0))
    return max(0.0, expected - spread - more), min(1.0, expected + spread + more)


def quality_values(state: TableState, policy: Policy, alpha: float) -> list[MonitorValue]:
    """Return the quality of every column, judged.

    Args:
        state: What is known of the window's rows.
        policy: Gives the states.
        alpha: Probability with which one value may lie outside of its null band though nothing has changed.
    """
    values: list[MonitorValue] = [MonitorValue("quality", "all", "rows", float(state.rows), 0, state.rows)]
    for name, reference in state.references.items():
        column = state.columns.get(name)
        if column is None:
            values.append(_gone(name, reference))
        elif isinstance(column, NumberState) and isinstance(reference, NumberReference):
            values += _of_numbers(name, column, reference, policy, alpha)
        elif isinstance(column, CategoryState) and isinstance(reference, CategoryReference):
            values += _of_categories(name, column, reference, policy, alpha)
    values += [
        MonitorValue("quality", name, "rows", None, 0, state.rows, "unknown", note="the reference has no such column")
        for name in sorted(state.unexpected)
    ]
    for name, pair in state.pairs.items():
        values += _of_pairs(name, pair.table, policy)
    return values


def _gone(name: str, reference: ColumnReference) -> MonitorValue:
    note = "the window has no such column"
    return MonitorValue("quality", name, "null_ratio", None, reference.rows + reference.missing, 0, "unknown", note=note)


def _missing(name: str, missing: int, rows: int, reference: ColumnReference, policy: Policy, alpha: float) -> MonitorValue:
    n = reference.rows + reference.missing
    if not rows:
        return MonitorValue("quality", name, "null_ratio", None, n, 0, "unknown", note="the window is empty")
    expected = reference.missing / n if n else 0.0
    low, high = ratio_band(expected, n, rows, alpha)
    value = MonitorValue("quality", name, "null_ratio", missing / rows, n, rows, null_low=low, null_high=high)
    return judged(value, policy, expected=expected)


def _of_numbers(
    name: str, state: NumberState, reference: NumberReference, policy: Policy, alpha: float
) -> Iterator[MonitorValue]:
    yield _missing(name, state.missing, state.rows, reference, policy, alpha)
    m, n = state.finite, reference.rows
    if state.infinite:
        yield MonitorValue("quality", name, "infinite_ratio", state.infinite / state.rows, n, state.rows)
    if not m:
        return
    for place, measure in enumerate(("outlier_ratio", "outlier_ratio_z")):
        expected = reference.beyond[place] / n if n else 0.0
        low, high = ratio_band(expected, n, m, alpha)
        share = int(state.outliers[place]) / m
        value = MonitorValue("quality", name, measure, share, n, m, null_low=low, null_high=high)
        yield judged(value, policy, expected=expected)
    quarter, median, three = state.quantile(np.array([0.25, 0.5, 0.75])).tolist()
    figures = {
        "mean": state.mean,
        "deviation": state.deviation,
        "least": state.least,
        "quartile_1": quarter,
        "median": median,
        "quartile_3": three,
        "greatest": state.greatest,
        "distinct": state.distinct,
    }
    note = "the column is constant" if state.least == state.greatest and m > 1 else ""
    for measure, figure in figures.items():
        yield MonitorValue("quality", name, measure, figure, n, m, note=note if measure == "distinct" else "")


def _of_categories(
    name: str, state: CategoryState, reference: CategoryReference, policy: Policy, alpha: float
) -> Iterator[MonitorValue]:
    yield _missing(name, state.missing, state.rows, reference, policy, alpha)
    n, m = reference.rows, state.rows - state.missing
    if not m:
        return
    unseen = state.unseen(reference)
    # What was seen once in n rows is about as frequent as all that was never seen together (Good, 1953).
    rare = float((reference.counts == 1).sum() + 1) / (n + 1)
    high = ratio_band(rare, n, m, alpha)[1]
    named = ", ".join(list(unseen)[:5])
    share = (sum(unseen.values()) + (0 if reference.others else state.others)) / m
    value = MonitorValue("quality", name, "unseen_ratio", share, n, m, null_low=0.0, null_high=high, note=named)
    yield judged(value, policy)
    counts = np.array(list(state.counts.values()), np.float64)
    shares = counts / counts.sum()
    entropy = float(-np.sum(shares * np.log(shares)))
    figures = {
        "distinct": float(len(counts)),
        "imbalance_ratio": float(counts.max() / counts.min()),
        "effective_classes": float(np.exp(entropy)),
        "commonest_ratio": float(shares.max()),
    }
    for measure, figure in figures.items():
        note = "the column is constant" if measure == "distinct" and len(counts) == 1 and m > 1 else ""
        yield MonitorValue("quality", name, measure, figure, n, m, note=note)


def _of_pairs(name: str, table: np.ndarray, policy: Policy) -> Iterator[MonitorValue]:
    found = association(table)
    if found is None:
        return
    figures = {
        "cramers_v": found.cramers_v,
        "shared_information": found.information,
        "label_alone": found.gained,
    }
    for measure, figure in figures.items():
        yield judged(MonitorValue("quality", name, measure, figure, 0, found.rows), policy)
