import threading

import pytest
from scipy.stats import binomtest

from aisle.models.prediction import Prediction
from aisle.serving.comparison import MAX_PAIRS, Comparison, share_interval
from aisle.serving.predictor import ChampionRef

ONE, TWO = ChampionRef(1, "bundle-a", 1), ChampionRef(2, "bundle-b", 2)


def said(*codes: str, confidence: float = 0.5) -> list[Prediction]:
    return [Prediction("p", code, code, confidence, (), ("text",)) for code in codes]


def test_agreement_and_the_pairs_that_differ_are_counted() -> None:
    comparison = Comparison()
    assert comparison.add(ONE, said("a", "b", "c", "c"), said("a", "c", "b", "b", confidence=0.75)) == 1
    found = comparison.results(1)
    assert (found.champion, found.agree, found.differ, found.difference) == (ONE, 1, 3, 0.25)
    assert found.pairs == [("c", "b", 2)]
    assert found.others == 0
    assert found.since is not None
    assert len(comparison.results(10).pairs) == 2


def test_before_the_first_pair_there_is_nothing() -> None:
    found = Comparison().results(10)
    assert (found.champion, found.since, found.agree, found.differ, found.difference) == (None, None, 0, 0, 0.0)


def test_another_champion_begins_anew_and_another_row_of_the_same_bundle_does_not() -> None:
    comparison = Comparison()
    comparison.add(ONE, said("a"), said("a"))
    comparison.add(ChampionRef(9, "bundle-a", 7), said("a"), said("a"))
    assert comparison.results(0).agree == 2
    comparison.add(TWO, said("a"), said("b"))
    found = comparison.results(5)
    assert (found.champion, found.agree, found.differ) == (TWO, 0, 1)


def test_the_pairs_are_bounded_and_those_that_came_first_go_on_counting() -> None:
    comparison = Comparison()
    for number in range(MAX_PAIRS + 50):
        comparison.add(ONE, said("a"), said(f"b{number}"))
    comparison.add(ONE, said("a"), said("b0"))
    found = comparison.results(MAX_PAIRS + 50)
    assert len(found.pairs) == MAX_PAIRS
    assert found.others == 50
    assert found.pairs[0] == ("a", "b0", 2)
    assert found.differ == MAX_PAIRS + 51


def test_threads_lose_no_count() -> None:
    comparison = Comparison()

    def work() -> None:
        for _ in range(500):
            comparison.add(ONE, said("a", "a"), said("a", "b"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = comparison.results(1)
    assert (found.agree, found.differ, found.pairs) == (2_000, 2_000, [("a", "b", 2_000)])


@pytest.mark.parametrize(("hits", "total"), [(0, 1), (1, 1), (8, 10), (0, 50), (50, 50), (942, 1_000), (3, 100_000)])
def test_the_interval_is_scipys(hits: int, total: int) -> None:
    expected = binomtest(hits, total).proportion_ci(method="wilson")
    assert share_interval(hits, total) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_of_nothing_nothing_is_known() -> None:
    assert share_interval(0, 0) == (0.0, 1.0)
