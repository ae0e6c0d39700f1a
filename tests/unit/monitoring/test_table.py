"""Partial states: what they tell, and that two of them add up to one."""

import numpy as np
import orjson
import polars as pl
import pytest

from aisle.errors import MonitoringError
from aisle.models.reference import category_reference, number_reference
from aisle.monitoring.categories import CategoryState, PairState, coded
from aisle.monitoring.numbers import NumberState, bucketed
from aisle.monitoring.table import TableState, references_of, state_of

DRAW = np.random.default_rng(0)
ROWS = pl.DataFrame(
    {
        "length": DRAW.lognormal(3, 1, 3_000),
        "words": DRAW.poisson(7, 3_000),
        "language": DRAW.choice(["fr", "en", "de"], 3_000, p=[0.7, 0.2, 0.1]),
        "missing": DRAW.random(3_000) < 0.3,
        "label": DRAW.choice(["10", "40", "50"], 3_000),
    }
).with_columns(pl.when(pl.col("missing")).then(None).otherwise("length").alias("length"))


def test_a_state_tells_what_the_rows_are() -> None:
    state = state_of(ROWS, references_of(ROWS), "label")
    length, values = state.columns["length"], ROWS["length"].drop_nulls().to_numpy()
    assert isinstance(length, NumberState)
    assert (length.rows, length.missing, length.finite) == (3_000, int(ROWS["missing"].sum()), len(values))
    assert (length.mean, length.deviation) == pytest.approx((values.mean(), values.std()))
    assert (length.least, length.greatest) == (values.min(), values.max())
    shares = np.array([0.01, 0.25, 0.5, 0.9])
    assert length.quantile(shares) == pytest.approx(np.quantile(values, shares), rel=0.02)
    assert length.distinct == pytest.approx(len(values), rel=0.05)
    assert length.counts.tolist() == references_of(ROWS)["length"].counts.tolist()
    language = state.columns["language"]
    assert isinstance(language, CategoryState)
    assert language.counts == dict(ROWS["language"].value_counts().iter_rows())
    assert state.pairs["language"].table.sum() == 3_000


def test_states_of_parts_add_up_to_the_state_of_all() -> None:
    references = references_of(ROWS)
    whole, parts = state_of(ROWS, references, "label"), TableState(references, "label")
    for part in ROWS.iter_slices(700):
        parts.merge(state_of(part, references, "label"))
    one, other = whole.to_json(), parts.to_json()
    for state in (one, other):
        for name in ("length", "words"):
            state["columns"][name]["moments"] = np.round(state["columns"][name]["moments"], 6).tolist()
        for pair in state["pairs"].values():
            order = np.argsort(pair["bins"])
            pair["table"] = np.array(pair["table"])[order][:, np.argsort(pair["labels"])].tolist()
            pair["bins"], pair["labels"] = sorted(pair["bins"]), sorted(pair["labels"])
    assert other == one


def test_a_state_survives_json_and_goes_on() -> None:
    references = references_of(ROWS)
    half = state_of(ROWS[:1_500], references, "label")
    again = TableState.from_json(orjson.loads(orjson.dumps(half.to_json())), references)
    again.update(ROWS[1_500:])
    assert again.columns["length"].quantile(0.5) == state_of(ROWS, references, "label").columns["length"].quantile(0.5)
    assert again.rows == 3_000


def test_states_of_different_references_do_not_add_up() -> None:
    one = NumberState.empty(number_reference(np.arange(100.0)))
    with pytest.raises(MonitoringError, match="different references"):
        one.merge(NumberState.empty(number_reference(np.arange(50.0))))
    references = {"a": number_reference(np.arange(9.0))}
    table, other = TableState(references), TableState(references, columns={"a": CategoryState()})
    with pytest.raises(MonitoringError, match="different references"):
        table.merge(other)


def test_hard_numbers_are_taken() -> None:
    state = NumberState.empty(number_reference(np.array([-5.0, 0.0, 1e-12, 3.0])))
    state.update(np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-300, 1e300, -1e300, 5.0]))
    assert (state.rows, state.missing, state.infinite, state.finite) == (9, 1, 2, 6)
    assert state.counts.sum() == 8
    assert state.distinct == pytest.approx(5, abs=1)
    assert state.quantile(1.0) == pytest.approx(6e14, rel=0.5)


def test_an_empty_state_has_no_quantile() -> None:
    state = NumberState.empty(number_reference(np.arange(5.0)))
    assert np.isnan(state.quantile(0.5))
    assert (state.distinct, state.deviation) == (0, 0)
    assert state.to_json()["moments"] is None
    assert NumberState.from_json(state.to_json()).finite == 0


def test_buckets_tell_a_value_to_half_a_percent() -> None:
    values = np.array([-1e6, -3.3, 0.0, 1e-3, 17.0, 1e9])
    assert bucketed(values) == pytest.approx(values, rel=0.0051)


def test_columns_that_the_reference_has_not_are_named() -> None:
    state = state_of(ROWS.with_columns(new=1), references_of(ROWS))
    assert state.unexpected == {"new"}


def test_text_where_numbers_are_due_is_an_error() -> None:
    with pytest.raises(MonitoringError, match="holds String"):
        state_of(pl.DataFrame({"a": ["x"]}), {"a": number_reference(np.arange(3.0))})


def test_a_column_of_nulls_is_missing_throughout() -> None:
    references = {"a": number_reference(np.arange(3.0)), "b": category_reference(["x"])}
    state = state_of(pl.DataFrame({"a": [None, None], "b": [None, None]}), references)
    assert [state.columns[name].missing for name in "ab"] == [2, 2]


def test_of_too_many_categories_the_rest_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aisle.monitoring.categories.MOST", 2)
    state = CategoryState()
    state.add(["a", "b", "c"], [1, 2, 3], 4)
    assert (state.counts, state.others, state.rows, state.missing) == ({"a": 1, "b": 2}, 3, 10, 4)
    assert state.bins(category_reference(["a"])).tolist() == [1, 5, 4]
    merged = CategoryState()
    merged.merge(state)
    assert merged.to_json() == state.to_json()


def test_codes_stand_for_what_they_say() -> None:
    codes, names = coded(pl.Series(["b", None, "a"]))
    assert (codes.tolist(), names) == ([1, 2, 0], ["a", "b"])
    assert coded(pl.Series([True, None, False]))[0].tolist() == [1, 2, 0]
    assert coded(pl.Series([None], dtype=pl.String)) == (pytest.approx(np.zeros(1)), [])


def test_pairs_grow_with_what_comes() -> None:
    pairs = PairState()
    pairs.add(["x"], ["1"], np.array([[2]]))
    pairs.add(["y", "x"], ["2", "1"], np.array([[3, 4], [5, 6]]))
    assert pairs.table.tolist() == [[8, 5], [4, 3]]
    assert PairState.from_json(PairState().to_json()).table.size == 0
