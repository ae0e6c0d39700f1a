"""What a bundle keeps of the rows that its model learnt from."""

import numpy as np
import orjson
import polars as pl
import pytest

from aisle.errors import BundleError
from aisle.models.reference import (
    CategoryReference,
    NumberReference,
    Reference,
    category_reference,
    number_reference,
)


def test_numbers_lie_in_the_deciles_of_the_reference() -> None:
    reference = number_reference(np.arange(1_000.0))
    assert len(reference.edges) == 9
    assert reference.counts.sum() == reference.rows == 1_000
    assert reference.counts.min() >= 99
    assert (reference.mean, reference.quantiles[0], reference.quantiles[-1]) == (499.5, 0, 999)
    assert len(reference.bins) == 10


def test_a_heavy_value_has_a_bin_of_its_own() -> None:
    reference = number_reference(np.concatenate([np.zeros(600), np.arange(1, 401)]))
    place = np.searchsorted(reference.edges, 0.0, side="right")
    assert reference.counts[place] == 600


def test_a_constant_has_a_bin_below_one_for_itself_and_one_above() -> None:
    reference = number_reference(np.full(50, 7.0))
    assert reference.counts.tolist() == [0, 50, 0]
    assert reference.edges[0] == 7
    assert np.isinf(reference.fences).all()


def test_missing_and_infinite_numbers_are_counted_apart() -> None:
    reference = number_reference(pl.Series([None, float("nan"), float("inf"), float("-inf"), *range(20)], strict=False))
    assert (reference.missing, reference.rows) == (2, 22)
    assert np.isfinite(reference.quantiles).all()
    assert reference.mean == 9.5


@pytest.mark.parametrize("values", [[], [None, None], [float("inf")]])
def test_without_any_finite_number_there_is_one_bin(values: list) -> None:
    reference = number_reference(pl.Series(values, dtype=pl.Float64))
    assert reference.bins == ("any",)
    assert len(reference.counts) == 1


def test_outliers_are_those_beyond_the_fences() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(size=1_000), [50.0, -50.0]])
    reference = number_reference(values)
    low, high = reference.fences[:2]
    assert reference.beyond[0] == ((values < low) | (values > high)).sum()
    assert low < -2 < 2 < high


def test_of_many_categories_the_commonest_are_named() -> None:
    values = [str(n) for n in range(300)] + ["5"] * 10 + [None]
    reference = category_reference(values)
    assert len(reference.values) == 200
    assert "5" in reference.values
    assert (reference.rows, reference.missing, reference.others) == (310, 1, 100)
    assert reference.bins[-2:] == ("other", "missing")


def test_truth_values_are_categories() -> None:
    reference = category_reference([True, False, True])
    assert (reference.values, reference.counts.tolist()) == (("false", "true"), [1, 2])


def test_a_reference_survives_json() -> None:
    columns = {
        "n": number_reference(pl.Series([1.5, None, 3, 4, 100, float("inf")], strict=False)),
        "constant": number_reference(np.ones(5)),
        "c": category_reference(["é", "b", None]),
    }
    reference = Reference(6, columns, ["AB", ""], [], {"rows": 2, "accuracy": 0.5, "confidence": 0.4})
    again = Reference.from_json(orjson.loads(orjson.dumps(reference.to_json(), option=orjson.OPT_SORT_KEYS)))
    assert again.to_json() == reference.to_json()
    assert isinstance(again.columns["n"], NumberReference)
    assert isinstance(again.columns["c"], CategoryReference)
    assert np.array_equal(again.columns["n"].fences, columns["n"].fences)


@pytest.mark.parametrize(
    "spoilt",
    [
        {},
        {"format": 0},
        {"rows": 3},
        {"format": 1},
        {"format": 1, "rows": 1, "columns": {"a": {"kind": "number", "edges": [1], "counts": [1]}}},
        {"format": 1, "rows": 1, "columns": [], "marks": [], "sketches": [], "judged": {}},
    ],
)
def test_what_is_no_reference_is_refused(spoilt: dict) -> None:
    with pytest.raises(BundleError, match=r"profile\.json") as refused:
        Reference.from_json(spoilt)
    assert "Train again" in refused.value.hint
