"""Quotes in CSV that are never closed: they would swallow every row behind them, as one long field."""

import mmap
import re
from pathlib import Path

_BLOCK = 1 << 20
_FIELD = re.compile(rb'(?:"(?:[^"]++|"")*+"[^,\n]*+|(?P<open>"[\s\S]*)|[^,\n]*+)(?:,|\n|\Z)')
"""A field and what ends it. A quote counts at the beginning of a field only, and `""` inside is a quote itself."""


def unclosed_quote(path: Path) -> int | None:
    """Return the number of the line, from 1, on which a quoted field begins that is never closed, if there is one.

    Args:
        path: A CSV file with commas. Its quotes are counted, which is quick; only an odd number of them is looked into.
    """
    with path.open("rb") as stream:
        if not sum(block.count(b'"') for block in iter(lambda: stream.read(_BLOCK), b"")) % 2:
            return None
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for field in _FIELD.finditer(content):
                if field["open"] is not None:
                    return content[: field.start()].count(b"\n") + 1
    return None
