"""What the last monitoring run found, and what became of the retrainings asked for, as figures for Prometheus."""

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from aisle.monitoring.records import FAMILIES, MonitorRun, MonitorValue
from aisle.monitoring.requests import REQUEST_STATES
from aisle.storage.schema import monitor_runs, monitor_values, retrain_requests
from aisle.telemetry import Readings

LEVELS = {"ok": 0, "watch": 1, "act": 2}
"""A state as a figure, so that the worst of several is their maximum."""

_UNKNOWN = -1
_SHOWN = {
    "drift": ("value", "low", "high", "null_low", "null_high", "threshold", "state", "m", "n"),
    "quality": ("value", "threshold", "state", "m"),
    "performance": ("value", "low", "high", "threshold", "state", "m"),
}
"""What is shown of a value, by its family. The server's own metrics are the source of the family `application`."""
_SUFFIXES = {"value": "", "m": "_window_rows", "n": "_reference_rows"}
_OPEN = ("requested", "taken")


def read_findings(connection: Connection, readings: Readings, *, model: str) -> None:
    """Read the newest run with its values, and the retrain requests, in the transaction given.

    Args:
        connection: A transaction that reads.
        readings: Where the figures go.
        model: Name of the registered model that requests are about.
    """
    row = connection.execute(select(monitor_runs).order_by(monitor_runs.c.id.desc()).limit(1)).one_or_none()
    if row is not None:
        run = MonitorRun.from_row(row)
        found = connection.execute(select(monitor_values).where(monitor_values.c.run_id == run.id))
        show_run(run, [MonitorValue.from_row(value) for value in found], readings)
    _read_requests(connection, readings, model)


def show_run(run: MonitorRun, values: Iterable[MonitorValue], readings: Readings) -> None:
    """Put a run and its values into readings.

    Args:
        run: The run.
        values: Its values. A figure that could not be told has no series, and its state says so.
        readings: Where the figures go.
    """
    readings.set("aisle_monitor_run_timestamp_seconds", run.at.timestamp())
    readings.set("aisle_monitor_run_seconds", run.seconds)
    readings.set("aisle_monitor_window_rows", run.window_rows)
    readings.set("aisle_monitor_reference_rows", run.reference_rows)
    readings.set("aisle_monitor_info", 1, "none" if run.version is None else str(run.version))
    readings.set("aisle_monitor_state", LEVELS[run.state], "all")
    worst: dict[str, int] = {}
    unknown: dict[str, int] = dict.fromkeys(FAMILIES, 0)
    for value in values:
        if value.state == "unknown":
            unknown[value.family] += 1
        else:
            worst[value.family] = max(worst.get(value.family, 0), LEVELS[value.state])
        _show_value(value, readings)
    for family, level in worst.items():
        readings.set("aisle_monitor_state", level, family)
    for family, count in unknown.items():
        readings.set("aisle_monitor_unknown", count, family)


def _show_value(value: MonitorValue, readings: Readings) -> None:
    for part in _SHOWN.get(value.family, ()):
        figure = LEVELS.get(value.state, _UNKNOWN) if part == "state" else getattr(value, part)
        if figure is not None:
            name = f"aisle_{value.family}{_SUFFIXES.get(part, f'_{part}')}"
            readings.set(name, figure, value.column, value.measure)


def _read_requests(connection: Connection, readings: Readings, model: str) -> None:
    requests = retrain_requests.c
    counts = select(requests.state, func.count()).where(requests.model == model).group_by(requests.state)
    found: dict[str, int] = dict(iter(connection.execute(counts)))
    newest = select(retrain_requests).where(requests.model == model).order_by(requests.id.desc()).limit(1)
    last = connection.execute(newest).one_or_none()
    for state in REQUEST_STATES:
        readings.set("aisle_retrain_requests", found.get(state, 0), state)
        readings.set("aisle_retrain_last_state", 1 if last is not None and last.state == state else 0, state)
    if last is not None:
        readings.set("aisle_retrain_last_change_timestamp_seconds", last.changed_at.timestamp())
    if last is not None and last.state in _OPEN:
        readings.set("aisle_retrain_open_timestamp_seconds", last.requested_at.timestamp())
