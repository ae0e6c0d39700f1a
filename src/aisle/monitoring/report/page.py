"""The page: what was found, the columns that drifted most, how it went, every value, and examples."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from aisle.monitoring.definitions import DEFINITIONS
from aisle.monitoring.drift import ColumnDrift
from aisle.monitoring.monitor import Finding
from aisle.monitoring.records import FAMILIES, MonitorValue, TrendPoint
from aisle.monitoring.report.drawing import Point, bars, gauge, trend

_WORST = 6
_BINS = 14
_STATES = {"act": 0, "watch": 1, "unknown": 2, "ok": 3}


def monitoring_page(finding: Finding, trends: Mapping[str, Sequence[TrendPoint]]) -> str:
    """Return the report of a run as one HTML page; what comes from the catalogue is escaped, and nothing is loaded.

    Args:
        finding: The run.
        trends: How PSI of each column went over the last runs, this one included; the state is the run's own.
    """
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"figure": _figure, "moment": _moment}
    loader = environment.loader
    assert loader is not None
    look = finding.look
    columns = sorted((drift for drift in look.drifts if drift.psi.value is not None), key=_worst_first)
    told = {(value.column, value.measure): value for value in look.values if value.family == "performance"}
    return environment.get_template(
        "page.html.j2"
    ).render(
        style=Markup(loader.get_source(environment, "page.css")[0]),  # noqa: S704 - a file of this package
        run=finding.run,
        finding=finding,
        states={state: sum(value.state == state for value in look.values) for state in _STATES},
        accuracy=told.get(("all", "accuracy")),
        estimated=told.get(("all", "estimated_accuracy")),
        worst=[_column(drift, trends.get(drift.column, ())) for drift in columns[:_WORST]],
        families={family: _rows([value for value in look.values if value.family == family]) for family in FAMILIES},
        examples=look.examples.to_dicts() if look.examples.height else [],
        definitions=DEFINITIONS,
    )


def _worst_first(drift: ColumnDrift) -> tuple[int, float]:
    value = drift.psi
    return _STATES[value.state], -(value.value or 0.0) / (value.null_high or 1.0)


def _column(drift: ColumnDrift, points: Sequence[TrendPoint]) -> dict[str, Any]:
    names, before, now = _shown_bins(drift)
    told = [Point(_moment(point.at), point.value.value, point.value.null_high, point.value.state) for point in points]
    return {
        "name": drift.column,
        "psi": drift.psi,
        "bars": bars(names, before, now, f"{drift.column}: shares in the reference and in the window"),
        "trend": trend(told, drift.psi.threshold, f"{drift.column}: PSI over the last runs") if told else "",
    }


def _shown_bins(drift: ColumnDrift) -> tuple[list[str], list[float], list[float]]:
    """Return the bins' names and shares; of very many those that changed most."""
    before, now = (np.asarray(part, float) / max(float(np.sum(part)), 1.0) for part in (drift.reference, drift.window))
    kept = np.flatnonzero((before > 0) | (now > 0))
    if len(kept) > _BINS:
        kept = np.sort(kept[np.argsort(-np.abs(before - now)[kept], kind="stable")[:_BINS]])
    return [drift.bins[place] for place in kept], before[kept].tolist(), now[kept].tolist()


def _rows(values: Sequence[MonitorValue]) -> list[dict[str, Any]]:
    ordered = sorted(values, key=lambda value: (_STATES[value.state] if value.state != "unknown" else 3, value.column))
    return [{"value": value, "gauge": _gauge(value)} for value in ordered]


def _gauge(value: MonitorValue) -> Markup | str:
    if value.value is None or value.null_high is None:
        return ""
    return gauge(value.value, value.null_low or 0.0, value.null_high, value.threshold)


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1_000 or value == int(value) else f"{value:.4g}"


def _moment(moment: datetime | None) -> str:
    return "–" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
