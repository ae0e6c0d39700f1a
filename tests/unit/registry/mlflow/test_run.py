from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.registry.mlflow.run import figures


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({}, {}),
        ({"f1": 1}, {"f1": 1.0}),
        ({"a": {"b": {"c": 0.5}}, "d": 2}, {"a.b.c": 0.5, "d": 2.0}),
        ({"ok": True, "none": None, "text": "0.5", "list": [1, 2]}, {}),
        ({"jeux & vidéo": 0.5}, {"jeux _ vid_o": 0.5}),
    ],
)
def test_numbers_are_found_and_named(metrics: dict[str, Any], expected: dict[str, float]) -> None:
    assert figures(metrics) == expected


trees = st.recursive(st.floats(allow_nan=False), lambda leaf: st.dictionaries(st.text(min_size=1), leaf), max_leaves=10)


@given(st.dictionaries(st.text(min_size=1), trees))
def test_every_name_is_one_that_mlflow_takes(metrics: dict[str, Any]) -> None:
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. :/")
    assert all(set(name) <= allowed for name in figures(metrics))
