import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import TrainingError
from aisle.training.search import Budget


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10m", 600), ("90s", 90), ("1h", 3600), ("2h30m", 9000), ("1h0m5s", 3605), (" 10M ", 600), ("90m", 5400), ("1s", 1)],
)
def test_lengths_of_time_are_read(text: str, seconds: int):
    assert Budget.parse(text).seconds == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "0m", "0h0m0s", "-5m", "1.5h", "5m2h", "5 m", "10 minutes", "٣m", "1h1h"])
def test_anything_else_is_told_how_to_write_one(text: str):
    with pytest.raises(TrainingError, match="no length of time") as caught:
        Budget.parse(text)
    assert "10m, 90s, 1h or 2h30m" in caught.value.hint


@given(st.integers(1, 10**7))
def test_it_is_written_as_it_is_read(seconds: int):
    assert Budget.parse(str(Budget(seconds))) == Budget(seconds)


@given(st.floats(0, 10**6))
def test_a_covering_budget_is_enough_and_not_wasteful(seconds: float):
    covering = Budget.covering(seconds).seconds
    assert seconds <= covering <= max(1, seconds + 60)
    assert covering <= seconds * 1.2 + 1


def test_none_is_written_as_none():
    assert str(Budget(0)) == "0s"
