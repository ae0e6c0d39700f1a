"""Agreement and shares, against figures that others published."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from aisle.review.agreement import kappa, proportion


def pairs(table: list[list[int]]) -> list[tuple[str, str]]:
    return [(str(i), str(j)) for i, row in enumerate(table) for j, times in enumerate(row) for _ in range(times)]


def test_kappas_interval_is_as_wide_as_draws_are_far_apart():
    table = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]])
    found = kappa(pairs(table.tolist()))
    assert found.high is not None
    assert found.low is not None
    draws = np.random.default_rng(1).multinomial(100, table.ravel() / 100, size=4_000).reshape(-1, 3, 3) / 100
    chance = np.einsum("di,di->d", draws.sum(axis=1), draws.sum(axis=2))
    drawn = (np.einsum("dii->d", draws) - chance) / (1 - chance)
    assert (found.high - found.low) / 2 / 1.96 == pytest.approx(drawn.std(), rel=0.1)


def test_kappa_is_that_of_scikit_learn():
    said = pairs([[5, 2, 0], [1, 9, 3], [2, 0, 4]])
    assert kappa(said).value == pytest.approx(cohen_kappa_score([a for a, _ in said], [b for _, b in said]))


def test_kappa_of_those_who_always_agree_and_of_those_who_never_do():
    assert kappa(pairs([[3, 0], [0, 4]])).value == pytest.approx(1.0)
    assert kappa(pairs([[0, 3], [3, 0]])).value == pytest.approx(-1.0)


@pytest.mark.parametrize("said", [[], [("a", "a")], [("a", "a")] * 9])
def test_kappa_is_unknown_where_it_cannot_be_told(said: list[tuple[str, str]]):
    assert kappa(said).value is None


@pytest.mark.parametrize(
    ("hits", "cases", "low", "high"), [(0, 10, 0.0, 0.2775), (9, 10, 0.5958, 0.9821), (10, 10, 0.7225, 1)]
)
def test_a_share_has_wilsons_interval(hits: int, cases: int, low: float, high: float):
    found = proportion(hits, cases)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
    assert proportion(0, 0).value is None
