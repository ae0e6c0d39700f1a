from hypothesis import given
from hypothesis import strategies as st

from aisle.serving import rates
from aisle.serving.rates import Rates


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_requests_may_come_at_once_and_then_as_they_refill() -> None:
    clock = Clock()
    bucket = Rates(clock)
    taken = [bucket.take("shop", 60) for _ in range(61)]
    assert [found.remaining for found in taken[:3]] == [59, 58, 57]
    assert [found.retry_after_s for found in taken[:60]] == [0.0] * 60
    assert taken[60].retry_after_s == 1.0
    assert taken[60].headers == {"RateLimit-Limit": "60", "RateLimit-Remaining": "0", "RateLimit-Reset": "60"}
    clock.now += 0.999
    assert bucket.take("shop", 60).retry_after_s > 0
    clock.now += 0.001
    assert bucket.take("shop", 60).retry_after_s == 0


def test_each_name_has_its_own() -> None:
    bucket = Rates(Clock())
    assert [bucket.take(name, 1).retry_after_s > 0 for name in ("a", "b", "a")] == [False, False, True]


def test_a_smaller_limit_holds_from_the_next_request_on() -> None:
    bucket = Rates(Clock())
    bucket.take("shop", 1_000)
    assert bucket.take("shop", 2).remaining == 1


@given(st.integers(1, 120), st.lists(st.floats(0, 30), max_size=200))
def test_no_more_are_accepted_than_the_bucket_held_and_what_flowed_in(limit: int, pauses: list[float]) -> None:
    clock = Clock()
    bucket = Rates(clock)
    accepted, started = 0, clock.now
    for pause in pauses:
        clock.now += pause
        found = bucket.take("shop", limit)
        accepted += found.retry_after_s == 0
        assert 0 <= found.remaining < limit
        assert found.retry_after_s <= 60 / limit + 1e-6
    assert accepted <= limit + (clock.now - started) * limit / 60 + 1e-6


def test_names_that_were_left_alone_are_forgotten(monkeypatch) -> None:
    monkeypatch.setattr(rates, "_MAX_BUCKETS", 10)
    clock = Clock()
    bucket = Rates(clock)
    for number in range(10):
        bucket.take(f"old-{number}", 5)
    clock.now += 61
    bucket.take("new", 5)
    assert set(bucket._buckets) == {"new"}
