"""Timing two bundles: turns, rounds, and a clock that is looked at."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import polars as pl
import pytest

from aisle.catalog.product import Product
from aisle.catalog.snapshot import SCHEMA
from aisle.models.bundle import Bundle
from aisle.pipeline.timing import ROUNDS, time_in_turns, timing_products


class Clock:
    """A clock that moves only when somebody answers."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order: list[str] = []

    def __call__(self) -> float:
        return self.now


class Answering:
    """A bundle as the timing sees it: each product takes its time; a first answer takes longer."""

    def __init__(self, name: str, clock: Clock, seconds: float) -> None:
        self.name, self.clock, self.seconds, self.calls = name, clock, seconds, 0

    def probabilities(self, products: Sequence[Product]) -> np.ndarray:
        self.calls += 1
        self.clock.now += len(products) * self.seconds * (100 if self.calls == 1 else 1)
        if self.clock.order[-1:] != [self.name]:
            self.clock.order.append(self.name)
        return np.ones((len(products), 1), np.float32)


def rows(count: int) -> pl.DataFrame:
    values = {name: [None] * count for name in SCHEMA}
    known = {
        "source": ["shop"] * count,
        "split": ["train"] * count,
        "id": [f"{n:04}" for n in range(count)],
        "label": ["10"] * count,
    }
    return pl.DataFrame({**values, **known}, schema=SCHEMA)


def test_both_take_turns_and_each_fills_its_part_of_a_round() -> None:
    clock = Clock()
    fast, slow = Answering("fast", clock, 0.0001), Answering("slow", clock, 0.01)
    items = [Product(str(n), title="t") for n in range(10)]
    times = time_in_turns(cast("Bundle", fast), cast("Bundle", slow), items, clock=clock)
    assert len(times[0]) == len(times[1]) == ROUNDS
    assert times[0] == pytest.approx([0.0001] * ROUNDS)
    assert times[1] == pytest.approx([0.01] * ROUNDS), "the first answers do not count"
    # Ten answers take the fast one a thousandth of a second: thirty times they fill a round.
    assert fast.calls in {2 + 30 * ROUNDS, 2 + 31 * ROUNDS}
    assert slow.calls == 2 + ROUNDS
    # After warming up and counting, whoever ended a round begins the next.
    assert clock.order == ["fast", "slow", "fast", "slow", *["fast", "slow"] * (ROUNDS // 2 + 1)]


@pytest.mark.parametrize(("count", "step"), [(1, 1), (256, 1), (511, 1), (2_000, 7)])
def test_the_products_are_spread_over_the_gold_rows(count: int, step: int) -> None:
    items = timing_products(rows(count))
    assert [item.id for item in items] == [f"{n:04}" for n in range(0, count, step)][:256]


def test_images_are_those_of_the_products() -> None:
    def images(frame: pl.DataFrame) -> list[bytes | None]:
        return [identity.encode() for identity in frame["id"]]

    assert all(item.image == item.id.encode() for item in timing_products(rows(600), images))
