"""The confusion matrix as a picture that can be read: all of few categories, the most confused of many."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.training.report.drawing import BLUE, INK, LINE, MUTED, ORANGE, PAPER, Drawing, room, write
from aisle.training.report.judgement import Judgement, code_order
from aisle.training.report.wording import shortened

MOST = 30
"""More categories than this are not drawn one by one."""

_CELL = 24
_NAME = 30
_STRONG = 0.55
_LEAST = 0.005
_OTHERS = "all others"


def confusion_plot(judgement: Judgement, confusion: pl.DataFrame) -> bytes:
    """Draw which category is answered for which, as shares of the correct category's rows.

    With more categories than `MOST` only those that take most part in mistakes have a row and a column of their own.

    Args:
        judgement: What is told.
        confusion: The table `confusion`.
    """
    codes = sorted({*confusion["correct"], *confusion["predicted"]}, key=code_order)
    shown = codes if len(codes) <= MOST else sorted(_most_confused(confusion), key=code_order)
    names = [shortened(judgement.name(code), _NAME) for code in shown]
    if len(shown) < len(codes):
        names.append(_OTHERS)
    counts = _matrix(confusion, shown, len(names))
    support = counts.sum(axis=1)
    shares = counts / np.maximum(support, 1)[:, np.newaxis]
    side = len(names) * _CELL
    margin = 20 + room(names)
    part = "" if len(shown) == len(codes) else f" of the {len(shown)} that are confused most, out of {len(codes):,}"
    drawing = Drawing(
        "confusion",
        max(margin + side + 66, 420),
        side + margin + 26,
        f"Confusion of categories{part}",
        "Each row is a correct category, each column an answered one; a cell is the share of the row in per cent.",
    )
    # Names stand to the left and on top; to the right are the rows of each category.
    axes = drawing.axes(margin, margin, drawing.width - margin - side, 26)
    axes.set_xlim(0, len(names))
    axes.set_ylim(len(names), 0)
    axes.set_xticks([])
    axes.set_yticks([])
    places = np.argwhere(shares >= _LEAST)
    cells = [_square(row, column) for row, column in places]
    # Matplotlib looks for fonts and writes a file as it is imported: not before something is drawn.
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgba

    colours = [
        to_rgba(BLUE if row == column else ORANGE, _tint(shares[row, column], on_diagonal=row == column))
        for row, column in places
    ]
    axes.add_collection(PolyCollection(cells, facecolors=colours, edgecolors="none"))
    lines = np.arange(len(names) + 1)
    axes.hlines(lines, 0, len(names), colors=LINE, linewidth=0.5)
    axes.vlines(lines, 0, len(names), colors=LINE, linewidth=0.5)
    for row, column in places:
        strong = _tint(shares[row, column], on_diagonal=row == column) > _STRONG
        words = f"{100 * shares[row, column]:.0f}"
        write(axes, column + 0.5, row + 0.5, words, ha="center", fontsize=9, color=PAPER if strong else INK)
    for place, name in enumerate(names):
        write(axes, -0.3, place + 0.5, name, ha="right")
        write(axes, place + 0.5, -0.3, name, ha="left", va="center", rotation=90)
        write(axes, len(names) + 0.3, place + 0.5, f"{support[place]:,.0f}", fontsize=9, color=MUTED)
    write(axes, len(names) + 0.3, -0.5, "rows", fontsize=9, color=MUTED)
    write(axes, len(names) / 2, len(names) + 0.6, "answered, in % of the row", ha="center", fontsize=10, color=MUTED)
    return drawing.svg()


def _tint(share: float, *, on_diagonal: bool) -> float:
    """Return how strongly a cell is coloured; mistakes are rarer than hits, so theirs are shown stronger."""
    return float(0.08 + 0.87 * share) if on_diagonal else float(min(0.12 + 1.6 * share, 0.95))


def _square(row: int, column: int) -> NDArray[np.float64]:
    return np.array([(column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1)], dtype=np.float64)


def _most_confused(confusion: pl.DataFrame) -> list[str]:
    """Return the categories with most rows among the mistakes, as the correct one or as the answered one."""
    wrong = confusion.filter(pl.col("correct") != pl.col("predicted"))
    either = pl.concat([wrong.select(code=name, rows="rows") for name in ("correct", "predicted")])
    most = either.group_by("code").agg(pl.col("rows").sum()).sort(["rows", "code"], descending=[True, False])
    return most["code"].head(MOST).to_list()


def _matrix(confusion: pl.DataFrame, shown: list[str], size: int) -> NDArray[np.float64]:
    """Return counts by correct and answered category; what has no place of its own is counted in the last."""
    place = {code: position for position, code in enumerate(shown)}
    counts = np.zeros((size, size))
    for truth, answer, rows in confusion.select("correct", "predicted", "rows").iter_rows():
        counts[place.get(truth, size - 1), place.get(answer, size - 1)] += rows
    return counts
