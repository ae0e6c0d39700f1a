"""The plots of a report, drawn from its tables."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from aisle.training.report.confusion_plot import confusion_plot
from aisle.training.report.drawing import BLUE, GREEN, INK, LINE, MUTED, ORANGE, PAPER, PINK, Drawing, room, write
from aisle.training.report.judgement import Judgement
from aisle.training.report.tables import COVERAGE, report_tables
from aisle.training.report.wording import percent, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.ticker import MaxNLocator

_BARS = 40
"""More categories than this are not drawn one by one: the weakest and the strongest are."""
_MODALITIES = {"text": BLUE, "image": ORANGE, "both": GREEN}
_NAME = 38
_WIDE, _NARROW = 920, 520


def report_plots(judgement: Judgement, tables: Mapping[str, pl.DataFrame] | None = None) -> dict[str, bytes]:
    """Return the plots of a report as SVG documents by their names.

    `confusion`, `classes`, `reliability` and `coverage` always; `components` and `search` where there is anything to draw.

    Args:
        judgement: What is told.
        tables: Its tables, where they have been made already.
    """
    tables = report_tables(judgement) if tables is None else tables
    plots = {
        "classes": _classes(tables["classes"]),
        "confusion": confusion_plot(judgement, tables["confusion"]),
        "reliability": _reliability(tables["calibration"]),
        "coverage": _coverage(tables["coverage"]),
    }
    if tables["components"].height:
        plots["components"] = _components(tables["components"])
    if _timed(tables["trials"]).height:
        plots["search"] = _search(tables["trials"])
    return plots


def _classes(classes: pl.DataFrame) -> bytes:
    judged = classes.filter(pl.col("f1").is_not_null()).sort(["f1", "code"], descending=[True, False])
    every, half = judged.height, _BARS // 2
    if cut := every > _BARS:
        judged = pl.concat([judged.head(half), judged.tail(half)])
    names = [shortened(name, _NAME) for name in judged["category"]]
    part = f" of the {half} strongest and the {half} weakest of {every:,} categories" if cut else " of each category"
    left = 20 + room(names)
    drawing = Drawing(
        "classes", _WIDE, 62 + 20 * judged.height, f"F1{part}", "Bars are F1 on the gold rows, whiskers its 95 % interval."
    )
    axes = drawing.axes(left, 30, 80, 32)
    places = np.arange(judged.height) + (np.arange(judged.height) >= half if cut else 0)
    f1, low, high = (judged[name].to_numpy() for name in ("f1", "f1_low", "f1_high"))
    axes.barh(places, f1, height=0.66, color=BLUE, alpha=0.75)
    axes.hlines(places, low, high, colors=INK, linewidth=1)
    _share_axis(axes, "x")
    axes.xaxis.set_major_formatter(_plain)
    axes.set_ylim(places[-1] + 0.6, -0.6)
    axes.set_yticks([])
    for place, name, rows in zip(places, names, judged["rows"], strict=True):
        write(axes, -0.008, place, name, ha="right")
        write(axes, 1.012, place, f"{rows:,}", fontsize=10, color=MUTED)
    write(axes, 1.012, -1.05, "gold rows", fontsize=10, color=MUTED)
    if cut:
        axes.hlines(half, 0, 1, colors=MUTED, linewidth=1, linestyles="dotted")
    return drawing.svg()


def _reliability(calibration: pl.DataFrame) -> bytes:
    drawing = Drawing(
        "reliability",
        _NARROW,
        470,
        "Accuracy by confidence",
        "Points on the diagonal mean that answers given with 70 % confidence are right in 70 % of cases; below it the model"
        " is too sure of itself. Whiskers are 95 % intervals, bars below count the answers.",
    )
    axes = drawing.axes(58, 14, 18, 150)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    confidence, accuracy, low, high = (
        calibration[name].to_numpy() for name in ("confidence", "accuracy", "accuracy_low", "accuracy_high")
    )
    axes.vlines(confidence, low, high, colors=BLUE, linewidth=1.5, alpha=0.6)
    axes.plot(
        confidence, accuracy, color=BLUE, linewidth=1.5, marker="o", markersize=6, markeredgecolor=PAPER, clip_on=False
    )
    _share_axis(axes, "x")
    _share_axis(axes, "y")
    axes.set_xticklabels([])
    axes.set_ylabel("right", color=MUTED, fontsize=11, labelpad=8)
    below = drawing.axes(58, 340, 18, 52)
    edges, rows = calibration["low"].to_numpy(), calibration["rows"].to_numpy()
    widths = calibration["high"].to_numpy() - edges
    below.bar(edges + widths / 2, rows, width=widths * 0.88, color=MUTED, alpha=0.55)
    _share_axis(below, "x")
    below.set_ylim(0, rows.max() * 1.05)
    below.yaxis.set_major_locator(_round_steps(3, integer=True))
    below.yaxis.set_major_formatter(_count)
    below.set_ylabel("answers", color=MUTED, fontsize=11, labelpad=8)
    below.set_xlabel("confidence", color=MUTED, fontsize=11, labelpad=8)
    return drawing.svg()


def _coverage(coverage: pl.DataFrame) -> bytes:
    drawing = Drawing(
        "coverage",
        _NARROW,
        470,
        "Accuracy of the surest answers",
        "How many answers are right if only the surest share of the rows is answered; the band is the 95 % interval.",
    )
    axes = drawing.axes(58, 14, 18, 52)
    share, accuracy, low, high = (
        coverage[name].to_numpy() for name in ("coverage", "accuracy", "accuracy_low", "accuracy_high")
    )
    axes.fill_between(share, low, high, color=BLUE, alpha=0.16, linewidth=0)
    axes.plot(share, accuracy, color=BLUE, linewidth=2, marker="o", markersize=4, markeredgecolor="none", clip_on=False)
    _share_axis(axes, "x")
    # Of what lies between the least accuracy and 1 more is seen than of the whole range.
    floor = np.floor(max(min(low.min(), 0.95), 0) * 10 - 1e-9) / 10
    axes.set_ylim(max(floor, 0), 1)
    axes.yaxis.set_major_locator(_round_steps(6))
    axes.yaxis.set_major_formatter(_percent)
    axes.grid(axis="y", color=LINE, linewidth=0.7)
    axes.set_xlabel("share of the rows that is answered", color=MUTED, fontsize=11, labelpad=8)
    axes.set_ylabel("right", color=MUTED, fontsize=11, labelpad=8)
    mark = coverage.filter(pl.col("wanted") >= COVERAGE - 1e-9).row(0, named=True)
    axes.plot([mark["coverage"]], [mark["accuracy"]], marker="o", markersize=9, color=ORANGE, markeredgecolor=PAPER)
    down = mark["accuracy"] - 0.06 * (1 - max(floor, 0))
    words = f"{percent(mark['accuracy'])} at {percent(mark['coverage'], 0)}"
    write(axes, mark["coverage"], down, words, ha="right", color=ORANGE, fontweight="bold")
    return drawing.svg()


def _components(components: pl.DataFrame) -> bytes:
    ordered = components.sort(["weighted_f1", "name", "part"], descending=[True, False, False])
    names = ordered["name"].unique(maintain_order=True).to_list()
    shown = [shortened(name, _NAME) for name in names]
    left = 20 + room(shown)
    drawing = Drawing(
        "components",
        _WIDE,
        88 + 24 * len(names),
        "Weighted F1 of the components, each by itself",
        "Filled points are scores on validation rows, hollow ones on gold rows; colours tell what a component looks at.",
    )
    axes = drawing.axes(left, 44, 40, 32)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks([])
    axes.hlines(np.arange(len(names)), 0, 1, colors=LINE, linewidth=0.7)
    _share_axis(axes, "x")
    scores = ordered["weighted_f1"].to_numpy()
    least = np.floor(max(float(scores.min()) - 0.03, 0) * 20) / 20
    axes.set_xlim(least, min(1.0, np.ceil((float(scores.max()) + 0.03) * 20) / 20))
    axes.xaxis.set_major_locator(_round_steps(8))
    axes.xaxis.set_major_formatter(_plain)
    for row in ordered.iter_rows(named=True):
        colour = _MODALITIES.get(row["modality"], PINK)
        face = colour if row["part"] == "validation" else PAPER
        place = names.index(row["name"])
        axes.plot(
            [row["weighted_f1"]], [place], "o", markersize=9, markerfacecolor=face, markeredgecolor=colour, clip_on=False
        )
    for place, name in enumerate(shown):
        write(axes, least, place, f"{name}  ", ha="right")
    _legend(drawing, left, ordered)
    return drawing.svg()


def _legend(drawing: Drawing, left: float, components: pl.DataFrame) -> None:
    axes = drawing.axes(left, 8, 0, drawing.height - 28)
    axes.set_xlim(0, drawing.width - left)
    axes.set_ylim(-1, 1)
    axes.set_xticks([])
    axes.set_yticks([])
    entries = [(name, colour, colour) for name, colour in _MODALITIES.items() if name in components["modality"]]
    parts = components["part"].unique()
    entries += [(f"on {name} rows", MUTED, face) for name, face in (("validation", MUTED), ("gold", PAPER)) if name in parts]
    x = 6.0
    for words, edge, face in entries:
        axes.plot([x], [0], "o", markersize=8, markerfacecolor=face, markeredgecolor=edge)
        write(axes, x + 11, 0, words, color=MUTED)
        x += 40 + room([words])


def _timed(trials: pl.DataFrame) -> pl.DataFrame:
    """Return the trials that ended at a known time with a score, in the order of time."""
    if not {"finished_s", "score"} <= set(trials.columns):
        return pl.DataFrame()
    numbers = trials.select(pl.col("finished_s", "score").cast(pl.Float64, strict=False))
    return numbers.filter(pl.all_horizontal(pl.all().is_finite())).sort("finished_s", maintain_order=True)


def _search(trials: pl.DataFrame) -> bytes:
    ended = _timed(trials)
    drawing = Drawing(
        "search",
        _WIDE,
        340,
        "Progress of the search",
        "Each point is a trial at the time when it ended; the line is the best score so far.",
    )
    axes = drawing.axes(64, 16, 70, 52)
    seconds, scores = ended["finished_s"].to_numpy(), ended["score"].to_numpy()
    best = np.maximum.accumulate(scores)
    axes.plot(seconds, scores, "o", markersize=6, color=MUTED, alpha=0.45, markeredgecolor="none")
    axes.step(seconds, best, where="post", color=BLUE, linewidth=2)
    axes.set_xlim(0, max(float(seconds.max()), 1.0) * 1.01)
    # A few early failures would press all that matters to the upper edge.
    low = max(float(scores.min()), float(np.quantile(scores, 0.1)) - 0.1)
    room = max((float(best[-1]) - low) * 0.08, 0.005)
    axes.set_ylim(low - room, float(best[-1]) + room)
    axes.grid(axis="y", color=LINE, linewidth=0.7)
    axes.xaxis.set_major_locator(_round_steps(8))
    axes.yaxis.set_major_locator(_round_steps(6))
    axes.yaxis.set_major_formatter(_plain)
    axes.set_xlabel("seconds since the search began", color=MUTED, fontsize=11, labelpad=8)
    axes.set_ylabel("score", color=MUTED, fontsize=11, labelpad=10)
    write(axes, axes.get_xlim()[1] * 1.01, best[-1], f"{best[-1]:.4f}", color=BLUE, fontweight="bold")
    return drawing.svg()


def _share_axis(axes: "Axes", which: str) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_view_interval(0, 1, ignore=True)
    axis.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axis.set_major_formatter(_percent)
    axes.grid(axis="x" if which == "x" else "y", color=LINE, linewidth=0.7)


def _count(value: float, _place: float | None) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _percent(value: float, _place: float | None) -> str:
    return f"{100 * value:g} %"


def _plain(value: float, _place: float | None) -> str:
    return f"{value:.3g}"


def _round_steps(most: int, *, integer: bool = False) -> "MaxNLocator":
    # Matplotlib looks for fonts and writes a file as it is imported: not before something is drawn.
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(most, steps=[1, 2, 5, 10], integer=integer)
