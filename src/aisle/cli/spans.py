"""Spans of time as people write them: 90d, 12h, 30m."""

import re
from datetime import timedelta

from aisle.errors import SettingsError

_WRITTEN = re.compile(
    r"(?:(?P<days>\d{1,5})d)?(?:(?P<hours>\d{1,5})h)?(?:(?P<minutes>\d{1,5})m)?(?:(?P<seconds>\d{1,5})s)?", re.ASCII
)


def parse_span(text: str) -> timedelta:
    """Return the span of time that a text says.

    Args:
        text: Days, hours, minutes and seconds, such as `90d`, `12h` or `1d12h`; `0` for none.

    Raises:
        SettingsError: It says none.

    >>> parse_span("1d12h"), parse_span("0")
    (datetime.timedelta(days=1, seconds=43200), datetime.timedelta(0))
    """
    written = text.strip().lower()
    found = _WRITTEN.fullmatch(written)
    if written != "0" and (found is None or not written):
        raise SettingsError(f"{text!r} is no span of time.", hint="Write days, hours and minutes as 90d, 12h, 30m or 1d12h.")
    parts = found.groupdict() if found else {}
    return timedelta(**{unit: int(count or 0) for unit, count in parts.items()})
