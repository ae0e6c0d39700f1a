import asyncio
import threading
import time

from aisle.serving.batching import Batcher
from aisle.serving.predictor import Scorer
from aisle.serving.saturation import EVERY_S, Saturation
from aisle.telemetry import Telemetry


def test_lag_threads_and_queues_are_sampled(telemetry: Telemetry) -> None:
    def sample(name: str, **labels: str) -> float | None:
        return telemetry.registry.get_sample_value(name, labels)

    async def main() -> None:
        scorer, gate = Scorer(threads=2, max_waiting=5), threading.Event()
        saturation = Saturation(scorer, Batcher(telemetry=telemetry, max_waiting=1), telemetry)
        saturation.start()
        jobs = [asyncio.create_task(scorer.run(gate.wait)) for _ in range(5)]
        await asyncio.sleep(2.5 * EVERY_S)
        assert sample("aisle_scoring_threads_busy") == 2
        assert sample("aisle_scoring_waiting", queue="thread") == 3
        assert sample("aisle_scoring_waiting", queue="turn") == 0
        gate.set()
        await asyncio.gather(*jobs)
        # The loop is held up, which is what is to be seen.
        time.sleep(3 * EVERY_S)
        await asyncio.sleep(2.5 * EVERY_S)
        assert sample("aisle_scoring_threads_busy") == sample("aisle_scoring_waiting", queue="thread") == 0
        await saturation.stop()
        scorer.close()

    asyncio.run(main())
    count, total = sample("aisle_event_loop_lag_seconds_count"), sample("aisle_event_loop_lag_seconds_sum")
    assert count is not None
    assert total is not None
    assert count >= 3
    assert total > EVERY_S


def test_sampling_that_was_never_begun_can_be_ended(telemetry: Telemetry) -> None:
    scorer = Scorer(threads=1, max_waiting=0)
    asyncio.run(Saturation(scorer, Batcher(telemetry=telemetry, max_waiting=1), telemetry).stop())
    scorer.close()
