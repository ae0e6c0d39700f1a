import asyncio
import threading
import time

import pytest

from aisle.errors import Overloaded
from aisle.serving.predictor import Model, Scorer
from tests.unit.serving.fakes import FakeModel


def test_a_job_runs_in_a_thread_of_its_own_and_returns_its_value() -> None:
    async def main() -> str:
        scorer = Scorer(threads=1, max_waiting=0)
        try:
            return await scorer.run(lambda: threading.current_thread().name)
        finally:
            scorer.close()

    assert asyncio.run(main()).startswith("scorer")


def test_an_error_of_a_job_is_the_callers() -> None:
    async def main() -> None:
        scorer = Scorer(threads=1, max_waiting=0)
        try:
            for _ in range(5):
                with pytest.raises(ZeroDivisionError):
                    await scorer.run(lambda: 1 // 0)
        finally:
            scorer.close()

    asyncio.run(main())


def test_the_loop_goes_on_while_a_job_runs() -> None:
    async def main() -> int:
        scorer, ticks = Scorer(threads=1, max_waiting=0), 0
        job = asyncio.create_task(scorer.run(lambda: time.sleep(0.2)))
        while not job.done():
            await asyncio.sleep(0.01)
            ticks += 1
        scorer.close()
        return ticks

    assert asyncio.run(main()) > 5


@pytest.mark.parametrize(("threads", "max_waiting"), [(1, 0), (1, 2), (3, 1)])
def test_no_more_jobs_are_taken_than_may_run_and_wait(threads: int, max_waiting: int) -> None:
    async def main() -> tuple[int, int]:
        scorer, gate = Scorer(threads=threads, max_waiting=max_waiting), threading.Event()
        jobs = [asyncio.create_task(scorer.run(gate.wait)) for _ in range(threads + max_waiting + 4)]
        await asyncio.sleep(0.05)
        refused = [job for job in jobs if job.done()]
        assert all(isinstance(job.exception(), Overloaded) for job in refused)
        gate.set()
        answered = [await job for job in jobs if job not in refused]
        # Room again: every place was given back.
        await asyncio.gather(*(scorer.run(gate.wait) for _ in range(threads + max_waiting)))
        scorer.close()
        return len(refused), len(answered)

    assert asyncio.run(main()) == (4, threads + max_waiting)


def test_a_client_that_gives_up_does_not_free_a_thread_that_is_busy() -> None:
    async def main() -> None:
        scorer, gate = Scorer(threads=1, max_waiting=0), threading.Event()
        job = asyncio.create_task(scorer.run(gate.wait))
        await asyncio.sleep(0.02)
        job.cancel()
        await asyncio.wait({job})
        with pytest.raises(Overloaded):
            await scorer.run(gate.wait)
        gate.set()
        scorer.close()

    asyncio.run(main())


def test_closing_lets_the_running_job_finish() -> None:
    done = []

    def job() -> None:
        time.sleep(0.1)
        done.append(True)

    async def main() -> None:
        scorer = Scorer(threads=1, max_waiting=0)
        running = asyncio.create_task(scorer.run(job))
        await asyncio.sleep(0.02)
        scorer.close()
        await running

    asyncio.run(main())
    assert done == [True]


def test_the_fake_model_is_a_model() -> None:
    model: Model = FakeModel("bundle-a")
    assert model.digest == "bundle-a"
    assert len(model.categories) == 10
