"""Distances of distributions: those of scipy, and quiet where nothing has changed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, wasserstein_distance

from aisle.models.reference import number_reference
from aisle.monitoring.distances import (
    distances,
    js,
    kl,
    null_bands,
    psi,
    smoothed,
    wasserstein,
    wasserstein_null,
    wasserstein_of_counts,
)

COUNTS = st.lists(st.integers(0, 10_000), min_size=2, max_size=40)
NUMBERS = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 2)), min_size=1, max_size=60)


@given(st.integers(2, 30).flatmap(lambda n: st.tuples(*[st.lists(st.integers(0, 999), min_size=n, max_size=n)] * 2)))
def test_they_are_those_of_scipy(pair: tuple[list[int], list[int]]) -> None:
    p, q = map(smoothed, pair)
    assert kl(p, q) == pytest.approx(entropy(p, q), abs=1e-9)
    assert js(p, q) == pytest.approx(jensenshannon(p, q, 2), abs=1e-9)
    assert psi(p, q) == pytest.approx(entropy(p, q) + entropy(q, p), abs=1e-9)


@given(NUMBERS, NUMBERS)
def test_wasserstein_is_that_of_scipy(first: list[float], second: list[float]) -> None:
    expected = wasserstein_distance(first, second)
    assert wasserstein(np.array(first), np.array(second)) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_wasserstein_of_weighted_points_is_that_of_scipy() -> None:
    draw = np.random.default_rng(0)
    points = np.sort(draw.normal(size=30))
    one, two = draw.integers(0, 9, (2, 30))
    expected = wasserstein_distance(points, points, one, two)
    assert wasserstein_of_counts(points, one, two) == pytest.approx(expected, abs=1e-9)


def test_nothing_in_common_is_far_and_the_same_is_near() -> None:
    assert js(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0
    same = distances(np.array([30, 70, 0]), np.array([300, 700, 0]))
    assert same.psi < 0.02
    assert distances(np.array([0, 100]), np.array([100, 0])).js > 0.9


@given(COUNTS)
def test_smoothed_shares_add_up_to_one_and_none_is_zero(counts: list[int]) -> None:
    shares = smoothed(np.array(counts))
    assert shares.sum() == pytest.approx(1)
    assert (shares > 0).all()


@pytest.mark.parametrize("m", [200, 1_000, 5_000])
def test_when_nothing_has_changed_psi_seldom_leaves_its_band(m: int) -> None:
    draw, n = np.random.default_rng(1), 20_000
    shares = draw.dirichlet(np.full(20, 2.0))
    reference = draw.multinomial(n, shares)
    found = [distances(window, reference) for window in draw.multinomial(m, shares, size=1_500)]
    band = null_bands(20, n, m, 0.01)
    for name in ("psi", "kl", "js"):
        outside = np.mean([getattr(one, name) > getattr(band, name) for one in found])
        assert outside < 0.025, name


def test_when_nothing_has_changed_wasserstein_seldom_leaves_its_band() -> None:
    draw = np.random.default_rng(2)
    reference = draw.normal(size=4_000)
    quantiles = number_reference(reference).quantiles
    limit = wasserstein_null(quantiles, 4_000, 500, 0.01)
    found = [wasserstein(draw.normal(size=500), reference) for _ in range(500)]
    assert np.mean(np.array(found) > limit) < 0.03
    assert wasserstein(draw.normal(0.4, size=500), reference) > limit


def test_one_outlier_hardly_moves_psi() -> None:
    draw = np.random.default_rng(3)
    reference = number_reference(draw.normal(size=5_000))
    window = draw.normal(0.3, size=1_000)

    def measure(values: np.ndarray) -> float:
        places = np.searchsorted(reference.edges, values, side="right")
        return distances(np.bincount(places, minlength=len(reference.counts)), reference.counts).psi

    assert measure(np.append(window, 1e6)) == pytest.approx(measure(window), rel=0.01)
