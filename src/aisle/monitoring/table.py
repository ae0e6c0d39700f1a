"""The partial state of a whole table: every column that the reference has, and how each goes with the label."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.errors import MonitoringError
from aisle.models.reference import (
    MISSING,
    CategoryReference,
    ColumnReference,
    NumberReference,
    category_reference,
    number_reference,
)
from aisle.monitoring.categories import CategoryState, PairState, coded
from aisle.monitoring.numbers import NumberState

ColumnState = NumberState | CategoryState
_PAIRED = 400
"""A column of more bins than this says nothing about the label that a name would not."""


@dataclass
class TableState:
    """What is known of a table's rows so far.

    Args:
        references: What each column is held against; it gives the bins.
        label: The column that the others are paired with, if any.
        columns: State of each column that came.
        pairs: Each column's bins with the label.
        rows: Rows in all.
        unexpected: Columns that came and that the reference has not.
    """

    references: Mapping[str, ColumnReference]
    label: str | None = None
    columns: dict[str, ColumnState] = field(default_factory=dict)
    pairs: dict[str, PairState] = field(default_factory=dict)
    rows: int = 0
    unexpected: set[str] = field(default_factory=set)

    def update(self, frame: pl.DataFrame) -> None:
        """Take rows in.

        Args:
            frame: Rows. Columns that the reference has not are named in `unexpected` and otherwise left alone.

        Raises:
            MonitoringError: A column of numbers holds something else.
        """
        labels = None if self.label is None or self.label not in frame.columns else coded(frame[self.label])
        for name in frame.columns:
            reference = self.references.get(name)
            if reference is None:
                self.unexpected.add(name)
                continue
            codes, names = self._column(name, reference, frame[name])
            if labels is not None and name != self.label and len(names) <= _PAIRED:
                self._pair(name, codes, names, labels)
        self.rows += frame.height

    def merge(self, other: Self) -> None:
        """Take in what another state has seen.

        Raises:
            MonitoringError: It is of another reference.
        """
        for name, state in other.columns.items():
            mine = self.columns.setdefault(name, _empty(self.references[name]))
            match mine, state:
                case (NumberState(), NumberState()):
                    mine.merge(state)
                case (CategoryState(), CategoryState()):
                    mine.merge(state)
                case _:
                    raise MonitoringError("States of different references cannot be merged.", hint="Count the rows anew.")
        for name, pair in other.pairs.items():
            self.pairs.setdefault(name, PairState()).merge(pair)
        self.rows += other.rows
        self.unexpected |= other.unexpected

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON, for whoever keeps states of batches and merges them later."""
        return {
            "label": self.label,
            "rows": self.rows,
            "columns": {name: state.to_json() for name, state in self.columns.items()},
            "pairs": {name: pair.to_json() for name, pair in self.pairs.items()},
            "unexpected": sorted(self.unexpected),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any], references: Mapping[str, ColumnReference]) -> Self:
        """Return the state that `to_json` told of.

        Args:
            content: What it told.
            references: The reference that the state was kept against.
        """
        columns: dict[str, ColumnState] = {
            name: (NumberState if isinstance(references[name], NumberReference) else CategoryState).from_json(state)
            for name, state in content["columns"].items()
        }
        pairs = {name: PairState.from_json(pair) for name, pair in content["pairs"].items()}
        return cls(references, content["label"], columns, pairs, content["rows"], set(content["unexpected"]))

    def _column(self, name: str, reference: ColumnReference, values: pl.Series) -> tuple[NDArray[Any], list[str]]:
        state = self.columns.setdefault(name, _empty(reference))
        if isinstance(state, NumberState):
            places = np.empty(len(values), np.int32)
            state.update(_numbers(values), bins=places)
            return places, [*reference.bins, MISSING]
        codes, names = coded(values)
        counts = np.bincount(codes, minlength=len(names) + 1)
        state.add(names, counts[: len(names)].tolist(), int(counts[len(names)]))
        return codes, [*names, MISSING]

    def _pair(self, name: str, codes: NDArray[Any], bins: list[str], labels: tuple[NDArray[np.int64], list[str]]) -> None:
        of, known = labels
        # One more column for rows without a label, which then falls away.
        width = len(known) + 1
        table = np.bincount(codes * width + of, minlength=len(bins) * width).reshape(len(bins), width)
        self.pairs.setdefault(name, PairState()).add(bins, known, table[:, : len(known)])


def state_of(frame: pl.DataFrame, references: Mapping[str, ColumnReference], label: str | None = None) -> TableState:
    """Return the state of a table.

    Args:
        frame: Its rows.
        references: What its columns are held against.
        label: The column that the others are paired with, if any.
    """
    state = TableState(references, label)
    state.update(frame)
    return state


def references_of(frame: pl.DataFrame) -> dict[str, ColumnReference]:
    """Return what a table's columns are like, to hold others against it: numbers as numbers, anything else as categories.

    Args:
        frame: Its rows.
    """
    return {
        name: number_reference(frame[name]) if frame[name].dtype.is_numeric() else category_reference(frame[name])
        for name in frame.columns
    }


def _empty(reference: ColumnReference) -> ColumnState:
    return CategoryState() if isinstance(reference, CategoryReference) else NumberState.empty(reference)


def _numbers(values: pl.Series) -> NDArray[np.float64]:
    if values.dtype == pl.Null:
        return np.full(len(values), np.nan)
    if not (values.dtype.is_numeric() or values.dtype == pl.Boolean):
        raise MonitoringError(
            f"Column {values.name} holds {values.dtype} where the reference has numbers.",
            hint="Hold it against the reference of the same columns.",
        )
    return values.cast(pl.Float64).to_numpy()
