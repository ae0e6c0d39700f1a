"""What monitoring found, run by run and value by value: written by a run, read by dashboards, exporters and people.

A run compares the answers of one window with the training rows of one model. It has a state of its own, which the policy
gave it, and values. A value is one measure of one column, and belongs to a family:

    quality       what the window's rows are like: `null_ratio`, `outlier_ratio`, `mean`, `median`, `imbalance_ratio`, …
    drift         how far they are from the reference: `psi`, `kl`, `js`, `wasserstein`, `auc`
    performance   how right the answers are: `accuracy` (from feedback), `estimated_accuracy` (from confidence alone),
                  and `model_age_seconds`, `data_age_seconds`
    application   how the server does: `requests_per_minute`, `error_ratio`, `latency_p50_seconds`,
                  `latency_p99_seconds`, `cpu_cores`

`aisle.monitoring.definitions` says what each measure means. A measure of no column in particular stands under `all`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, Self, get_args

import orjson
from sqlalchemy import Row, delete, insert, select, update

from aisle.errors import MonitoringError
from aisle.storage.database import Database
from aisle.storage.schema import monitor_runs, monitor_values, retrain_requests

Family = Literal["quality", "drift", "performance", "application"]
FAMILIES: tuple[Family, ...] = get_args(Family)
"""What a value may be about."""

RunState = Literal["ok", "watch", "act"]
ValueState = Literal["ok", "watch", "act", "unknown"]
"""What the policy makes of a value; `unknown` where it cannot be judged, and the note says why."""

ALL = "all"
"""The column of what is about no column in particular."""


@dataclass(frozen=True, slots=True)
class MonitorValue:
    """One measure of one column in one run.

    Args:
        family: What it is about.
        column: The column, or `all`.
        measure: The measure's name.
        value: The figure; none where it cannot be told, and the note says why.
        n: Rows of the reference that it is from; 0 where it needs none.
        m: Rows of the window that it is from.
        state: What the policy makes of it.
        low: Lower end of its 95 % interval, where it has one.
        high: Upper end of that.
        null_low: Lower end of where it lies when nothing has changed, where that is known.
        null_high: Upper end of that: the 99 % quantile, corrected for the number of columns.
        threshold: The effect from which on the policy takes it seriously, if it looks at it at all.
        note: Why there is no figure, or why it is not judged; empty otherwise.
    """

    family: Family
    column: str
    measure: str
    value: float | None
    n: int = 0
    m: int = 0
    state: ValueState = "ok"
    low: float | None = None
    high: float | None = None
    null_low: float | None = None
    null_high: float | None = None
    threshold: float | None = None
    note: str = ""

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return what a row of `monitor_values` tells of."""
        values = dict(row._mapping)
        values["column"] = values.pop("column_name")
        return cls(**{field.name: values[field.name] for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class MonitorRun:
    """One look at one window.

    Args:
        at: When it was taken.
        seconds: How long it took.
        asked: The window as it was asked for: `24h`, `rows:1000`.
        window_start: When the oldest answer in it was given; none where the window is empty.
        window_end: When the newest one was.
        window_rows: Answers in it.
        version: The model version whose training rows are the reference; none for a bundle that is not registered.
        bundle: Digest of its bundle.
        reference_rows: Training rows that the reference is from.
        policy: Digest of the policy that gave the states.
        state: What the policy makes of it all.
        reasons: Why, as sentences; empty where all is well.
        report: Key of its HTML report among the artefacts, if it has one.
        mlflow_run: MLflow's id of the run that shows it, if there is one.
        id: Its number; 0 before it is kept.
    """

    at: datetime
    seconds: float
    asked: str
    window_start: datetime | None
    window_end: datetime | None
    window_rows: int
    version: int | None
    bundle: str
    reference_rows: int
    policy: str
    state: RunState
    reasons: tuple[str, ...] = ()
    report: str | None = None
    mlflow_run: str | None = None
    id: int = 0

    @classmethod
    def from_row(cls, row: Row[Any]) -> Self:
        """Return what a row of `monitor_runs` tells of."""
        values = dict(row._mapping)
        return cls(**{**values, "reasons": tuple(orjson.loads(values["reasons"]))})


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One value as it was in one run: when, of what number, and the value."""

    at: datetime
    run_id: int
    value: MonitorValue


class MonitorRecords:
    """The runs and values in a database.

    Args:
        database: Where the rows live; it has been migrated.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, run: MonitorRun, values: Sequence[MonitorValue]) -> MonitorRun:
        """Keep a run with its values, all or none, and return it with its number.

        Args:
            run: The run; its own number does not matter.
            values: Its values; a family, column and measure stand there once.
        """
        row = {field.name: getattr(run, field.name) for field in fields(run) if field.name != "id"}
        row["reasons"] = orjson.dumps(run.reasons).decode()
        with self._database.transaction() as connection:
            kept = MonitorRun.from_row(connection.execute(insert(monitor_runs).values(row).returning(monitor_runs)).one())
            if values:
                connection.execute(insert(monitor_values), [_value_row(kept.id, value) for value in values])
        return kept

    def attach(self, run_id: int, *, report: str, mlflow_run: str | None) -> None:
        """Say where a run's report lies.

        Args:
            run_id: The run's number.
            report: The report's key among the artefacts.
            mlflow_run: MLflow's id of the run that shows it, if there is one.
        """
        places = {"report": report, "mlflow_run": mlflow_run}
        with self._database.transaction() as connection:
            connection.execute(update(monitor_runs).where(monitor_runs.c.id == run_id).values(places))

    def latest(self) -> MonitorRun | None:
        """Return the newest run, if there is any."""
        return next(iter(self.runs(limit=1)), None)

    def run(self, run_id: int) -> MonitorRun:
        """Return a run by its number.

        Raises:
            MonitoringError: There is none.
        """
        with self._database.reading() as connection:
            row = connection.execute(select(monitor_runs).where(monitor_runs.c.id == run_id)).one_or_none()
        if row is None:
            raise MonitoringError(
                f"There is no monitoring run {run_id}.", hint="`aisle monitor runs` shows those there are."
            )
        return MonitorRun.from_row(row)

    def runs(self, *, limit: int = 50, since: datetime | None = None) -> list[MonitorRun]:
        """Return runs, newest first.

        Args:
            limit: How many at most.
            since: Those from this moment on; all of them by default.
        """
        wanted = [] if since is None else [monitor_runs.c.at >= since]
        query = select(monitor_runs).where(*wanted).order_by(monitor_runs.c.id.desc()).limit(limit)
        with self._database.reading() as connection:
            return [MonitorRun.from_row(row) for row in connection.execute(query)]

    def values(self, run_id: int) -> list[MonitorValue]:
        """Return a run's values, by family, column and measure."""
        columns = monitor_values.c
        query = (
            select(monitor_values)
            .where(columns.run_id == run_id)
            .order_by(columns.family, columns.column_name, columns.measure)
        )
        with self._database.reading() as connection:
            return [MonitorValue.from_row(row) for row in connection.execute(query)]

    def trend(
        self, measure: str, *, family: Family | None = None, column: str | None = None, limit: int = 30
    ) -> list[TrendPoint]:
        """Return how a measure went over the last runs, oldest first.

        Args:
            measure: The measure.
            family: Of one family only.
            column: Of one column only.
            limit: Over how many runs.
        """
        newest = select(monitor_runs.c.id).order_by(monitor_runs.c.id.desc()).limit(limit).scalar_subquery()
        wanted = [monitor_values.c.measure == measure, monitor_values.c.run_id.in_(newest)]
        if family is not None:
            wanted.append(monitor_values.c.family == family)
        if column is not None:
            wanted.append(monitor_values.c.column_name == column)
        query = (
            select(monitor_runs.c.at, monitor_values)
            .join_from(monitor_values, monitor_runs)
            .where(*wanted)
            .order_by(monitor_values.c.run_id, monitor_values.c.family, monitor_values.c.column_name)
        )
        with self._database.reading() as connection:
            return [TrendPoint(row.at, row.run_id, MonitorValue.from_row(row)) for row in connection.execute(query)]

    def prune(self, before: datetime) -> int:
        """Delete the runs before a moment with their values, but for those that a retraining goes back to.

        Args:
            before: Runs from this moment on are kept.

        Returns:
            How many were deleted.
        """
        # Of a list with nothing in it, SQL cannot say that it lacks a number.
        asked = select(retrain_requests.c.run_id).where(retrain_requests.c.run_id.is_not(None))
        old = monitor_runs.c.at < before, monitor_runs.c.id.not_in(asked)
        with self._database.transaction() as connection:
            return connection.execute(delete(monitor_runs).where(*old)).rowcount


def _value_row(run_id: int, value: MonitorValue) -> dict[str, Any]:
    row = {field.name: getattr(value, field.name) for field in fields(value)}
    row["column_name"] = row.pop("column")
    return {"run_id": run_id, **row}
