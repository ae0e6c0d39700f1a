"""Text as a report shows it: printable characters only, cut to what fits, numbers in plain form."""

import re
from unicodedata import east_asian_width

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What neither XML nor UTF-8 can carry, and the invisible controls beside it."""
_SMALL, _CAPITAL, _WIDE = 0.56, 0.7, 1.05


def printable(text: str) -> str:
    r"""Return a text that XML and UTF-8 can carry: control characters and lone surrogates become U+FFFD.

    >>> printable("a\x00b")
    'a�b'
    """
    return _UNPRINTABLE.sub("\ufffd", text)


def shortened(text: str, most: int) -> str:
    """Return a text on one line, cut in its middle where it is too long: both ends of a path tell something.

    >>> shortened("Sport > Vélo > Pièces détachées > Freins", 20)
    'Sport >…ées > Freins'
    """
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    start = (most - 1) * 2 // 5
    return f"{text[:start]}…{text[len(text) - (most - 1 - start) :]}"


def breadth(text: str) -> float:
    """Return about how much room a text takes, in sizes of its font; a little more than common fonts need.

    >>> round(breadth("aisle"), 2), round(breadth("AISLE"), 2), round(breadth("プール"), 2)
    (2.8, 3.5, 3.15)
    """
    return sum(_WIDE if east_asian_width(sign) in "WF" else _CAPITAL if sign.isupper() else _SMALL for sign in text)


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as a percentage that no line is broken in, or a dash where it is not known.

    >>> percent(0.8234).split(), percent(1.0, 0).split(), percent(None)
    (['82.3', '%'], ['100', '%'], '–')
    """
    return "–" if share is None else f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def size(count: float | None) -> str:
    """Return a number of bytes as people say it, or a dash where it is not known.

    >>> size(512), size(48_700_000)
    ('512 B', '48.7 MB')
    """
    if count is None:
        return "–"
    for unit, bytes_each in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= bytes_each:
            return f"{count / bytes_each:.1f} {unit}"
    return f"{count:.0f} B"


def listed(words: list[str]) -> str:
    """Return some words as a list within a sentence.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
