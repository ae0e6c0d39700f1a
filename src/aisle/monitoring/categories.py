"""The partial state of a column of categories, and of pairs of a column's bins with the label; two add up to one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.models.reference import CategoryReference

Counts = NDArray[np.int64]

MOST = 20_000
"""Different categories that are told apart; rows of any more count as others."""


@dataclass(eq=False)
class CategoryState:
    """What is known of a column's rows so far.

    Args:
        counts: Rows of each category.
        rows: Rows in all.
        missing: Rows without a category.
        others: Rows of categories that came when there were too many already.
    """

    counts: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    missing: int = 0
    others: int = 0

    def add(self, categories: Sequence[str], counts: Sequence[int], missing: int) -> None:
        """Take rows in.

        Args:
            categories: Categories, each once.
            counts: Rows of each.
            missing: Rows without one.
        """
        for category, count in zip(categories, counts, strict=True):
            if category in self.counts:
                self.counts[category] += count
            elif len(self.counts) < MOST:
                self.counts[category] = count
            else:
                self.others += count
        self.rows += int(sum(counts)) + missing
        self.missing += missing

    def merge(self, other: Self) -> None:
        """Take in what another state has seen."""
        self.add(list(other.counts), list(other.counts.values()), other.missing)
        self.rows += other.others
        self.others += other.others

    def bins(self, reference: CategoryReference) -> Counts:
        """Return the rows in the reference's bins: its categories, all others, missing."""
        known = [self.counts.get(value, 0) for value in reference.values]
        return np.array([*known, self.rows - self.missing - sum(known), self.missing], np.int64)

    def unseen(self, reference: CategoryReference) -> dict[str, int]:
        """Return the categories that the reference has not, commonest first."""
        if reference.others:
            return {}
        fresh = {value: count for value, count in self.counts.items() if value not in set(reference.values)}
        return dict(sorted(fresh.items(), key=lambda entry: (-entry[1], entry[0])))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON: what was kept, and `from_json` reads again."""
        return {"counts": self.counts, "rows": [self.rows, self.missing, self.others]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return the state that `to_json` told of."""
        return cls(dict(content["counts"]), *content["rows"])


@dataclass(eq=False)
class PairState:
    """How often each bin of a column stands with each label.

    Args:
        bins: Place of each bin among the rows of the table.
        labels: Place of each label among its columns.
        table: Rows of each pair, (bins, labels).
    """

    bins: dict[str, int] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    table: Counts = field(default_factory=lambda: np.zeros((0, 0), np.int64))

    def add(self, bins: Sequence[str], labels: Sequence[str], table: Counts) -> None:
        """Take pairs in.

        Args:
            bins: The table's rows, each once.
            labels: Its columns, each once.
            table: Rows of each pair.
        """
        rows, columns = _places(self.bins, bins), _places(self.labels, labels)
        grown = np.zeros((len(self.bins), len(self.labels)), np.int64)
        grown[: self.table.shape[0], : self.table.shape[1]] = self.table
        grown[np.ix_(rows, columns)] += table
        self.table = grown

    def merge(self, other: Self) -> None:
        """Take in what another state has seen."""
        self.add(list(other.bins), list(other.labels), other.table)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON: what was kept, and `from_json` reads again."""
        return {"bins": list(self.bins), "labels": list(self.labels), "table": self.table.tolist()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return the state that `to_json` told of."""
        state = cls()
        if content["bins"]:
            state.add(content["bins"], content["labels"], np.array(content["table"], np.int64))
        return state


def coded(values: pl.Series) -> tuple[NDArray[np.int64], list[str]]:
    """Return each row's code and what the codes stand for; the code after the last one is missing.

    Args:
        values: Categories; anything that can be written as text.
    """
    if values.dtype == pl.Boolean:
        codes = values.cast(pl.Int64).fill_null(2).to_numpy()
        return codes, ["false", "true"]
    text = values if values.dtype == pl.String else values.cast(pl.String)
    names = text.drop_nulls().unique().sort().to_list()
    if not names:
        return np.zeros(len(values), np.int64), []
    codes = text.cast(pl.Enum(names)).to_physical().cast(pl.Int64).fill_null(len(names)).to_numpy()
    return codes, names


def _places(known: dict[str, int], names: Sequence[str]) -> list[int]:
    return [known.setdefault(name, len(known)) for name in names]
