"""How far reviewers agree, and how often answers are right, each with its 95 % interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

_Z = 1.959964
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Share:
    """A share of some cases with the ends of its 95 % interval; nothing of it is known where there are too few."""

    value: float | None
    low: float | None
    high: float | None
    cases: int


def kappa(pairs: Sequence[tuple[str, str]]) -> Share:
    """Return Cohen's kappa of two people's categories: 0 where they agree as by chance, 1 where they always do.

    The interval is that of Fleiss, Cohen and Everitt, "Large sample standard errors of kappa and weighted kappa",
    Psychological Bulletin 72 (1969).

    Args:
        pairs: What the one and what the other said of each product.

    Returns:
        Kappa; nothing where there are fewer than two products, or chance alone would make them agree always.

    >>> kappa([("a", "a"), ("b", "b"), ("a", "b"), ("b", "b")]).value
    0.5
    """
    names = sorted({name for pair in pairs for name in pair})
    if len(pairs) < _FEWEST or len(names) < _FEWEST:
        return Share(None, None, None, len(pairs))
    places = {name: place for place, name in enumerate(names)}
    joint = np.zeros((len(names), len(names)))
    for one, other in pairs:
        joint[places[one], places[other]] += 1 / len(pairs)
    rows, columns, agreed = joint.sum(axis=1), joint.sum(axis=0), joint.diagonal()
    chance = float(rows @ columns)
    value = (float(agreed.sum()) - chance) / (1 - chance)
    on = float((agreed * (1 - (rows + columns) * (1 - value)) ** 2).sum())
    across = joint * (columns[:, np.newaxis] + rows[np.newaxis, :]) ** 2
    off = (1 - value) ** 2 * float(across.sum() - across.diagonal().sum())
    variance = (on + off - (value - chance * (1 - value)) ** 2) / (len(pairs) * (1 - chance) ** 2)
    half = _Z * sqrt(max(variance, 0.0))
    return Share(value, max(-1.0, value - half), min(1.0, value + half), len(pairs))


def proportion(hits: int, cases: int) -> Share:
    """Return a share with Wilson's interval ("Probable inference", JASA 22, 1927), which is sound for few cases as well.

    >>> [round(end, 3) for end in (proportion(9, 10).low, proportion(9, 10).high)]
    [0.596, 0.982]
    """
    if not cases:
        return Share(None, None, None, 0)
    share, spread = hits / cases, _Z**2 / cases
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * sqrt(share * (1 - share) / cases + spread / (4 * cases)) / (1 + spread)
    return Share(share, max(0.0, middle - half), min(1.0, middle + half), cases)
