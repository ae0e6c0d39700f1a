"""The page: one HTML file that needs nothing beside itself, neither network nor other files."""

import math
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson
import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from aisle.training.report.confusion_plot import MOST
from aisle.training.report.drawing import themed
from aisle.training.report.judgement import RARE_ROWS, Judgement
from aisle.training.report.pictures import SIDE, pictures
from aisle.training.report.plots import report_plots
from aisle.training.report.tables import COVERAGE, report_tables
from aisle.training.report.verdict import verdict
from aisle.training.report.wording import percent, printable, shortened, size

_CONFUSIONS = 25
_TRIALS = 200
_N_GRAMS = 10
_OPEN = 24
_TITLE, _VALUE = 240, 160


def report_page(
    judgement: Judgement,
    tables: Mapping[str, pl.DataFrame] | None = None,
    plots: Mapping[str, bytes] | None = None,
) -> str:
    """Return the report as one HTML page.

    It holds its own style, figures and pictures, and a content security policy that lets it load nothing. What comes
    from the catalogue is escaped. It grows with the categories; of the rows only the worst errors are in it.

    Args:
        judgement: What is told.
        tables: Its tables, where they have been made already.
        plots: Its plots, where they have been drawn already.
    """
    tables = report_tables(judgement) if tables is None else tables
    plots = report_plots(judgement, tables) if plots is None else plots
    environment = _environment()
    script, style = (_source(environment, name) for name in ("sort.js", "page.css"))
    classes, grams = tables["classes"], _n_grams(tables["n_grams"])
    return environment.get_template("page.html.j2").render(
        script=Markup(script),  # noqa: S704 - a file of this package
        script_hash=b64encode(sha256(script.encode()).digest()).decode("ascii"),
        style=Markup(style),  # noqa: S704 - a file of this package
        plots={name: Markup(themed(svg)) for name, svg in plots.items()},  # noqa: S704 - escaped by the drawing
        verdict=verdict(judgement, tables),
        scores={row["figure"]: row for row in tables["scores"].iter_rows(named=True)},
        classes=classes.to_dicts(),
        classes_named=bool((classes["code"] != classes["category"]).any()),
        grams=grams,
        slices=tables["slices"].to_dicts(),
        floor=_floor(tables["slices"]),
        confusions=_confusions(judgement, tables["confusion"]),
        errors=_errors(judgement, tables["worst_errors"]),
        components=tables["components"].to_dicts(),
        trials=_trials(tables["trials"]),
        trials_in_all=tables["trials"].height,
        judgement=judgement,
        configuration=orjson.dumps(
            judgement.provenance.configuration, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2, default=str
        ).decode(),
        rows=judgement.rows.height,
        rare_rows=RARE_ROWS,
        coverage=COVERAGE,
        open=_OPEN,
        most=MOST,
        side=SIDE,
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"percent": percent, "bytes": size, "figure": _figure, "short": shortened}
    return environment


def _source(environment: Environment, name: str) -> str:
    loader = environment.loader
    assert loader is not None
    return loader.get_source(environment, name)[0]


def _figure(value: Any, digits: int = 3) -> str:
    """Return a value of a table as text: floats with some digits, whole numbers with separators, a dash for nothing."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{digits}f}"
    return f"{value:,}" if isinstance(value, int) else shortened(str(value), _VALUE)


def _floor(slices: pl.DataFrame) -> float:
    """Return where the bars of the slices begin: little is seen of intervals on the whole way from 0 to 1."""
    least: float = min(slices["accuracy_low"].to_list())
    return min(math.floor(10 * least) / 10, 0.9)


def _n_grams(table: pl.DataFrame) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for code, text in table.filter(pl.col("place") <= _N_GRAMS).select("code", "n_gram").iter_rows():
        found.setdefault(code, []).append(text)
    return found


def _confusions(judgement: Judgement, confusion: pl.DataFrame) -> list[dict[str, Any]]:
    wrong = confusion.filter(pl.col("correct") != pl.col("predicted"))
    most = wrong.sort(["rows", "correct", "predicted"], descending=[True, False, False]).head(_CONFUSIONS)
    return [
        {**row, "correct": judgement.name(row["correct"]), "predicted": judgement.name(row["predicted"])}
        for row in most.iter_rows(named=True)
    ]


def _errors(judgement: Judgement, worst: pl.DataFrame) -> list[dict[str, Any]]:
    seen = pictures(judgement.rows[worst["row"].to_list()], judgement.images)
    return [
        {**row, "title": shortened(row["title"] or "", _TITLE), "picture": picture}
        for row, picture in zip(worst.iter_rows(named=True), seen, strict=True)
    ]


def _trials(trials: pl.DataFrame) -> pl.DataFrame:
    """Return the trials that the page shows: all, or the best of very many."""
    if trials.height <= _TRIALS:
        return trials
    if "score" in trials.columns:
        trials = trials.sort("score", descending=True, nulls_last=True, maintain_order=True)
    return trials.head(_TRIALS)
