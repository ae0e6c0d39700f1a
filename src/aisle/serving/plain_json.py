"""JSON as every route reads it: strict, and without a name that is there twice."""

import contextlib
import json
import re
from typing import Any, NoReturn

import orjson

from aisle.errors import InvalidField
from aisle.serving.problems import invalid_request

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"([ \t\n\r]*+:)?', re.DOTALL)
_MAX_NAME = 100


def read_json(body: bytes) -> Any:
    """Return what a body says: JSON in UTF-8, without NaN, lone surrogates, a name twice or more than 1,024 levels.

    Args:
        body: The bytes.

    Raises:
        InvalidRequest: It is not that.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        detail = f"The body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise invalid_request([InvalidField((), detail)]) from None
    # The parser keeps the last of several values under one name and says nothing: which of them was meant?
    if names_written(body) != _names_kept(content):
        _find_twice(body)
    return content


def names_written(body: bytes) -> int:
    r"""Return how many names stand in valid JSON: the strings that a colon follows.

    A parser that drops what it finds twice keeps fewer than that.

    >>> names_written(rb'{":": ":", "a": "b\": c", "a\\" : {"a": 1}}')
    4
    """
    colons = _STRING.findall(body)
    return len(colons) - colons.count(b"")


def _names_kept(content: Any) -> int:
    count, rest = 0, [content]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            count += len(value)
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
    return count


def _find_twice(body: bytes) -> NoReturn:
    def pairs(found: list[tuple[str, Any]]) -> None:
        seen = set()
        for name, _ in found:
            if name in seen:
                raise invalid_request([InvalidField((), f"The body has the name {name[:_MAX_NAME]!r} twice in one object.")])
            seen.add(name)

    # This parser has limits of its own, on depth and on digits: where one of them comes first, the name stays untold.
    with contextlib.suppress(RecursionError, ValueError):
        json.loads(body, object_pairs_hook=pairs)
    raise invalid_request([InvalidField((), "The body has a name twice in one object.")])
