"""What a challenger costs beside the champion: size, and time in rounds in which both took turns.

Two timings on a busy machine differ by chance, so a time counts only as far as its rounds agree: what is judged is the
median of the rounds' ratios, with an interval from their ranks alone that assumes nothing of how the noise is distributed
(Conover, "Practical Nonparametric Statistics", 1999, section 3.2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, inf
from statistics import median
from typing import Literal

_DOUBT = 0.05
"""How often the interval may miss the median, at most."""

_WORDS = {"size": ("smaller", "larger"), "time per product": ("faster", "slower")}


@dataclass(frozen=True, slots=True)
class Cost:
    """One cost of a challenger beside the champion's.

    Args:
        what: Which cost it is.
        challenger: The challenger's, in bytes or in seconds.
        champion: The champion's.
        ratio: The challenger's as a share of the champion's.
        low: Lower end of the ratio's 95 % interval.
        high: Upper end of it; infinite where the rounds are too few to say.
    """

    what: Literal["size", "time per product"]
    challenger: float
    champion: float
    ratio: float
    low: float
    high: float

    def benefit(self, share: float) -> str | None:
        """Return in words by how much the challenger is better; nothing where that is not surely more than a share."""
        return f"{1 - self.ratio:.0%} {_WORDS[self.what][0]}" if self.high < 1 - share else None

    def drawback(self, share: float) -> str | None:
        """Return in words how the challenger may be worse by more than a share; nothing where it surely is not."""
        if self.high <= 1 + share:
            return None
        more = _WORDS[self.what][1]
        if self.low > 1 + share:
            return f"is {self.ratio - 1:.0%} {more}"
        return f"may be {more} by {share:.0%} or more"


def size_cost(challenger: float, champion: float) -> Cost:
    """Return two sizes in bytes as a cost; they are what they are, so the interval is a point."""
    ratio = challenger / champion
    return Cost("size", challenger, champion, ratio, ratio, ratio)


def time_cost(challenger: Sequence[float], champion: Sequence[float]) -> Cost:
    """Return two models' seconds per product as a cost.

    Args:
        challenger: The challenger's in each round, at least one.
        champion: The champion's in the same rounds.
    """
    ratios = sorted(new / old for new, old in zip(challenger, champion, strict=True))
    rank = _rank(len(ratios))
    low, high = (ratios[rank - 1], ratios[-rank]) if rank else (0.0, inf)
    return Cost("time per product", median(challenger), median(champion), median(ratios), low, high)


def _rank(rounds: int) -> int:
    """Return which value from either end bounds the median of some rounds in 95 of 100 cases; 0 where none does."""
    rank, missed = 0, 0.0
    while (missed := missed + 2 * comb(rounds, rank) / 2**rounds) <= _DOUBT:
        rank += 1
    return rank
