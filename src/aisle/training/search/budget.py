"""How long a training may take, as people write it."""

import math
import re
from dataclasses import dataclass

from aisle.errors import TrainingError

_WRITTEN = re.compile(r"(?:(?P<hours>\d{1,6})h)?(?:(?P<minutes>\d{1,6})m)?(?:(?P<seconds>\d{1,6})s)?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Budget:
    """A length of time, in whole seconds.

    >>> Budget.parse("2h30m").seconds, str(Budget(5400)), str(Budget(90))
    (9000, '1h30m', '1m30s')
    """

    seconds: int

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Return the length of time that a text such as `10m`, `90s` or `2h30m` says.

        Raises:
            TrainingError: It says none, or none at all.
        """
        found = _WRITTEN.fullmatch(text.strip().lower())
        hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
        if not (total := 3600 * hours + 60 * minutes + seconds):
            raise TrainingError(
                f"The budget {text!r} is no length of time.",
                hint="Write hours, minutes and seconds as 10m, 90s, 1h or 2h30m.",
            )
        return cls(total)

    @classmethod
    def for_rows(cls, rows: int) -> "Budget":
        """Return the budget of whoever gave none: 30 seconds for each thousand rows, and no less than that.

        >>> [str(Budget.for_rows(rows)) for rows in (100, 4_000, 20_629, 84_916)]
        ['30s', '2m', '10m19s', '42m27s']
        """
        return cls(max(30, round(30 * rows / 1_000)))

    @classmethod
    def covering(cls, seconds: float) -> "Budget":
        """Return the shortest budget that is easy to write and no shorter than so many seconds.

        >>> [str(Budget.covering(s)) for s in (0.2, 47.3, 61, 5000)]
        ['1s', '48s', '1m10s', '1h24m']
        """
        grain = 1 if seconds <= 60 else 10 if seconds <= 600 else 60
        return cls(max(1, math.ceil(seconds / grain) * grain))

    def __str__(self) -> str:
        """Return it as `parse` reads it."""
        minutes, seconds = divmod(self.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
        return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
