from dataclasses import fields

import numpy as np
import pytest

from aisle.errors import ModelError
from aisle.models.options import BoostingOptions, ForestOptions, LogisticOptions, SvmOptions

LIMITS = {
    LogisticOptions: {"penalty": (1e-9, 1e9), "balance": (0, 1), "smoothing": (0, 0.99), "passes": (1, 10_000)},
    SvmOptions: {"cost": (1e-9, 1e9), "balance": (0, 1), "passes": (1, 10_000)},
    ForestOptions: {
        "trees": (1, 10_000),
        "tries": (1, 100_000),
        "leaf": (1, 1_000_000),
        "columns": (1, 60_000),
        "balance": (0, 1),
    },
    BoostingOptions: {
        "rounds": (1, 100_000),
        "depth": (1, 16),
        "rate": (1e-6, 1),
        "columns": (1, 1_000_000),
        "column_share": (1e-6, 1),
        "bins": (2, 65_536),
        "balance": (0, 1),
        "patience": (0, 100_000),
    },
}
EACH = [(kind, name, *limits) for kind, every in LIMITS.items() for name, limits in every.items()]


@pytest.mark.parametrize("kind", LIMITS)
def test_every_option_has_limits(kind: type) -> None:
    assert [field.name for field in fields(kind)] == list(LIMITS[kind])
    kind()


@pytest.mark.parametrize(("kind", "name", "low", "high"), EACH)
def test_the_limits_themselves_pass_and_what_is_beyond_is_refused(kind: type, name: str, low: float, high: float) -> None:
    assert getattr(kind(**{name: low}), name) == low
    assert getattr(kind(**{name: high}), name) == high
    whole = isinstance(low, int) and isinstance(high, int) and name != "balance"
    below, above = (low - 1, high + 1) if whole else (low - 1e-9, high * 1.01)
    for bad in (below, above, -low - 1, float("nan"), float("inf"), -float("inf"), "1", None, True):
        with pytest.raises(ModelError) as caught:
            kind(**{name: bad})
        assert caught.value.message == f"The option {name} is {bad!r}."
        assert caught.value.hint == f"Give a number between {low:,} and {high:,}."


@pytest.mark.parametrize(
    ("kind", "name"), [(LogisticOptions, "passes"), (ForestOptions, "trees"), (BoostingOptions, "bins")]
)
def test_a_fraction_where_a_whole_number_belongs_is_refused(kind: type, name: str) -> None:
    with pytest.raises(ModelError, match=rf"The option {name} is 3\.0"):
        kind(**{name: 3.0})
    with pytest.raises(ModelError, match=f"The option {name}"):
        kind(**{name: np.int64(3)})  # JSON and reports could not write it


def test_a_whole_number_may_stand_for_a_fraction() -> None:
    assert LogisticOptions(penalty=1, balance=0, smoothing=0).penalty == 1
    assert BoostingOptions(rate=1, column_share=1).rate == 1
