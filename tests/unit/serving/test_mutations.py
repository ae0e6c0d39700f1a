"""Every parser of bodies, fed with what is almost right: products or a refusal, and never anything else."""

import time
from collections import Counter

import psutil
import pytest

from tests.unit.serving.mutations import SEEDS, mutated, outcome, split_whole


def fuzz(kind: str, cases: int, seed: int) -> Counter[str]:
    """Return how many bodies were taken how; fail if one took longer than a second."""
    outcomes: Counter[str] = Counter()
    for body in mutated(kind, cases, seed):
        began = time.process_time()
        outcomes[outcome(kind, body)] += 1
        assert time.process_time() - began < 1, body
    return outcomes


@pytest.mark.parametrize("kind", SEEDS)
def test_the_seeds_are_right(kind: str) -> None:
    assert {outcome(kind, seed) for seed in SEEDS[kind]} == {"read"}


@pytest.mark.parametrize("kind", SEEDS)
def test_a_few_hundred_bodies_are_read_or_refused(kind: str) -> None:
    outcomes = fuzz(kind, 700, seed=1)
    assert outcomes["read"] > 10
    assert outcomes["refused"] > 100


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_two_hundred_thousand_bodies_are_read_or_refused_and_take_no_memory() -> None:
    process = psutil.Process()
    first = sum((fuzz(kind, 3_000, seed=2) for kind in SEEDS), Counter[str]())
    before = process.memory_info().rss
    rest = sum((fuzz(kind, 31_000, seed=3) for kind in SEEDS), Counter[str]())
    assert (first + rest).total() > 200_000
    assert process.memory_info().rss - before < 50_000_000


@pytest.mark.parametrize("kind", ["products", "csv"])
def test_lines_do_not_depend_on_how_they_come(kind: str) -> None:
    for number, body in enumerate(mutated(kind, 200, seed=4)):
        lines = b"\n".join([body, b"", body])
        assert split_whole(lines, [1] * len(lines)) == split_whole(lines, [number + 1] * 5)
