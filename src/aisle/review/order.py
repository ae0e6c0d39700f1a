"""Which product a person should look at first: the one whose review is worth most.

    value = cost x uncertainty / sqrt(1 + alike)

`uncertainty` is one less the margin between the two most probable categories (best versus second best: Joshi, Porikli and
Papanikolopoulos, "Multi-class active learning for image classification", CVPR 2009). `cost` is what a wrong answer is taken
to cost, 1 on the whole. `alike` counts those of the same two categories that are looked at before, so that one confusion
does not fill the whole day: a set's worth grows ever more slowly with what is alike in it, and taking the greatest value in
turn is then near the best set (Nemhauser, Wolsey and Fisher, "An analysis of approximations for maximizing submodular set
functions", 1978). The root says that the n-th of a kind tells about as much as a mean of n observations gets surer.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.digest import sha256

FULL = 1.0
"""The uncertainty of what there is no answer for, or somebody says is wrong."""


def uncertainty(first: float, second: float | None) -> float:
    """Return how unsure an answer is, 0 to 1.

    Args:
        first: Probability of the answered category.
        second: That of the next one; nothing where there is none.

    >>> round(uncertainty(0.5, 0.4), 3), uncertainty(1.0, None)
    (0.9, 0.0)
    """
    return min(1.0, max(0.0, 1.0 - (first - (second or 0.0))))


def discounted(
    values: Sequence[float] | NDArray[np.float64], kinds: Sequence[str], waiting: Mapping[str, int] | None = None
) -> NDArray[np.float64]:
    """Return values less what is told by others of their kind that are looked at before them.

    Args:
        values: Cost x uncertainty of each product.
        kinds: What each is alike with.
        waiting: How many of each kind wait already, and go first.

    Returns:
        The values, in the order that came; sorted, they are the order in which the greatest value is taken in turn.

    >>> discounted([1.0, 0.9, 0.5], ["a|b", "a|b", "c|d"]).round(3).tolist()
    [1.0, 0.636, 0.5]
    """
    given = np.asarray(values, np.float64)
    before = dict(waiting or {})
    found = np.empty_like(given)
    for place in np.argsort(-given, kind="stable"):
        kind = kinds[place]
        found[place] = given[place] / np.sqrt(1.0 + before.get(kind, 0))
        before[kind] = before.get(kind, 0) + 1
    return found


def kind_of(first: str, second: str | None) -> str:
    """Return what a product is alike with: those that hesitate between the same two categories, whichever is ahead.

    >>> kind_of("50", "10") == kind_of("10", "50")
    True
    """
    return "|".join(sorted((first, second or first)))


def drawn(name: str, share: float, purpose: str) -> bool:
    """Return whether chance picks a product: always the same for the same name, and nothing else about it counts.

    Args:
        name: The product's name.
        share: How many are picked, 0 to 1.
        purpose: What for; what is picked for one purpose tells nothing of another.
    """
    return int(sha256(f"{purpose}\0{name}".encode())[:13], 16) < share * 16**13
