import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import InvalidRequest
from aisle.serving.intake import read_products
from aisle.serving.plain_json import names_written, read_json
from aisle.settings import Serving

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ['":', ":", '"', "\\", '\\":', ' " :']
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


def names(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(names, value.values()))
    return sum(map(names, value)) if isinstance(value, list) else 0


@given(VALUES, st.sampled_from([None, 1, 3]), st.booleans(), st.sampled_from([(",", ":"), (" ,", " : "), (",\n", "\t:\r")]))
def test_names_are_counted_however_they_are_spelled(
    value: Any, indent: int | None, ascii_only: bool, separators: tuple[str, str]
) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only, separators=separators).encode()
    assert names_written(body) == names(value)
    assert read_json(body) == value


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 1}',
        b'{"x": [{"a": 1, "b": 2, "a": 3}]}',
        rb'{"a": 1, "\u0061": 2}',
        b'{"a" : 1, "a"\n: 2}',
        b'{"": 1, "": 2}',
        b'{"a": ' + b"9" * 20 + b', "a": 2}',
        b'{"a": 1, "b": ' + b"[" * 1_000 + b"]" * 1_000 + b', "a": 2}',
    ],
)
def test_a_name_twice_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="twice in one object"):
        read_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"title": "a", "title": "b"}',
        rb'{"title": "a", "t\u0069tle": "b"}',
        b'{"title": "a", "title" : "a"}',
        b'{"products": [{"title": "a"}], "products": [{"title": "b"}]}',
        b'{"products": [{"title": "a"}, {"title": "a", "id": "1", "id": "1"}]}',
    ],
)
def test_a_field_twice_is_refused_and_named(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"name '(title|products|id)' twice"):
        read_products(body, Serving())


def test_the_same_name_in_two_objects_is_fine() -> None:
    assert read_json(b'[{"a": {"a": 1}}, {"a": 2}]') == [{"a": {"a": 1}}, {"a": 2}]
