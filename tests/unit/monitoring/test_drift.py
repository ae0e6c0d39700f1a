"""Drift of one column, and of titles and images as a whole."""

import numpy as np
import polars as pl
import pytest

from aisle.features.marks import title_marks
from aisle.models.reference import category_reference, number_reference
from aisle.monitoring.categories import CategoryState
from aisle.monitoring.domain import auc_null, image_auc, title_auc
from aisle.monitoring.drift import column_drift, domain_values
from aisle.monitoring.numbers import NumberState

DRAW = np.random.default_rng(0)
WORDS = [f"mot{n}" for n in range(500)]


def titles(rows: int, *more: str) -> list[str]:
    return [title_marks([*DRAW.choice(WORDS, 6), *more]) for _ in range(rows)]


def sketches(rows: int, light: float) -> list[str]:
    from base64 import b64encode

    return [b64encode(np.clip(DRAW.normal(light, 40, 24), 0, 255).astype(np.uint8)).decode() for _ in range(rows)]


def test_a_column_of_numbers_has_four_distances() -> None:
    reference = number_reference(DRAW.normal(size=5_000))
    state = NumberState.empty(reference)
    state.update(DRAW.normal(0.8, size=1_000))
    found = column_drift("size", reference, state, 0.001)
    values = {value.measure: value for value in found.values}
    assert set(values) == {"psi", "kl", "js", "wasserstein"}
    assert all(value.value > value.null_high for value in values.values())
    assert values["wasserstein"].value == pytest.approx(0.8, abs=0.1)
    assert (found.psi.n, found.psi.m) == (5_000, 1_000)
    assert len(found.bins) == len(found.reference) == len(found.window)


def test_the_wasserstein_distance_is_that_of_all_values_to_a_percent() -> None:
    from scipy.stats import wasserstein_distance

    before, now = DRAW.lognormal(3, 0.5, 20_000), DRAW.lognormal(3.2, 0.5, 5_000)
    reference = number_reference(before)
    state = NumberState.empty(reference)
    state.update(now)
    value = column_drift("size", reference, state, 0.001).values[-1]
    assert value.value == pytest.approx(wasserstein_distance(before, now), rel=0.03)


def test_a_column_of_categories_has_three() -> None:
    reference, state = category_reference(["a", "b"] * 500), CategoryState()
    state.add(["a", "c"], [300, 100], 100)
    found = column_drift("kind", reference, state, 0.001)
    assert [value.measure for value in found.values] == ["psi", "kl", "js"]
    assert found.window.tolist() == [300, 0, 100, 100]
    assert found.bins == ("a", "b", "other", "missing")


def test_what_cannot_be_told_says_why() -> None:
    numbers, empty = number_reference(np.arange(9.0)), number_reference(pl.Series([], dtype=pl.Float64))
    gone = column_drift("size", numbers, None, 0.001)
    assert {(v.value, v.state, v.note) for v in gone.values} == {(None, "unknown", "the window has no such column")}
    nothing = column_drift("size", numbers, NumberState.empty(numbers), 0.001)
    assert nothing.psi.note == "the window has no value in it"
    state = NumberState.empty(empty)
    state.update(np.arange(4.0))
    assert column_drift("size", empty, state, 0.001).psi.note == "the reference has no value in it"
    state = NumberState.empty(numbers)
    state.update(np.array([np.inf]))
    assert column_drift("size", numbers, state, 0.001).values[-1].note == "the window has no finite value in it"


def test_titles_of_new_words_are_told_from_the_reference() -> None:
    same = title_auc(titles(400), titles(1_000))
    assert same.auc < auc_null(same.n, same.m, 0.001)
    new = title_auc([*titles(600), *titles(400, "zorbax", "quelium")], titles(1_000))
    assert new.auc > auc_null(new.n, new.m, 0.001)
    assert new.low < new.auc < new.high
    assert title_auc(titles(300, "neu"), titles(300)).auc > 0.95


def test_dark_images_are_told_from_the_reference() -> None:
    same = image_auc(sketches(400, 150), sketches(800, 150))
    assert same.auc < auc_null(same.n, same.m, 0.001)
    assert image_auc(sketches(400, 110), sketches(800, 150)).auc > 0.9


def test_empty_titles_can_be_told_apart_by_nothing() -> None:
    assert title_auc([""] * 50, [""] * 50).auc == 0.5


def test_few_rows_are_not_asked_about() -> None:
    found = domain_values(titles(5), [], titles(100), sketches(100, 90), 0.001)
    assert [(value.column, value.measure, value.value) for value in found] == [
        (column, measure, None) for column in ("title_words", "image") for measure in ("auc", "mmd")
    ]
    assert found[0].note == "the window has 5 such rows, 20 are needed"
