"""What came of two versions that were asked the same: how often they agree, how sure each was, where they differ most."""

import math
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aisle.models.prediction import Prediction
from aisle.serving.predictor import ChampionRef

MAX_PAIRS = 1_000
"""Pairs of categories that are counted apart; what comes after so many is counted together."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The results of a comparison, as they stood at one moment.

    Args:
        champion: Whose answers it is held against; `None` before the first.
        since: When the first pair came.
        agree: Products to which both gave the same category.
        differ: Products to which they did not.
        difference: Mean confidence of the other version less that of the champion.
        pairs: The champion's category, the other's, and how often; the most frequent first.
        others: Products that differ in a pair that came after `MAX_PAIRS` others.
    """

    champion: ChampionRef | None
    since: datetime | None
    agree: int
    differ: int
    difference: float
    pairs: Sequence[tuple[str, str, int]]
    others: int


class Comparison:
    """Counts agreement with one champion, and begins anew when another one comes; several threads may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clear(None)

    def add(self, champion: ChampionRef, answered: Sequence[Prediction], other: Sequence[Prediction]) -> int:
        """Count pairs of answers to the same products, and return how many agree.

        Args:
            champion: Who gave the first of each pair.
            answered: The champion's answers.
            other: The other version's, in the same order.
        """
        agree = 0
        with self._lock:
            if self._champion is None or self._champion.bundle != champion.bundle:
                self._clear(champion)
            for one, two in zip(answered, other, strict=True):
                self._difference += two.confidence - one.confidence
                if one.code == two.code:
                    agree += 1
                    continue
                pair = (one.code, two.code)
                if pair in self._pairs or len(self._pairs) < MAX_PAIRS:
                    self._pairs[pair] += 1
                else:
                    self._others += 1
            self._agree += agree
            self._differ += len(answered) - agree
        return agree

    def results(self, pairs: int) -> Compared:
        """Return what came of it so far.

        Args:
            pairs: How many pairs of categories are told.
        """
        with self._lock:
            total = self._agree + self._differ
            return Compared(
                self._champion,
                self._since,
                self._agree,
                self._differ,
                self._difference / total if total else 0.0,
                [(*pair, count) for pair, count in self._pairs.most_common(pairs)],
                self._others,
            )

    def _clear(self, champion: ChampionRef | None) -> None:
        self._champion = champion
        self._since = datetime.now(UTC) if champion else None
        self._agree, self._differ, self._others, self._difference = 0, 0, 0, 0.0
        self._pairs: Counter[tuple[str, str]] = Counter()


def share_interval(hits: int, total: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return Wilson's interval for a share (Wilson, JASA 22:209, 1927); (0, 1) where nothing is known.

    Args:
        hits: How often it was so.
        total: How often it was looked.
        z: Quantile of the normal distribution; 95 % of such intervals hold the true share by default.

    >>> [round(bound, 4) for bound in share_interval(8, 10)]
    [0.4902, 0.9433]
    """
    if total == 0:
        return 0.0, 1.0
    share, spread = hits / total, z * z / total
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    # The ends are exact where rounding would miss them by a hair.
    return max(0.0, middle - half) if hits else 0.0, min(1.0, middle + half) if hits < total else 1.0
