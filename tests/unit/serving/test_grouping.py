import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from aisle.catalog.product import Product
from aisle.errors import ModelError, Overloaded
from aisle.models.prediction import Prediction
from aisle.serving.grouping import Grouper, Prepared
from aisle.serving.predictor import Champion, ChampionRef, Scorer
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import BREAKS, FakeModel


class Held(FakeModel):
    """A model that waits at its first call until it is let go, and remembers how many products came at a time."""

    def __init__(self, digest: str = "a") -> None:
        super().__init__(digest)
        self.go = threading.Event()
        self.sizes: list[int] = []

    def predict(self, products: Sequence[Product], *, top: int = 5) -> list[Prediction]:
        if products[0].id != "probe":
            self.sizes.append(len(products))
            assert self.go.wait(10)
        return super().predict(products, top=top)


def champion(model: FakeModel, version: int = 1) -> Champion:
    return Champion.of(ChampionRef(version, model.digest, version), model)


def prepared(*titles: str, top: int = 2) -> Callable[[], Prepared]:
    """A request that is answered with its products' codes."""
    products = [Product(str(n), title=title) for n, title in enumerate(titles)]

    def told(found: list[Prediction], _began: float, _ended: float) -> bytes:
        return ",".join(f"{one.code}/{len(one.top)}" for one in found).encode()

    return lambda: Prepared(products, top, told)


def refused() -> Prepared:
    raise ModelError("not this one")


def asked(
    *requests: tuple[Champion, Callable[[], Prepared]],
    model: Held,
    threads: int = 1,
    max_wait_s: float = 60,
    hold_s: float = 0.1,
) -> list[bytes | BaseException]:
    """Ask all of them at once, the first of which holds a thread for a while; return what came of each."""
    scorer = Scorer(threads=1, max_waiting=64, max_wait_s=max_wait_s)

    async def scenario() -> list[bytes | BaseException]:
        grouper = Grouper(scorer, telemetry=Telemetry())
        running = [asyncio.create_task(grouper.run(*requests[0]))]
        await asyncio.sleep(0.05)
        running += [asyncio.create_task(grouper.run(*one)) for one in requests[1:]]
        await asyncio.sleep(hold_s)
        model.go.set()
        found = await asyncio.gather(*running, return_exceptions=True)
        while scorer.room < 65:
            await asyncio.sleep(0.01)
        return found

    try:
        return asyncio.run(asyncio.wait_for(scenario(), 20))
    finally:
        scorer.close()


def test_what_waits_for_a_thread_is_answered_together_and_each_gets_its_own() -> None:
    model = Held()
    who = champion(model)
    found = asked(*((who, prepared(f"t{n}", f"u{n}", top=2 + n % 3)) for n in range(8)), model=model)
    assert model.sizes == [2, 14]
    for n, answer in enumerate(found):
        assert answer == ",".join(f"{model.expected(f'{t}{n}')}/{2 + n % 3}" for t in "tu").encode()


def test_a_group_is_bounded_in_requests_and_in_products() -> None:
    model = Held()
    who = champion(model)
    asked(*((who, prepared(f"t{n}")) for n in range(20)), model=model)
    assert model.sizes == [1, 8, 8, 3]
    model = Held()
    who = champion(model)
    asked((who, prepared("a")), *((who, prepared(*"abcdefghi")) for _ in range(5)), model=model)
    assert model.sizes == [1, 18, 18, 9]


def test_no_group_is_of_two_champions() -> None:
    model, other = Held("a"), Held("b")
    other.go.set()
    one, two = champion(model, 1), champion(other, 2)
    found = asked((one, prepared("x")), (one, prepared("a")), (two, prepared("a")), (one, prepared("b")), model=model)
    assert (model.sizes, other.sizes) == ([1, 1, 1], [1])
    assert found[2] == f"{other.expected('a')}/2".encode()


def test_one_that_cannot_be_read_or_scored_takes_no_other_along() -> None:
    model = Held()
    who = champion(model)
    requests = [prepared("x"), prepared("a"), refused, prepared(BREAKS), prepared("b")]
    found = asked(*((who, one) for one in requests), model=model)
    assert [type(one) for one in found] == [bytes, bytes, ModelError, ZeroDivisionError, bytes]
    assert found[4] == f"{model.expected('b')}/2".encode()


def test_one_whose_answer_cannot_be_made_is_told_so_alone() -> None:
    def breaks(*_: object) -> bytes:
        raise KeyError("spelling")

    model = Held()
    who = champion(model)

    def broken() -> Prepared:
        return Prepared([Product("0", title="a")], 2, breaks)

    found = asked((who, prepared("x")), (who, broken), (who, prepared("b")), model=model)
    assert [type(one) for one in found] == [bytes, KeyError, bytes]
    alone = asked((who, broken), model=model)
    assert [type(one) for one in alone] == [KeyError]


def test_answers_that_are_missing_are_an_error_and_mixed_up_with_nothing() -> None:
    class Short(Held):
        def predict(self, products: Sequence[Product], *, top: int = 5) -> list[Prediction]:
            return super().predict(products, top=top)[: 1 if products[0].id == "probe" else -1]

    model = Short()
    who = champion(model)
    found = asked((who, prepared("x")), (who, prepared("a")), model=model)
    assert [type(one) for one in found] == [ModelError, ModelError]


def test_who_has_waited_for_too_long_is_told_so() -> None:
    model = Held()
    who = champion(model)
    found = asked((who, prepared("x")), (who, prepared("a")), model=model, max_wait_s=0.1, hold_s=0.3)
    assert found[0] == f"{model.expected('x')}/2".encode()
    assert isinstance(found[1], Overloaded)


def test_who_has_left_is_passed_over_and_no_place_is_lost() -> None:
    model = Held()
    who, scorer = champion(model), Scorer(threads=1, max_waiting=3)

    async def scenario() -> None:
        grouper = Grouper(scorer, telemetry=Telemetry())
        tasks = [asyncio.create_task(grouper.run(who, prepared(f"t{n}"))) for n in range(4)]
        await asyncio.sleep(0.05)
        with pytest.raises(Overloaded):
            await grouper.run(who, prepared("one too many"))
        tasks[1].cancel()
        model.go.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one) for one in found] == [bytes, asyncio.CancelledError, bytes, bytes]
        began = time.monotonic()
        while scorer.room < 4:
            assert time.monotonic() - began < 5
            await asyncio.sleep(0.01)

    asyncio.run(scenario())
    scorer.close()


def test_requests_that_never_end_leave_no_turns_behind() -> None:
    model = Held()
    model.go.set()
    who, scorer = champion(model), Scorer(threads=2, max_waiting=30)

    async def client(grouper: Grouper, number: int) -> None:
        for turn in range(200):
            title = f"{number}.{turn}"
            assert await grouper.run(who, prepared(title)) == f"{model.expected(title)}/2".encode()

    async def scenario() -> None:
        grouper = Grouper(scorer, telemetry=Telemetry())
        # Far more requests than places, but never more at once: none is refused.
        await asyncio.gather(*(client(grouper, number) for number in range(16)))
        began = time.monotonic()
        while scorer.room < 32:
            assert time.monotonic() - began < 5
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(scenario(), 60))
    assert sum(model.sizes) == 3_200
    scorer.close()


def test_a_job_of_another_kind_gets_its_turn_while_small_ones_keep_coming() -> None:
    model = Held()
    model.go.set()
    who, scorer = champion(model), Scorer(threads=1, max_waiting=30)

    async def scenario() -> None:
        grouper, over = Grouper(scorer, telemetry=Telemetry()), asyncio.Event()

        async def client() -> None:
            while not over.is_set():
                await grouper.run(who, prepared("a"))

        clients = [asyncio.create_task(client()) for _ in range(8)]
        for _ in range(20):
            await asyncio.wait_for(scorer.run(lambda: None), 5)
        over.set()
        await asyncio.gather(*clients)

    asyncio.run(asyncio.wait_for(scenario(), 60))
    scorer.close()
