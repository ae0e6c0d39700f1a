"""Keeping a run's report: in the object store under `monitoring/RUN/`, and in MLflow as a run's artefact."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import orjson

from aisle.errors import MonitoringError, ObjectNotFound
from aisle.monitoring.monitor import Finding
from aisle.monitoring.records import MonitorRecords, MonitorRun, MonitorValue, TrendPoint
from aisle.monitoring.report.page import monitoring_page
from aisle.registry.mlflow.run import figures
from aisle.storage.objects import Bucket

if TYPE_CHECKING:
    from aisle.registry.mlflow import Tracking

PAGE = "report.html"
_TREND = 30


def as_json(run: MonitorRun, values: list[MonitorValue]) -> dict[str, object]:
    """Return a run and its values as JSON, for programs.

    Args:
        run: The run.
        values: Its values.
    """
    fields = {name: getattr(run, name) for name in MonitorRun.__dataclass_fields__}
    return {**fields, "values": [{name: getattr(v, name) for name in MonitorValue.__dataclass_fields__} for v in values]}


def keep_report(
    finding: Finding, records: MonitorRecords, artifacts: Bucket, tracking: "Callable[[], Tracking] | None" = None
) -> MonitorRun:
    """Write a run's page and figures where they are found again, and return the run with their places.

    Args:
        finding: The run.
        records: Where it is kept.
        artifacts: The bucket of bundles and reports.
        tracking: Opens MLflow; nothing is shown there without it.

    Raises:
        ObjectStoreError: The store refused, or cannot be reached.
        TrackingError: MLflow cannot be reached, or refused.
    """
    run = finding.run
    trends: dict[str, list[TrendPoint]] = {}
    for point in records.trend("psi", family="drift", limit=_TREND):
        trends.setdefault(point.value.column, []).append(point)
    files = {
        "values.json": orjson.dumps(as_json(run, list(finding.look.values)), option=orjson.OPT_INDENT_2),
        # The last of them: where the page is, all is.
        PAGE: monitoring_page(finding, trends).encode("utf-8", "replace"),
    }
    for name, data in files.items():
        artifacts.put(f"monitoring/{run.id}/{name}", data)
    shown = None if tracking is None else _show(finding, files, tracking())
    records.attach(run.id, report=f"monitoring/{run.id}/{PAGE}", mlflow_run=shown)
    return records.run(run.id)


def read_report(run: MonitorRun, artifacts: Bucket) -> bytes:
    """Return the page of a run.

    Raises:
        MonitoringError: It has none.
    """
    if run.report is not None:
        try:
            return artifacts.get(run.report)
        except ObjectNotFound:
            pass  # it was removed: as if there had never been one
    raise MonitoringError(f"Monitoring run {run.id} has no report.", hint="`aisle monitor run` makes one.")


def _show(finding: Finding, files: dict[str, bytes], tracking: "Tracking") -> str:
    run = finding.run
    chosen = {"window": run.asked, "version": run.version, "policy": run.policy[:12]}
    measured: dict[str, dict[str, float]] = {}
    for value in finding.look.values:
        if value.value is not None and value.family in {"drift", "performance"}:
            measured.setdefault(f"{value.family}.{value.measure}", {})[value.column] = value.value
    with (
        tracking.start_run(f"monitoring {run.id}", parameters=chosen, tags={"aisle.monitoring_state": run.state}) as shown,
        TemporaryDirectory(prefix="aisle-monitoring-") as folder,
    ):
        shown.log_metrics({**figures(measured), "window_rows": float(run.window_rows)})
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        shown.log_artifacts(Path(folder), under="monitoring")
        return shown.run_id
