"""The challenge's class shares, and labels drawn like them."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.catalog.categories import CHALLENGE_CODES
from aisle.catalog.sample.classes import CHALLENGE_ROWS, CLASS_FIGURES, CODES, class_counts, draw_labels
from aisle.catalog.sample.dice import Dice


def test_every_class_has_figures_that_add_up() -> None:
    assert set(CLASS_FIGURES) == CHALLENGE_CODES
    assert sum(figures.rows for figures in CLASS_FIGURES.values()) == CHALLENGE_ROWS
    for figures in CLASS_FIGURES.values():
        assert 0 < figures.described <= figures.rows
        assert 0 < figures.foreign <= figures.rows


def test_the_figures_give_the_shares_that_are_known_of_the_challenge() -> None:
    described = sum(figures.described for figures in CLASS_FIGURES.values())
    foreign = sum(figures.foreign for figures in CLASS_FIGURES.values())
    assert described / CHALLENGE_ROWS == pytest.approx(0.65, abs=0.005)
    assert foreign / CHALLENGE_ROWS == pytest.approx(0.19, abs=0.005)


@pytest.mark.parametrize("code", CODES)
def test_neighbours_are_other_classes_of_the_challenge(code: str) -> None:
    neighbours = CLASS_FIGURES[code].neighbours
    assert neighbours
    assert len(set(neighbours)) == len(neighbours)
    assert set(neighbours) < CHALLENGE_CODES
    assert code not in neighbours


def test_the_figures_are_those_of_the_real_labels(shared_data: Path) -> None:
    path = shared_data / "rakuten-labels" / "train_ids_labels.csv"
    if not path.is_file():
        pytest.skip("the real labels are not here")
    foreign = pl.col("lang_detected").is_in(["en", "de", "it", "es"]).sum()
    counted = pl.read_csv(path).group_by("prdtypecode").agg(pl.len(), pl.col("has_description").sum(), foreign)
    assert {str(code): tuple(counts) for code, *counts in counted.rows()} == {
        code: (figures.rows, figures.described, figures.foreign) for code, figures in CLASS_FIGURES.items()
    }


def test_as_many_rows_as_the_challenge_has_give_its_own_counts() -> None:
    assert class_counts(CHALLENGE_ROWS).tolist() == [CLASS_FIGURES[code].rows for code in CODES]


@given(st.integers(0, 1_000_000))
def test_counts_are_within_one_of_the_exact_share_and_add_up(rows: int) -> None:
    counts = class_counts(rows)
    exact = np.array([CLASS_FIGURES[code].rows for code in CODES]) * rows / CHALLENGE_ROWS
    assert counts.sum() == rows
    assert np.abs(counts - exact).max() < 1


@given(st.integers(112, 5_000))
def test_from_112_rows_on_every_class_is_there(rows: int) -> None:
    assert class_counts(rows).min() >= 1


def test_the_largest_remainders_get_the_rows_left_over() -> None:
    # With one row to give, the class with the largest share gets it: 2583.
    assert [CODES[place] for place in np.flatnonzero(class_counts(1))] == ["2583"]


@given(st.integers(0, 3_000), st.integers(0, 100))
def test_labels_have_exactly_the_counts(rows: int, seed: int) -> None:
    labels = draw_labels(rows, Dice(seed))
    assert np.bincount(labels, minlength=len(CODES)).tolist() == class_counts(rows).tolist()


def test_labels_are_shuffled() -> None:
    labels = draw_labels(2_000, Dice(1))
    assert (np.diff(labels.astype(int)) < 0).sum() > 500
    assert labels.tolist() != draw_labels(2_000, Dice(2)).tolist()
