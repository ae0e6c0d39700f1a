import asyncio
from collections.abc import Sequence

import pytest

from aisle.catalog.product import Product
from aisle.errors import Overloaded
from aisle.models.prediction import Prediction
from aisle.serving.batching import AT_ONCE, Batcher
from aisle.serving.predictor import Champion, ChampionRef
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import BREAKS, FakeModel


class Counting(FakeModel):
    """A model that remembers how many products came at a time."""

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.sizes: list[int] = []

    def predict(self, products: Sequence[Product], *, top: int = 5) -> list[Prediction]:
        self.sizes.append(len(products))
        return super().predict(products, top=top)


def champion(model: FakeModel, version: int = 1) -> Champion:
    made = Champion.of(ChampionRef(version, model.digest, version), model)
    if isinstance(model, Counting):
        model.sizes.clear()
    return made


def batcher(max_waiting: int = 1_000) -> Batcher:
    return Batcher(telemetry=Telemetry(), max_waiting=max_waiting)


def products(*titles: str) -> list[Product]:
    return [Product(str(position), title=title) for position, title in enumerate(titles)]


def test_what_comes_in_one_turn_is_scored_together_and_each_gets_its_own() -> None:
    model, shared = Counting("a"), batcher()
    serving = champion(model)

    async def ask() -> list[list[Prediction] | None]:
        return await asyncio.gather(*(shared.score(serving, products(f"t{n}", f"u{n}"), 1 + n % 3) for n in range(10)))

    answers = asyncio.run(ask())
    assert model.sizes == [20]
    for number, answer in enumerate(answers):
        assert answer is not None
        assert [one.code for one in answer] == [model.expected(f"t{number}"), model.expected(f"u{number}")]
        assert {len(one.top) for one in answer} == {1 + number % 3}


def test_no_batch_holds_the_loop_for_long() -> None:
    model, shared = Counting("a"), batcher()
    serving = champion(model)

    async def ask() -> None:
        await asyncio.gather(*(shared.score(serving, products("a", "b", "c"), 5) for _ in range(40)))

    asyncio.run(ask())
    assert sum(model.sizes) == 120
    assert max(model.sizes) <= AT_ONCE


def test_a_swap_between_two_requests_mixes_no_models() -> None:
    old, new, shared = FakeModel("a"), FakeModel("b"), batcher()
    both = champion(old), champion(new, 2)

    async def ask() -> list[list[Prediction] | None]:
        return await asyncio.gather(*(shared.score(both[n % 2], products("title"), 5) for n in range(12)))

    for number, answer in enumerate(asyncio.run(ask())):
        assert answer is not None
        assert answer[0].code == (old, new)[number % 2].expected("title")


def test_what_breaks_the_model_takes_no_neighbour_along() -> None:
    model, shared = FakeModel("a"), batcher()
    serving, logged = champion(model), list[dict[str, object]]()

    async def ask() -> list[list[Prediction] | None]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
        first = await asyncio.gather(*(shared.score(serving, products(title), 5) for title in ("fine", BREAKS)))
        return [*first, await shared.score(serving, products("later"), 5)]

    one, other, later = asyncio.run(ask())
    assert one is other is None
    assert later is not None
    assert [type(context["exception"]) for context in logged] == [ZeroDivisionError]


def test_a_client_that_left_does_not_matter_to_the_others() -> None:
    model, shared = FakeModel("a"), batcher()
    serving = champion(model)

    async def ask() -> list[Prediction] | None:
        gone = asyncio.create_task(shared.score(serving, products("gone"), 5))
        stays = asyncio.create_task(shared.score(serving, products("stays"), 5))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    answer = asyncio.run(ask())
    assert answer is not None
    assert answer[0].code == model.expected("stays")


def test_more_than_may_wait_are_turned_away() -> None:
    shared, serving = batcher(max_waiting=2), champion(FakeModel("a"))

    async def ask() -> list[object]:
        asked = (shared.score(serving, products("a"), 5) for _ in range(5))
        return await asyncio.gather(*asked, return_exceptions=True)

    outcomes = asyncio.run(ask())
    assert [isinstance(outcome, Overloaded) for outcome in outcomes] == [False, False, True, True, True]


@pytest.mark.parametrize("delay", [0.0, 0.02])
def test_a_champion_knows_how_long_its_model_takes(delay: float) -> None:
    class Slow(FakeModel):
        def predict(self, products: Sequence[Product], *, top: int = 5) -> list[Prediction]:
            import time

            time.sleep(delay)
            return super().predict(products, top=top)

    seconds = champion(Slow("a")).seconds
    assert seconds >= delay
    assert seconds < delay + 1
