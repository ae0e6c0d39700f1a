"""How the challenge's 84,916 training rows spread over its 27 classes, stated as figures, and labels drawn like them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aisle.catalog.categories import CHALLENGE_CATEGORIES
from aisle.catalog.sample.dice import Dice

CHALLENGE_ROWS = 84_916
"""Rows of the challenge's training file."""

CHALLENGE_TEST_ROWS = 13_812
"""Rows of the challenge's test file."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """What was counted of one class in the challenge's training file, and what it is mistaken for.

    Args:
        rows: Rows of the class.
        described: Rows of it that have a description.
        foreign: Rows of it that a language detector took for English, German, Italian or Spanish.
        neighbours: Codes of the classes whose words also turn up in it, and whose label it gets by mistake.
    """

    rows: int
    described: int
    foreign: int
    neighbours: tuple[str, ...]


CLASS_FIGURES: dict[str, ClassFigures] = {
    "10": ClassFigures(3116, 338, 1383, ("2705", "2403", "2280")),
    "40": ClassFigures(2508, 866, 1142, ("2462", "2905", "50", "60")),
    "50": ClassFigures(1681, 1205, 367, ("60", "40", "2462")),
    "60": ClassFigures(832, 699, 110, ("50", "2462", "40")),
    "1140": ClassFigures(2671, 945, 1427, ("1280", "1180", "1160")),
    "1160": ClassFigures(3953, 349, 1836, ("1281", "1140", "2280")),
    "1180": ClassFigures(764, 153, 354, ("1140", "1281", "1280")),
    "1280": ClassFigures(4870, 3802, 1233, ("1281", "1302", "1300", "1140")),
    "1281": ClassFigures(2070, 1578, 540, ("1280", "1160", "1180", "1302")),
    "1300": ClassFigures(5045, 3872, 1223, ("1280", "1302")),
    "1301": ClassFigures(807, 702, 48, ("1302", "1281", "1320")),
    "1302": ClassFigures(2491, 2214, 238, ("1280", "1301", "2583", "2582")),
    "1320": ClassFigures(3241, 2140, 567, ("1280", "1920", "1560")),
    "1560": ClassFigures(5073, 4896, 374, ("2060", "2582", "1920")),
    "1920": ClassFigures(4303, 4096, 145, ("2060", "1560", "1320")),
    "1940": ClassFigures(803, 758, 87, ("2582", "2220", "2060")),
    "2060": ClassFigures(4993, 4707, 336, ("1560", "1920", "2582")),
    "2220": ClassFigures(824, 758, 67, ("1920", "1280", "2060")),
    "2280": ClassFigures(4760, 320, 1107, ("2403", "10", "2705")),
    "2403": ClassFigures(4774, 126, 1040, ("2280", "10", "2705", "2462")),
    "2462": ClassFigures(1421, 53, 550, ("40", "60", "50")),
    "2522": ClassFigures(4989, 3800, 604, ("2403", "1280", "2060")),
    "2582": ClassFigures(2589, 2527, 593, ("1560", "2060", "2585", "2583")),
    "2583": ClassFigures(10209, 9306, 269, ("2582", "2585", "1302")),
    "2585": ClassFigures(2496, 2298, 120, ("2582", "2583", "1300")),
    "2705": ClassFigures(2761, 1736, 154, ("10", "2403", "2280")),
    "2905": ClassFigures(872, 872, 131, ("40", "2462")),
}
"""The figures of each class, by code."""

CODES: tuple[str, ...] = tuple(CHALLENGE_CATEGORIES)
"""The codes in numerical order; a class number is a position in this tuple."""


def class_counts(rows: int) -> npt.NDArray[np.int64]:
    """Share rows out among the classes as in the challenge, by largest remainder.

    Args:
        rows: How many rows to share out.

    Returns:
        One count for each class number; together they are `rows`.

    >>> int(class_counts(84_916)[CODES.index("2583")]), int(class_counts(200).min())
    (10209, 2)
    """
    weighed = np.array([CLASS_FIGURES[code].rows for code in CODES], dtype=np.int64) * rows
    counts, remainders = np.divmod(weighed, CHALLENGE_ROWS)
    # Equal remainders go to the lower class number: a stable sort keeps that the same everywhere.
    first = np.argsort(-remainders, kind="stable")[: rows - int(counts.sum())]
    counts[first] += 1
    return counts


def draw_labels(rows: int, dice: Dice) -> npt.NDArray[np.int8]:
    """Return the class number of each row, in the challenge's shares and in random order."""
    labels = np.repeat(np.arange(len(CODES), dtype=np.int8), class_counts(rows))
    return labels[dice.order(rows)]
