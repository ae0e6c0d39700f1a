"""How a column goes with the label, from a table of pairs: of interest where it goes with it better than it should."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Association:
    """How a column goes with the label.

    Args:
        cramers_v: Cramér's V, corrected for its bias (Bergsma, 2013): 0 for not at all, 1 for one naming the other.
        information: Mutual information over the geometric mean of the two entropies, 0 to 1.
        alone: How often the label is told rightly by this column alone, of a row that was left out.
        commonest: How often it is told rightly by naming the commonest label.
        rows: Rows that have a label.
    """

    cramers_v: float
    information: float
    alone: float
    commonest: float
    rows: int

    @property
    def gained(self) -> float:
        """What the column alone gains over naming the commonest label, of what there is to gain: 0 to 1."""
        if self.commonest >= 1:
            return 0.0
        return max(0.0, (self.alone - self.commonest) / (1 - self.commonest))


def association(pairs: NDArray[Any]) -> Association | None:
    """Return how a column goes with the label; nothing where either has a single value.

    Args:
        pairs: Rows of each bin and label, (bins, labels).
    """
    table = np.asarray(pairs, np.float64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    rows = table.sum()
    if min(table.shape) < 2:
        return None
    of_bins, of_labels = table.sum(axis=1), table.sum(axis=0)
    expected = np.outer(of_bins, of_labels) / rows
    there = table > 0
    information = float(np.sum(table[there] * np.log(table[there] / expected[there])) / rows)
    entropies = [-float(np.sum(part / rows * np.log(part / rows))) for part in (of_bins, of_labels)]
    return Association(
        cramers_v=_cramers_v(table, expected),
        information=min(1.0, max(0.0, information / np.sqrt(entropies[0] * entropies[1]))),
        alone=_left_out(table) / float(rows),
        commonest=float(of_labels.max() / rows),
        rows=int(rows),
    )


def _cramers_v(table: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    rows, (bins, labels) = table.sum(), table.shape
    square = float(np.sum((table - expected) ** 2 / expected) / rows)
    if rows < 2:
        return 0.0
    corrected = max(0.0, square - (bins - 1) * (labels - 1) / (rows - 1))
    few = min(bins - (bins - 1) ** 2 / (rows - 1), labels - (labels - 1) ** 2 / (rows - 1))
    return float(min(1.0, np.sqrt(corrected / (few - 1)))) if few > 1 else 0.0


def _left_out(table: NDArray[np.float64]) -> float:
    """Return how many rows get their label right from the others of their bin; where two labels are even, half do."""
    ordered = np.sort(table, axis=1)
    best, second = ordered[:, -1], ordered[:, -2]
    lead = best - 1 - second
    return float(np.sum(np.where(lead > 0, best, np.where(lead == 0, best / 2, 0.0))))
