"""How the catalogue, the pipeline and the registry stand, as figures for Prometheus."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, select

from aisle.catalog.loads import RUNNING
from aisle.registry.records import ModelVersion, Promotion
from aisle.storage.schema import loads, models, predictions, promotions, rejects, snapshots, steps
from aisle.telemetry import Readings

_ROWS = ("loaded", "unchanged", "rejected")
_IMAGES = ("loaded", "rejected")


def read_standing(connection: Connection, readings: Readings) -> None:
    """Read everything of it, in the transaction given.

    Args:
        connection: A transaction that reads.
        readings: Where the figures go.
    """
    _read_champion(connection, readings)
    _read_registry(connection, readings)
    _read_snapshots(connection, readings)
    _read_loads(connection, readings)
    _read_steps(connection, readings)
    answered = connection.scalar(select(func.max(predictions.c.answered_at)))
    _set_moment(readings, "aisle_prediction_log_timestamp_seconds", answered)


def _read_champion(connection: Connection, readings: Readings) -> None:
    last = connection.execute(select(promotions).order_by(promotions.c.seq.desc()).limit(1)).one_or_none()
    if last is None:
        return
    champion = Promotion.from_row(last)
    model = ModelVersion.from_row(connection.execute(select(models).where(models.c.version == champion.version)).one())
    frozen = connection.scalar(select(snapshots.c.created_at).where(snapshots.c.digest == model.snapshot))
    readings.set("aisle_champion_info", 1, str(champion.version))
    _set_moment(readings, "aisle_champion_promoted_timestamp_seconds", champion.created_at)
    _set_moment(readings, "aisle_champion_trained_timestamp_seconds", model.created_at)
    _set_moment(readings, "aisle_champion_data_timestamp_seconds", frozen)
    for measure, value in _scores(model):
        readings.set("aisle_champion_score", value, measure)


def _scores(model: ModelVersion) -> Iterator[tuple[str, float]]:
    # Rows of each part are among a version's figures too; they are no scores.
    for name, value in model.metrics.items():
        if isinstance(value, int | float) and not name.startswith("rows_"):
            yield name, float(value)


def _read_registry(connection: Connection, readings: Readings) -> None:
    once = select(promotions.c.version).distinct()
    promoted = connection.scalar(select(func.count()).select_from(models).where(models.c.version.in_(once))) or 0
    total = connection.scalar(select(func.count()).select_from(models)) or 0
    readings.set("aisle_models", promoted, "yes")
    readings.set("aisle_models", total - promoted, "no")
    decided = _by_name(connection, promotions.c.action)
    for action in ("promote", "rollback"):
        readings.set("aisle_promotions_total", decided.get(action, 0), action)


def _read_snapshots(connection: Connection, readings: Readings) -> None:
    readings.set("aisle_snapshots", connection.scalar(select(func.count()).select_from(snapshots)) or 0)
    newest = select(snapshots.c.rows, snapshots.c.created_at).order_by(snapshots.c.created_at.desc()).limit(1)
    if (row := connection.execute(newest).one_or_none()) is not None:
        readings.set("aisle_snapshot_rows", row.rows)
        _set_moment(readings, "aisle_snapshot_timestamp_seconds", row.created_at)


def _read_loads(connection: Connection, readings: Readings) -> None:
    for state, count in _by_name(connection, loads.c.state).items():
        readings.set("aisle_loads", count, state)
    sums = [func.sum(loads.c[f"rows_{outcome}"]).label(f"rows_{outcome}") for outcome in _ROWS]
    sums += [func.sum(loads.c[f"images_{outcome}"]).label(f"images_{outcome}") for outcome in _IMAGES]
    moved = func.max(loads.c.updated_at).label("moved")
    running = func.max(case((loads.c.state == RUNNING, loads.c.updated_at))).label("running")
    taken = select(loads.c.source, loads.c.split, moved, running, *sums).group_by(loads.c.source, loads.c.split)
    for row in connection.execute(taken).mappings():
        split = (row["source"], row["split"])
        for outcome in _ROWS:
            readings.set("aisle_load_rows_total", int(row[f"rows_{outcome}"]), *split, outcome)
        for outcome in _IMAGES:
            readings.set("aisle_load_images_total", int(row[f"images_{outcome}"]), *split, outcome)
        _set_moment(readings, "aisle_load_timestamp_seconds", row["moved"], *split)
        _set_moment(readings, "aisle_load_running_timestamp_seconds", row["running"], *split)
    refused = select(rejects.c.kind, rejects.c.reason, func.count()).group_by(rejects.c.kind, rejects.c.reason)
    for kind, reason, count in connection.execute(refused):
        readings.set("aisle_rejects", count, kind, reason)


def _read_steps(connection: Connection, readings: Readings) -> None:
    newest = select(func.max(steps.c.seq)).group_by(steps.c.name)
    for name, count in _by_name(connection, steps.c.name).items():
        readings.set("aisle_pipeline_steps", count, name)
    for row in connection.execute(select(steps).where(steps.c.seq.in_(newest))):
        readings.set("aisle_pipeline_step_seconds", float(row.seconds), row.name)
        _set_moment(readings, "aisle_pipeline_step_timestamp_seconds", row.created_at, row.name)


def _by_name(connection: Connection, column: Any) -> dict[str, int]:
    return dict(iter(connection.execute(select(column, func.count()).group_by(column))))


def _set_moment(readings: Readings, name: str, moment: datetime | None, *labels: str) -> None:
    if moment is not None:
        readings.set(name, moment.timestamp(), *labels)
