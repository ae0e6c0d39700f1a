"""The reference: what the rows were like that a model learnt from, kept in its bundle to hold later rows against.

A column of numbers is kept as counts in bins, which are the deciles of its rows with open ends, and as its 201 quantiles;
one of categories as the count of each. A value that holds a tenth of the rows or more gets a bin of its own. Nothing of a
later window ever moves a bin: bins that stretch to hold one outlier hide what happened to all the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.errors import BundleError

FORMAT = 1
"""The version of what is kept of a column; a reference of another one cannot be used."""

OTHER, MISSING = "other", "missing"
"""What bins are called that hold what the reference had not, and what has no value."""

_GRID = np.linspace(0, 1, 201)
_MOST = 200
_NO_FENCES = np.array([-np.inf, np.inf, -np.inf, np.inf])
_AGAIN = "Train again with this release: its bundles hold what monitoring needs."

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NumberReference:
    """A column of numbers.

    Args:
        edges: Where one bin ends and the next begins, ascending; a value on an edge belongs above it.
        counts: Rows of each bin, one more than there are edges.
        missing: Rows without a value.
        quantiles: The 201 quantiles of the values, least and greatest included.
        mean: Their mean.
        deviation: Their standard deviation.
        fences: Between which values are no outliers: by interquartile range (low, high), then by robust z (low, high).
        beyond: Rows outside of the fences: by interquartile range, by robust z.
    """

    edges: Floats
    counts: Floats
    missing: int
    quantiles: Floats
    mean: float
    deviation: float
    fences: Floats
    beyond: tuple[int, int]

    @property
    def rows(self) -> int:
        """Rows with a value."""
        return int(self.counts.sum())

    @property
    def bins(self) -> tuple[str, ...]:
        """What the bins hold, in words."""
        if not len(self.edges):
            return ("any",)
        inner = [f"{low:.4g} to {high:.4g}" for low, high in zip(self.edges[:-1], self.edges[1:], strict=True)]
        return (f"under {self.edges[0]:.4g}", *inner, f"from {self.edges[-1]:.4g}")

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "kind": "number",
            "edges": self.edges.tolist(),
            "counts": [int(count) for count in self.counts],
            "missing": self.missing,
            "quantiles": [float(f"{value:.9g}") for value in self.quantiles],
            "mean": self.mean,
            "deviation": self.deviation,
            # JSON has no infinity: a fence that is none is null.
            "fences": [fence if np.isfinite(fence) else None for fence in self.fences.tolist()],
            "beyond": list(self.beyond),
        }


@dataclass(frozen=True, eq=False)
class CategoryReference:
    """A column of categories.

    Args:
        values: Every category, in order.
        counts: Rows of each.
        missing: Rows without one.
        others: Rows of categories that are too many to be named.
    """

    values: tuple[str, ...]
    counts: Floats
    missing: int
    others: int = 0

    @property
    def rows(self) -> int:
        """Rows with a value."""
        return int(self.counts.sum()) + self.others

    @property
    def bins(self) -> tuple[str, ...]:
        """What the bins hold: the categories, then all others, then those without."""
        return (*self.values, OTHER, MISSING)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        counts = {value: int(count) for value, count in zip(self.values, self.counts, strict=True)}
        return {"kind": "category", "counts": counts, "missing": self.missing, "others": self.others}


ColumnReference = NumberReference | CategoryReference


@dataclass(frozen=True)
class Reference:
    """What a model's rows were like.

    Args:
        rows: Training rows.
        columns: What is known of each column.
        marks: Marks of a sample of the titles.
        sketches: Sketches of a sample of the images.
        judged: How the model did on rows that it had not learnt from: `rows`, `accuracy` and `confidence`, its mean.
    """

    rows: int
    columns: Mapping[str, ColumnReference]
    marks: Sequence[str] = ()
    sketches: Sequence[str] = ()
    judged: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON, for a bundle's `profile.json`."""
        return {
            "format": FORMAT,
            "rows": self.rows,
            "columns": {name: column.to_json() for name, column in self.columns.items()},
            "marks": list(self.marks),
            "sketches": list(self.sketches),
            "judged": dict(self.judged),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Reference":
        """Read what `to_json` wrote.

        Raises:
            BundleError: It is no reference, or that of another release.
        """
        if (form := content.get("format")) != FORMAT:
            raise BundleError(f"The bundle's profile.json has format {form!r}, and {FORMAT} is read.", hint=_AGAIN)
        try:
            columns = {name: _column(column) for name, column in content["columns"].items()}
            return cls(content["rows"], columns, content["marks"], content["sketches"], content["judged"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(f"The bundle's profile.json is no reference ({error!r}).", hint=_AGAIN) from error


def number_reference(values: pl.Series | NDArray[Any]) -> NumberReference:
    """Return what is kept of a column of numbers; without any finite value it has one bin and nothing in it.

    Args:
        values: The numbers; nulls and NaN are missing, infinite ones lie in the outermost bins.
    """
    given = values.cast(pl.Float64).to_numpy() if isinstance(values, pl.Series) else np.asarray(values, np.float64)
    there = np.sort(given)
    missing = int(np.isnan(given).sum())
    there = there[: len(there) - missing]
    finite = there[np.searchsorted(there, -np.inf, side="right") : np.searchsorted(there, np.inf)]
    if not len(finite):
        counts = np.array([float(len(there))])
        return NumberReference(np.empty(0), counts, missing, np.zeros(len(_GRID)), 0.0, 0.0, _NO_FENCES, (0, 0))
    edges = _edges(finite)
    ends = np.searchsorted(there, edges, side="left")
    counts = np.diff(np.concatenate([[0], ends, [len(there)]])).astype(np.float64)
    fences = _fences(finite)
    beyond = [len(finite) - int(np.diff(_inside(finite, *pair))[0]) for pair in (fences[:2], fences[2:])]
    return NumberReference(
        edges,
        counts,
        missing,
        _sorted_quantiles(finite, _GRID),
        float(finite.mean()),
        float(finite.std()),
        fences,
        (beyond[0], beyond[1]),
    )


def category_reference(values: pl.Series | Sequence[str | bool | None]) -> CategoryReference:
    """Return what is kept of a column of categories; of very many the 200 commonest are named.

    Args:
        values: The categories; nothing where a row has none.
    """
    series = (values if isinstance(values, pl.Series) else pl.Series(list(values))).cast(pl.String)
    counted = series.drop_nulls().alias("value").value_counts().sort(["count", "value"], descending=[True, False])
    named, rest = counted.head(_MOST).sort("value"), counted.slice(_MOST)
    return CategoryReference(
        tuple(named["value"].to_list()),
        named["count"].to_numpy().astype(np.float64),
        series.null_count(),
        int(rest["count"].sum()),
    )


def _edges(finite: Floats) -> Floats:
    deciles = finite[np.maximum(np.ceil(np.linspace(0, 1, 11) * len(finite)).astype(np.intp) - 1, 0)]
    inner = np.unique(deciles[1:-1])
    # A value that stands on two deciles holds a tenth of the rows: it gets a bin of its own, or its neighbours would
    # hide in it.
    heavy = [value for value in inner if (deciles == value).sum() > 1]
    edges = np.unique(np.concatenate([inner, np.nextafter(heavy, np.inf)]))
    if edges[0] == finite[0] and edges[0] not in heavy:
        edges = edges[1:]
    return edges if len(edges) else np.array([np.nextafter(finite[-1], np.inf)])


def _sorted_quantiles(ascending: Floats, shares: Floats) -> Floats:
    places = shares * (len(ascending) - 1)
    return np.interp(places, np.arange(len(ascending)), ascending)


def _fences(finite: Floats) -> Floats:
    """Return the fences of Tukey (1977) and of the modified z score of Iglewicz and Hoaglin (1993)."""
    low, middle, high = _sorted_quantiles(finite, np.array([0.25, 0.5, 0.75]))
    apart = float(np.median(np.abs(finite - middle)))
    # Where half of the rows are the same, whatever differs would be an outlier: then there are no fences.
    tukey = (low - 1.5 * (high - low), high + 1.5 * (high - low)) if high > low else (-np.inf, np.inf)
    robust = 3.5 * apart / 0.6745
    score = (middle - robust, middle + robust) if apart > 0 else (-np.inf, np.inf)
    return np.array([*tukey, *score])


def _inside(ascending: Floats, low: float, high: float) -> tuple[int, int]:
    return int(np.searchsorted(ascending, low, side="left")), int(np.searchsorted(ascending, high, side="right"))


def _column(content: Mapping[str, Any]) -> ColumnReference:
    if content["kind"] == "category":
        counts = content["counts"]
        return CategoryReference(
            tuple(counts), np.array(list(counts.values()), np.float64), content["missing"], content["others"]
        )
    edges, counts = np.array(content["edges"], np.float64), np.array(content["counts"], np.float64)
    if len(counts) != len(edges) + 1 or len(content["quantiles"]) != len(_GRID):
        raise ValueError("bins and edges do not fit each other")
    ends = (-np.inf, np.inf, -np.inf, np.inf)
    fences = [end if fence is None else fence for fence, end in zip(content["fences"], ends, strict=True)]
    beyond = content["beyond"]
    return NumberReference(
        edges,
        counts,
        content["missing"],
        np.array(content["quantiles"], np.float64),
        content["mean"],
        content["deviation"],
        np.array(fences, np.float64),
        (beyond[0], beyond[1]),
    )
