"""The prediction log's queue: it never makes an answer wait, loses only what it counts, and survives its database."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import structlog

from aisle.catalog.product import Product
from aisle.errors import DatabaseError
from aisle.models.prediction import Candidate, Prediction
from aisle.monitoring.answers import Answered
from aisle.serving import journal as module
from aisle.serving.journal import Journal
from aisle.settings import Serving
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import Client, FakeAnswers, FakeChampions, eventually, fake_records, make_app, running


@pytest.fixture
def store() -> FakeAnswers:
    return FakeAnswers()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FLUSH_S", 0.02)
    monkeypatch.setattr(module, "_FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(module, "_MAX_DELAY_S", 0.02)


def answered(request_id: str, count: int = 1, image: bytes | None = None) -> Answered:
    products = [Product(str(n), f"produit {n}", image=image) for n in range(count)]
    found = [Prediction(p.id, "10", "Books", 0.7, (Candidate("10", "Books", 0.7),), ("text",)) for p in products]
    return Answered(request_id, datetime.now(UTC), 0.001, 1, "bundle-a", products, found)


@contextmanager
def writing(store: FakeAnswers | None, telemetry: Telemetry, **settings: object) -> Iterator[Journal]:
    journal = Journal(store, options=Serving(**settings), telemetry=telemetry)
    journal.start()
    try:
        yield journal
    finally:
        if store is not None:
            store.may_write.set()
        asyncio.run(journal.stop(5))


def counted(telemetry: Telemetry, outcome: str) -> float:
    return telemetry.registry.get_sample_value("aisle_prediction_log_total", {"outcome": outcome}) or 0


def test_what_is_offered_is_written_in_its_order(store: FakeAnswers, telemetry: Telemetry) -> None:
    with writing(store, telemetry) as journal:
        assert all(journal.offer(answered(f"r-{n}", 3)) for n in range(100))
        eventually(lambda: len(store.rows) == 300)
    assert [row["request_id"] for row in store.rows[::3]] == [f"r-{n}" for n in range(100)]
    assert counted(telemetry, "written") == 300
    assert counted(telemetry, "dropped") == 0
    assert telemetry.registry.get_sample_value("aisle_prediction_log_waiting") == 0


def test_many_are_written_in_batches_and_one_large_request_in_one(store: FakeAnswers, telemetry: Telemetry) -> None:
    store.may_write.clear()
    with writing(store, telemetry) as journal:
        journal.offer(answered("first"))
        eventually(lambda: journal._wake.is_set() is False)
        for n in range(2_500):
            journal.offer(answered(f"r-{n}"))
        journal.offer(answered("large", 1_500))
        store.may_write.set()
        eventually(lambda: len(store.rows) == 4_001)
    assert max(store.batches) == 1_500
    assert len(store.batches) <= 6


def test_beyond_its_room_answers_are_dropped_and_counted_and_nobody_waits(store: FakeAnswers, telemetry: Telemetry) -> None:
    store.may_write.clear()
    with writing(store, telemetry, log_queue=100) as journal:
        started = time.perf_counter()
        took = [journal.offer(answered(f"r-{n}", 10)) for n in range(1_000)]
        assert time.perf_counter() - started < 2
        assert took.count(True) == 10
        assert counted(telemetry, "dropped") == 9_900
        store.may_write.set()
        eventually(lambda: len(store.rows) == 100)
        assert journal.offer(answered("later", 10))
    assert len(store.rows) == 110
    assert counted(telemetry, "written") == 110


def test_images_that_wait_are_bounded_by_their_bytes(store: FakeAnswers, telemetry: Telemetry) -> None:
    store.may_write.clear()
    with writing(store, telemetry) as journal:
        took = [journal.offer(answered(f"r-{n}", image=bytes(10_000_000))) for n in range(10)]
    assert took.count(True) == 3
    assert counted(telemetry, "written") == 3


def test_while_the_database_is_gone_answers_wait_and_are_written_later(store: FakeAnswers, telemetry: Telemetry) -> None:
    store.unreachable = DatabaseError("gone")
    with structlog.testing.capture_logs() as logs, writing(store, telemetry) as journal:
        journal.offer(answered("r-1"))
        eventually(lambda: telemetry.registry.get_sample_value("aisle_prediction_log_failures_total") >= 2)
        store.unreachable = None
        eventually(lambda: len(store.rows) == 1)
    events = [log["event"] for log in logs]
    assert events.count("the prediction log cannot be written") == 1
    assert events.count("the prediction log can be written again") == 1


def test_an_outage_that_lasts_costs_old_answers_and_new_ones_are_written_again(
    store: FakeAnswers, telemetry: Telemetry
) -> None:
    store.unreachable = DatabaseError("gone")
    with writing(store, telemetry) as journal:
        journal.offer(answered("old"))
        eventually(lambda: counted(telemetry, "dropped") == 1)
        store.unreachable = None
        journal.offer(answered("new"))
        eventually(lambda: len(store.rows) == 1)
    assert store.rows[0]["request_id"] == "new"


def test_a_fault_that_nobody_thought_of_costs_a_batch_and_not_the_log(store: FakeAnswers, telemetry: Telemetry) -> None:
    broken = Answered("odd", datetime.now(UTC), 0.0, 1, "b", [Product("1")], [])
    with structlog.testing.capture_logs() as logs, writing(store, telemetry) as journal:
        object.__setattr__(broken, "predictions", [None])
        journal.offer(broken)
        eventually(lambda: counted(telemetry, "dropped") == 1)
        store.unreachable = ZeroDivisionError("odd")
        journal.offer(answered("refused"))
        eventually(lambda: counted(telemetry, "dropped") == 2)
        store.unreachable = None
        journal.offer(answered("good"))
        eventually(lambda: counted(telemetry, "written") == 1)
    assert any(log.get("exc_info") for log in logs)


def test_the_end_writes_what_is_waiting(store: FakeAnswers, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FLUSH_S", 60)
    with writing(store, telemetry) as journal:
        for n in range(10):
            journal.offer(answered(f"r-{n}"))
    assert len(store.rows) == 10
    assert not journal.offer(answered("too late"))
    assert counted(telemetry, "dropped") == 1


def test_the_end_does_not_wait_for_a_database_that_never_answers(store: FakeAnswers, telemetry: Telemetry) -> None:
    store.may_write.clear()
    journal = Journal(store, options=Serving(), telemetry=telemetry)
    journal.start()
    for n in range(2_000):
        journal.offer(answered(f"r-{n}"))
    started = time.perf_counter()
    with structlog.testing.capture_logs() as logs:
        asyncio.run(journal.stop(0.2))
    assert time.perf_counter() - started < 2
    assert counted(telemetry, "dropped") == 2_000
    assert logs[-1]["dropped"] == 2_000
    store.may_write.set()
    journal._thread.join(10)
    assert counted(telemetry, "written") == 0


def test_settling_has_everything_written(store: FakeAnswers, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FLUSH_S", 60)
    with writing(store, telemetry) as journal:
        journal.offer(answered("r-1"))
        assert asyncio.run(journal.settle(5))
        assert len(store.rows) == 1
        store.may_write.clear()
        journal.offer(answered("r-2"))
        assert not asyncio.run(journal.settle(0.05))


def test_offers_from_many_threads_lose_nothing(store: FakeAnswers, telemetry: Telemetry) -> None:
    with writing(store, telemetry, log_queue=1_000_000) as journal:

        def offer(number: int) -> None:
            for n in range(250):
                journal.offer(answered(f"{number}-{n}", 2))

        threads = [threading.Thread(target=offer, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({(row["request_id"], row["position"]) for row in store.rows}) == len(store.rows) == 4_000


@pytest.mark.parametrize("settings", [{"log_predictions": False}, {}])
def test_without_a_log_nothing_is_taken_aside(telemetry: Telemetry, store: FakeAnswers, settings: dict) -> None:
    with writing(store if settings else None, telemetry, **settings) as journal:
        assert not journal.offer(answered("r-1"))
        assert asyncio.run(journal.settle(0))
    assert store.rows == []
    assert counted(telemetry, "dropped") == 0


def test_an_answer_costs_little_in_its_request(store: FakeAnswers, telemetry: Telemetry) -> None:
    store.may_write.clear()
    one = answered("r-1")
    with writing(store, telemetry, log_queue=100_000) as journal:
        started = time.perf_counter()
        for _ in range(10_000):
            journal.offer(one)
        each = (time.perf_counter() - started) / 10_000
        store.may_write.set()
    assert each < 100e-6  # about 2 µs on a machine with nothing else to do


class TestServed:
    """The log behind a server."""

    @pytest.fixture
    def served(self, champions: FakeChampions, telemetry: Telemetry, store: FakeAnswers) -> Iterator[Client]:
        with running(make_app(champions, telemetry, fake_records(answers=store))) as client:
            yield client

    def test_every_answer_is_kept(self, served: Client, store: FakeAnswers) -> None:
        body = {"products": [{"id": "A", "title": "a"}, {"title": "b", "description": "c"}]}
        answer = served.predict(body, headers={"x-request-id": "r-17"}).json()
        eventually(lambda: len(store.rows) == 2)
        assert [(row["request_id"], row["position"], row["product_id"]) for row in store.rows] == [
            ("r-17", 0, "A"),
            ("r-17", 1, "1"),
        ]
        assert [row["code"] for row in store.rows] == [p["code"] for p in answer["predictions"]]
        assert {row["version"] for row in store.rows} == {1}
        assert all(0 < row["seconds"] < 10 for row in store.rows)
        assert all(row["title"] is None for row in store.rows)

    def test_the_second_category_is_kept_also_for_who_asked_for_one(self, served: Client, store: FakeAnswers) -> None:
        answer = served.predict({"title": "a"}, params={"top": 1}).json()
        assert len(answer["predictions"][0]["top"]) == 1
        eventually(lambda: len(store.rows) == 1)
        assert store.rows[0]["second_confidence"] == 0.05

    def test_refused_requests_are_not_kept(self, served: Client, store: FakeAnswers) -> None:
        served.predict({})
        served.predict({"title": "a"})
        eventually(lambda: len(store.rows) == 1)

    def test_answers_go_on_while_the_log_is_gone(self, served: Client, store: FakeAnswers, telemetry: Telemetry) -> None:
        store.unreachable = DatabaseError("gone")
        assert [served.predict({"title": "a"}).status_code for _ in range(50)] == [200] * 50
        eventually(lambda: counted(telemetry, "dropped") >= 1)
        store.unreachable = None
        served.predict({"title": "a"}, headers={"x-request-id": "after"})
        eventually(lambda: any(row["request_id"] == "after" for row in store.rows))

    def test_stopping_writes_what_is_waiting(self, champions: FakeChampions, store: FakeAnswers) -> None:
        with running(make_app(champions, records=fake_records(answers=store))) as client:
            client.predict({"title": "a"})
        assert len(store.rows) == 1

    def test_text_is_kept_only_by_choice(self, champions: FakeChampions, store: FakeAnswers) -> None:
        with running(make_app(champions, records=fake_records(answers=store), keep_text=True)) as client:
            client.predict({"title": "a\u0000", "brand": "é"})
        assert (store.rows[0]["title"], store.rows[0]["brand"]) == ("a\ufffd", "é")


def test_the_fake_takes_rows(store: FakeAnswers) -> None:
    store.write([{"a": 1}, {"a": 2}])
    assert store.batches == [2]
