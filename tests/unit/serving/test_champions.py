import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from aisle import __version__
from aisle.errors import BundleError, DatabaseError, ObjectStoreError
from aisle.serving.champions import ChampionWatch, Trouble
from aisle.serving.predictor import ChampionRef
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import FakeChampions, FakeModel, fault


@pytest.fixture
def watch(champions: FakeChampions, telemetry: Telemetry) -> ChampionWatch:
    return ChampionWatch(champions, poll_s=0.01, telemetry=telemetry)


def look(watch: ChampionWatch, times: int = 1) -> None:
    async def looks() -> None:
        for _ in range(times):
            await watch.look()

    asyncio.run(looks())


def sample(telemetry: Telemetry, name: str, **labels: str) -> float | None:
    return telemetry.registry.get_sample_value(name, labels)


def test_the_first_look_takes_the_champion_into_service(
    watch: ChampionWatch, model: FakeModel, telemetry: Telemetry
) -> None:
    assert watch.champion is None
    assert sample(telemetry, "aisle_model_ready") == 0
    look(watch)
    assert watch.champion is not None
    assert watch.champion.model is model
    assert watch.champion.ref == ChampionRef(1, "bundle-a", 1)
    assert watch.trouble is None
    assert sample(telemetry, "aisle_model_ready") == 1
    assert sample(telemetry, "aisle_model_swaps_total", outcome="taken") == 1
    assert sample(telemetry, "aisle_build_info", version=__version__, model_version="1") == 1


def test_an_unchanged_champion_is_loaded_once(watch: ChampionWatch, champions: FakeChampions) -> None:
    look(watch, times=5)
    assert len(champions.loads) == 1


def test_before_the_first_promotion_there_is_no_champion_and_a_reason(telemetry: Telemetry) -> None:
    watch = ChampionWatch(FakeChampions(), poll_s=1, telemetry=telemetry)
    look(watch)
    assert watch.champion is None
    assert watch.trouble is not None
    assert "promoted" in watch.trouble.reason
    assert sample(telemetry, "aisle_build_info", version=__version__, model_version="none") == 1


def test_a_new_champion_replaces_the_old_one_and_its_labels(
    watch: ChampionWatch, champions: FakeChampions, telemetry: Telemetry
) -> None:
    look(watch)
    champions.promote(2, "bundle-b")
    look(watch)
    assert watch.champion is not None
    assert watch.champion.model.digest == "bundle-b"
    assert sample(telemetry, "aisle_model_swaps_total", outcome="taken") == 2
    assert sample(telemetry, "aisle_build_info", version=__version__, model_version="2") == 1
    assert sample(telemetry, "aisle_build_info", version=__version__, model_version="1") is None


def test_the_same_bundle_under_another_version_is_not_loaded_again(
    watch: ChampionWatch, champions: FakeChampions, telemetry: Telemetry
) -> None:
    look(watch)
    champions.promote(9, "bundle-a")
    look(watch)
    assert watch.champion is not None
    assert watch.champion.ref == ChampionRef(9, "bundle-a", 2)
    assert len(champions.loads) == 1
    assert sample(telemetry, "aisle_build_info", version=__version__, model_version="9") == 1


@pytest.mark.parametrize("error", [fault(BundleError), fault(ObjectStoreError), RuntimeError("unforeseen")])
def test_whatever_a_load_raises_the_old_model_stays(
    watch: ChampionWatch, champions: FakeChampions, telemetry: Telemetry, error: Exception
) -> None:
    look(watch)
    refused = champions.promote(2, "bundle-b")
    champions.broken["bundle-b"] = error
    with structlog.testing.capture_logs() as logs:
        look(watch)
    assert watch.champion is not None
    assert watch.champion.ref.version == 1
    assert watch.trouble is not None
    assert watch.trouble.ref == refused
    assert sample(telemetry, "aisle_model_swaps_total", outcome="refused") == 1
    assert sample(telemetry, "aisle_model_ready") == 1
    assert [(log["event"], log["version"], log["bundle"]) for log in logs] == [("champion refused", 2, "bundle-b")]
    expected = not isinstance(error, RuntimeError)
    assert (logs[0]["exc_info"] is None) is expected
    assert ("weights/linear.npz" in watch.trouble.reason) is expected
    assert "unforeseen" not in watch.trouble.reason


def test_a_source_that_gives_another_bundle_than_the_ledger_names_is_refused(
    champions: FakeChampions, watch: ChampionWatch
) -> None:
    champions.models["bundle-a"] = FakeModel("another")
    look(watch)
    assert watch.champion is None
    assert watch.trouble is not None
    assert "another" in watch.trouble.reason


def test_a_ledger_that_cannot_be_read_changes_nothing_but_the_reason(
    watch: ChampionWatch, champions: FakeChampions, telemetry: Telemetry
) -> None:
    look(watch)
    champions.unreachable = DatabaseError("The database does not answer.")
    look(watch)
    assert watch.champion is not None
    assert watch.trouble is not None
    assert watch.trouble.ref is None
    assert watch.trouble.reason == "The database does not answer."
    assert sample(telemetry, "aisle_model_swaps_total", outcome="refused") is None
    champions.unreachable = None
    look(watch)
    assert watch.trouble is None


def test_a_ledger_that_forgot_its_champion_does_not_take_the_model_away(
    watch: ChampionWatch, champions: FakeChampions
) -> None:
    look(watch)
    champions._ref = None
    look(watch)
    assert watch.champion is not None


def test_a_refused_bundle_is_tried_again_only_after_a_growing_delay(
    champions: FakeChampions, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    watch = ChampionWatch(champions, poll_s=5, telemetry=telemetry)
    champions.broken["bundle-a"] = fault()
    # asyncio's own clock stands still with this one, which is fine: nothing here waits for a timer.
    attempts = []
    for now in (1000.0, 1005.0, 1010.0, 1015.0, 1029.0, 1030.0):  # noqa: B007 - the clock above reads it
        look(watch)
        attempts.append(len(champions.loads))
    assert attempts == [1, 1, 2, 2, 2, 3]


def test_the_delay_between_attempts_is_bounded(
    champions: FakeChampions, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = {"now": 0.0}
    monkeypatch.setattr(time, "monotonic", lambda: clock["now"])
    watch = ChampionWatch(champions, poll_s=5, telemetry=telemetry)
    champions.broken["bundle-a"] = fault()
    for _ in range(30):
        look(watch)
        clock["now"] += 300.0
    assert len(champions.loads) == 30


def test_another_champion_is_tried_at_once_after_a_refusal(watch: ChampionWatch, champions: FakeChampions) -> None:
    champions.broken["bundle-a"] = fault()
    look(watch)
    champions.promote(2, "bundle-b")
    look(watch)
    assert watch.champion is not None
    assert watch.champion.ref.version == 2
    assert watch.trouble is None


def run_watch(watch: ChampionWatch, body: Callable[[], Any]) -> float:
    """Start and stop a watch around what a body does on the loop; return the seconds that the start took."""

    async def inside() -> float:
        started = time.perf_counter()
        await watch.start()
        seconds = time.perf_counter() - started
        await body()
        await watch.stop()
        return seconds

    return asyncio.run(inside())


def test_a_started_watch_has_the_champion_and_follows_it(watch: ChampionWatch, champions: FakeChampions) -> None:
    champions_seen = []

    async def body() -> None:
        champions_seen.append(watch.champion)
        champions.promote(2, "bundle-b")
        await asyncio.sleep(0.2)
        champions_seen.append(watch.champion)

    run_watch(ChampionWatch(champions, poll_s=1, telemetry=Telemetry()), lambda: asyncio.sleep(0))
    run_watch(watch, body)
    assert [seen and seen.ref.version for seen in champions_seen] == [1, 2]


def test_a_load_that_hangs_delays_the_start_by_one_round_at_most(watch: ChampionWatch, champions: FakeChampions) -> None:
    champions.may_load.clear()
    assert run_watch(watch, lambda: asyncio.sleep(0)) < 1
    champions.may_load.set()


def test_the_watch_outlives_errors_that_nobody_thought_of(watch: ChampionWatch, champions: FakeChampions) -> None:
    champions.unreachable = ZeroDivisionError("in the driver")

    async def body() -> None:
        await asyncio.sleep(0.05)
        assert watch.trouble is not None
        assert "ZeroDivisionError" in watch.trouble.reason
        champions.unreachable = None
        await asyncio.sleep(0.1)

    run_watch(watch, body)
    assert watch.champion is not None
    assert watch.trouble is None


def test_a_watch_that_was_never_started_can_be_stopped(watch: ChampionWatch) -> None:
    asyncio.run(watch.stop())
    assert watch.champion is None


def test_a_pinned_version_stays_whoever_is_champion_and_asks_nobody_again(champions: FakeChampions) -> None:
    telemetry = Telemetry()
    watch = ChampionWatch(champions, poll_s=1, telemetry=telemetry, version=2)
    champions.unreachable = DatabaseError("The database does not answer.")
    look(watch)
    assert watch.champion is None
    champions.unreachable = None
    look(watch)
    champions.promote(1, "bundle-a")
    champions.unreachable = DatabaseError("The database does not answer.")
    look(watch, times=3)
    assert watch.champion is not None
    assert watch.champion.ref == ChampionRef(2, "bundle-b", 0)
    assert watch.trouble is None
    assert [ref.version for ref in champions.loads] == [2]
    assert sample(telemetry, "aisle_model_pinned") == 1
    assert sample(telemetry, "aisle_build_info", version=__version__, model_version="2") == 1
    assert sample(telemetry, "aisle_model_swap_seconds_count", variant="champion") == 1


def test_a_version_that_is_not_registered_is_the_trouble(champions: FakeChampions) -> None:
    watch = ChampionWatch(champions, poll_s=1, telemetry=Telemetry(), version=9)
    look(watch)
    assert watch.champion is None
    assert watch.trouble is not None
    assert "no version 9" in watch.trouble.reason


def test_another_role_shows_under_its_own_name_and_can_be_retired(champions: FakeChampions, telemetry: Telemetry) -> None:
    watch = ChampionWatch(champions, poll_s=1, telemetry=telemetry, version=2, role="canary")
    with structlog.testing.capture_logs() as logs:
        look(watch)
    assert [log["event"] for log in logs] == ["canary taken into service"]
    assert sample(telemetry, "aisle_variant_ready", variant="canary") == 1
    assert sample(telemetry, "aisle_variant_version", variant="canary") == 2
    assert sample(telemetry, "aisle_variant_loads_total", variant="canary", outcome="taken") == 1
    assert sample(telemetry, "aisle_model_ready") == 0
    assert sample(telemetry, "aisle_model_swaps_total", outcome="taken") is None
    watch.retire(Trouble("It failed."))
    look(watch)
    assert watch.champion is None
    assert watch.trouble == Trouble("It failed.")
    assert len(champions.loads) == 1
    assert sample(telemetry, "aisle_variant_ready", variant="canary") == 0
    assert sample(telemetry, "aisle_variant_version", variant="canary") == 0
