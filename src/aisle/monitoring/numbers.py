"""The partial state of a column of numbers: a fixed amount of memory, filled in one pass, and two of them add up to one.

It holds the counts in the reference's bins, moments, and two sketches: buckets whose bounds grow by one percent, from
which any quantile follows to half a percent of its value (Masson, Rim and Lee, "DDSketch", 2019), and HyperLogLog
registers, from which the number of different values follows to about two percent (Flajolet and others, 2007).
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aisle.errors import MonitoringError
from aisle.models.reference import NumberReference
from aisle.monitoring.distances import compiled

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_GROWTH = np.log(1.01)
_LEAST = 1e-9
_HALF = 5_500
"""Buckets on either side of zero: from 1e-9 to 6e14; what lies beyond is in the outermost."""
_ZERO = _HALF
_REGISTERS = 4_096
_ENDS = (-np.inf, np.inf, -np.inf, np.inf)


@dataclass(eq=False)
class NumberState:
    """What is known of a column's rows so far.

    Args:
        edges: Ends of the reference's bins.
        counts: Rows of each bin.
        buckets: Rows of each bucket of the quantile sketch.
        registers: Of the sketch of distinct values.
        fences: Between which values are no outliers, as the reference has them.
        outliers: Rows outside of the fences, by interquartile range and by robust z.
        moments: Finite values, their mean, sum of squared distances from it, least and greatest.
        rows: Rows in all.
        missing: Rows without a value.
        infinite: Rows whose value is infinite: they lie in the outermost bins and count for nothing else.
    """

    edges: Floats
    counts: Counts
    buckets: Counts
    registers: NDArray[np.uint8]
    fences: Floats
    outliers: Counts
    moments: Floats
    rows: int = 0
    missing: int = 0
    infinite: int = 0

    @classmethod
    def empty(cls, reference: NumberReference) -> Self:
        """Return the state of no rows yet, in the bins of a reference."""
        return cls(
            reference.edges,
            np.zeros(len(reference.edges) + 1, np.int64),
            np.zeros(2 * _HALF + 1, np.int64),
            np.zeros(_REGISTERS, np.uint8),
            reference.fences,
            np.zeros(2, np.int64),
            np.array([0.0, 0.0, 0.0, np.inf, -np.inf]),
        )

    def update(self, values: Floats, *, bins: NDArray[np.int32] | None = None) -> None:
        """Take rows in.

        Args:
            values: Numbers; NaN is missing.
            bins: Filled in with each row's bin, the last one more for missing, where anybody wants to know.
        """
        places = np.empty(len(values), np.int32) if bins is None else bins
        given = np.ascontiguousarray(values, np.float64)
        missing, infinite = _fill(
            given,
            given.view(np.uint64),
            self.edges,
            self.counts,
            self.buckets,
            self.registers,
            self.fences,
            self.outliers,
            self.moments,
            places,
        )
        self.rows += len(values)
        self.missing += missing
        self.infinite += infinite

    def merge(self, other: Self) -> None:
        """Take in what another state has seen.

        Raises:
            MonitoringError: It was kept in other bins, hence of another reference.
        """
        if not np.array_equal(self.edges, other.edges):
            raise MonitoringError("States of different references cannot be merged.", hint="Count the rows anew.")
        self.counts += other.counts
        self.buckets += other.buckets
        self.outliers += other.outliers
        np.maximum(self.registers, other.registers, out=self.registers)
        _merge_moments(self.moments, other.moments)
        self.rows += other.rows
        self.missing += other.missing
        self.infinite += other.infinite

    @property
    def finite(self) -> int:
        """Rows with a finite value."""
        return int(self.moments[0])

    @property
    def mean(self) -> float:
        """Mean of the finite values."""
        return float(self.moments[1])

    @property
    def deviation(self) -> float:
        """Standard deviation of the finite values."""
        return float(np.sqrt(self.moments[2] / self.moments[0])) if self.moments[0] else 0.0

    @property
    def least(self) -> float:
        """The least finite value."""
        return float(self.moments[3])

    @property
    def greatest(self) -> float:
        """The greatest finite value."""
        return float(self.moments[4])

    @property
    def distinct(self) -> float:
        """About how many different finite values there are, to about two percent."""
        if not self.finite:
            return 0.0
        filled = float(np.sum(np.exp2(-self.registers.astype(np.float64))))
        estimate = 0.7213 / (1 + 1.079 / _REGISTERS) * _REGISTERS**2 / filled
        empty = int((self.registers == 0).sum())
        if estimate <= 2.5 * _REGISTERS and empty:
            estimate = _REGISTERS * np.log(_REGISTERS / empty)
        return float(min(round(estimate), self.finite))

    def quantile(self, share: float | Floats) -> Floats:
        """Return quantiles of the finite values to half a percent; NaN where there are none."""
        points, weights = self.points()
        if not len(points):
            return np.full(np.shape(share), np.nan)
        # The nearest rank: of few values a quantile is one of them.
        ranks = np.clip(np.ceil(np.asarray(share) * self.finite), 1, self.finite)
        found: Floats = np.clip(points[np.searchsorted(np.cumsum(weights), ranks)], self.least, self.greatest)
        return found

    def points(self) -> tuple[Floats, Counts]:
        """Return the finite values as far as they are known: ascending points, and the rows at each."""
        held = np.flatnonzero(self.buckets)
        return _middles(held), self.buckets[held]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON: what was kept, and `from_json` reads again."""
        held = np.flatnonzero(self.buckets)
        return {
            "edges": self.edges.tolist(),
            "counts": self.counts.tolist(),
            "buckets": [held.tolist(), self.buckets[held].tolist()],
            "registers": b64encode(self.registers.tobytes()).decode("ascii"),
            "fences": [fence if np.isfinite(fence) else None for fence in self.fences.tolist()],
            "outliers": self.outliers.tolist(),
            "moments": self.moments.tolist() if self.finite else None,
            "rows": [self.rows, self.missing, self.infinite],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return the state that `to_json` told of."""
        buckets = np.zeros(2 * _HALF + 1, np.int64)
        buckets[content["buckets"][0]] = content["buckets"][1]
        moments = content["moments"] or [0.0, 0.0, 0.0, np.inf, -np.inf]
        return cls(
            np.array(content["edges"], np.float64),
            np.array(content["counts"], np.int64),
            buckets,
            np.frombuffer(b64decode(content["registers"]), np.uint8).copy(),
            np.array([end if fence is None else fence for fence, end in zip(content["fences"], _ENDS, strict=True)]),
            np.array(content["outliers"], np.int64),
            np.array(moments, np.float64),
            *content["rows"],
        )


def bucketed(values: Floats) -> Floats:
    """Return finite values as a state's points tell of them, so that the two can be compared.

    Args:
        values: Any finite numbers.
    """
    size = np.abs(values)
    steps = np.ceil(np.log(np.maximum(size, _LEAST) / _LEAST) / _GROWTH)
    steps = np.where(size < _LEAST, 0, np.clip(steps, 1, _HALF))
    return _middles((_ZERO + np.sign(values) * steps).astype(np.int64))


def _middles(held: Counts) -> Floats:
    size = np.abs(held - _ZERO)
    values: Floats = np.sign(held - _ZERO) * _LEAST * np.exp(_GROWTH * (size - 0.5))
    return np.where(size == 0, 0.0, values)


def _merge_moments(into: Floats, other: Floats) -> None:
    """Merge means and squared distances (Chan, Golub and LeVeque, 1979)."""
    n, m = into[0], other[0]
    if not m:
        return
    apart = other[1] - into[1]
    into[2] += other[2] + apart**2 * n * m / (n + m)
    into[1] += apart * m / (n + m)
    into[0] = n + m
    into[3], into[4] = min(into[3], other[3]), max(into[4], other[4])


@compiled
def _fill(
    values: Floats,
    bits: NDArray[np.uint64],
    edges: Floats,
    counts: Counts,
    buckets: Counts,
    registers: NDArray[np.uint8],
    fences: Floats,
    outliers: Counts,
    moments: Floats,
    places: NDArray[np.int32],
) -> tuple[int, int]:
    """Fill a state's arrays from values in one pass, and return how many are missing and how many infinite."""
    missing = infinite = 0
    seen, mean, squares, least, greatest = moments[0], moments[1], moments[2], moments[3], moments[4]
    last = edges.size
    for row in range(values.size):
        value = values[row]
        if np.isnan(value):
            missing += 1
            places[row] = last + 1
            continue
        low, high = 0, last
        while low < high:
            middle = (low + high) // 2
            if edges[middle] <= value:
                low = middle + 1
            else:
                high = middle
        counts[low] += 1
        places[row] = low
        if np.isinf(value):
            infinite += 1
            continue
        seen += 1
        apart = value - mean
        mean += apart / seen
        squares += apart * (value - mean)
        outliers[0] += value < fences[0] or value > fences[1]
        outliers[1] += value < fences[2] or value > fences[3]
        least, greatest = min(least, value), max(greatest, value)
        size = abs(value)
        if size < _LEAST:
            buckets[_ZERO] += 1
        else:
            step = min(int(np.ceil(np.log(size / _LEAST) / _GROWTH)), _HALF)
            step = max(step, 1)
            buckets[_ZERO + step if value > 0 else _ZERO - step] += 1
        # -0.0 and 0.0 are one value; the rest is splitmix64.
        word = bits[row] if value != 0 else np.uint64(0)
        word += np.uint64(0x9E3779B97F4A7C15)
        word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        word ^= word >> np.uint64(31)
        rest = word >> np.uint64(12)
        rank = 1
        while rank <= 52 and not rest & np.uint64(1):
            rank += 1
            rest >>= np.uint64(1)
        register = int(word & np.uint64(4095))
        registers[register] = max(registers[register], rank)
    moments[0], moments[1], moments[2], moments[3], moments[4] = seen, mean, squares, least, greatest
    return missing, infinite
