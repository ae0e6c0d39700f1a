"""The discrepancy is the one of the paper, keeps to its band when nothing has changed, and sees what has."""

from base64 import b64encode

import numpy as np
import pytest
from scipy.stats import pearson3

from aisle.features.marks import read_marks, read_sketches, title_marks
from aisle.monitoring.discrepancy import ROWS, Discrepancy, image_mmd, pearson_tail, title_mmd

WORDS = [f"mot{n}" for n in range(300)]


def titles(rows: int, seed: int, *more: str) -> list[str]:
    draw = np.random.default_rng(seed)
    return [title_marks([*draw.choice(WORDS, 6), *more]) for _ in range(rows)]


def sketches(rows: int, seed: int, light: float = 120.0, spread: float = 40.0) -> list[str]:
    numbers = np.random.default_rng(seed).normal(light, spread, (rows, 24))
    return [b64encode(np.clip(row, 0, 255).astype(np.uint8)).decode() for row in numbers]


def by_the_book(kernel: np.ndarray, m: int) -> float:
    """Equation 3, pair by pair."""
    n = len(kernel) - m
    one = sum(kernel[i, j] for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    two = sum(kernel[i, j] for i in range(m, m + n) for j in range(m, m + n) if i != j) / (n * (n - 1))
    return one + two - 2 * sum(kernel[i, j] for i in range(m) for j in range(m, m + n)) / (m * n)


def test_titles_are_as_far_apart_as_the_formula_says() -> None:
    window, reference = [*titles(30, 1), ""], titles(40, 2, "neu")
    numbers, lengths = read_marks([*window, *reference])
    words = np.split(numbers, np.cumsum(lengths)[:-1])
    kernel = np.array([[len({*a} & {*b}) / np.sqrt(max(len(a), 1) * max(len(b), 1)) for b in words] for a in words])
    assert title_mmd(window, reference, 0.01).mmd == pytest.approx(by_the_book(kernel, len(window)), abs=1e-12)


def test_images_are_as_far_apart_as_the_formula_says() -> None:
    window, reference = sketches(30, 1), sketches(40, 2, light=150)
    numbers = read_sketches([*window, *reference])
    apart = np.square(numbers[:, np.newaxis] - numbers).sum(axis=2)
    usual = np.median(apart[np.triu_indices(len(apart), 1)])
    found = image_mmd(window, reference, 0.01)
    assert found.mmd == pytest.approx(by_the_book(np.exp(-apart / usual), 30), abs=1e-9)
    assert (found.n, found.m) == (40, 30)


@pytest.mark.parametrize("make", ["titles", "images"])
def test_when_nothing_has_changed_it_leaves_its_band_as_often_as_was_asked(make: str) -> None:
    draw, ask = (titles, title_mmd) if make == "titles" else (sketches, image_mmd)
    found = [ask(draw(80, 2 * seed), draw(100, 2 * seed + 1), 0.05) for seed in range(200)]
    above = np.mean([one.mmd > one.null_high for one in found])
    # 5 % of 200 is 10, give or take 3.
    assert 0.01 <= above <= 0.11
    assert abs(np.mean([one.mmd for one in found])) < 3 * np.std([one.mmd for one in found]) / np.sqrt(200)


@pytest.mark.parametrize("skew", [-2.0, -0.3, 0.0, 1e-5, 1e-3, 0.5, 3.0])
@pytest.mark.parametrize("alpha", [0.05, 1e-3, 1e-6])
def test_the_tail_is_scipy_s(alpha: float, skew: float) -> None:
    assert pearson_tail(alpha, skew) == pytest.approx(pearson3.isf(alpha, skew), rel=1e-3)


def test_what_has_changed_is_seen_beyond_any_doubt() -> None:
    words = title_mmd(titles(500, 1, "zorbax"), titles(500, 2), 1e-6)
    dark = image_mmd(sketches(500, 1, light=100), sketches(500, 2), 1e-6)
    # The mean is the same: a mean of numbers alone would not see it.
    flat = image_mmd(sketches(500, 1, spread=20), sketches(500, 2), 1e-6)
    for found in (words, dark, flat):
        assert found.mmd > found.null_high > found.null_low


def test_a_fixed_share_of_many_rows_is_looked_at() -> None:
    window, reference = titles(ROWS + 200, 1), titles(ROWS + 300, 2)
    found = title_mmd(window, reference, 0.01)
    assert (found.n, found.m) == (ROWS, ROWS)
    assert title_mmd(window, reference, 0.01) == found


@pytest.mark.parametrize("ask", [title_mmd, image_mmd])
def test_rows_that_are_all_alike_are_not_apart(ask) -> None:
    alike = [titles(1, 1)[0]] * 30 if ask is title_mmd else [sketches(1, 1)[0]] * 30
    assert ask(alike, alike, 0.01) == Discrepancy(pytest.approx(0, abs=1e-12), 0.0, 0.0, 30, 30)
