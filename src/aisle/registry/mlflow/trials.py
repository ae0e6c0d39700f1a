"""A search's trials as runs under the training's run: written in one go after it, so that it waits for no server.

Writing them again adds nothing. A trial is known by a tag, one whose run never came to its end is written anew into the
same run, and every figure carries the time of the training's run: MLflow takes a point that it has for the same point.
"""

from collections.abc import Sequence
from typing import Any

from aisle.registry.mlflow.run import mlflow_name
from aisle.registry.mlflow.session import Session
from aisle.registry.records import TrialRecord

PARENT_TAG = "mlflow.parentRunId"
"""The tag by which MLflow shows a run under another."""

TRIAL_TAG = "aisle.trial"
"""The tag by which a run names its trial."""

LOST_TAG = "aisle.lost"
"""The tag that says why a trial failed."""

_PARAMETERS = 100
"""Parameters that one request may carry; so many figures are no trouble either."""

_LONGEST = 5_000
"""Characters of a parameter or a tag that every MLflow keeps."""


def log_trials(session: Session, parent_run_id: str, records: Sequence[TrialRecord]) -> int:
    """Write trials as runs under a run, and return how many there were to write.

    Args:
        session: The MLflow that they are told to.
        parent_run_id: The training's run.
        records: The trials.

    Raises:
        TrackingError: MLflow cannot be reached, or refused.
    """
    with session.client("look for trials") as client:
        parent = client.get_run(parent_run_id).info
        known = _known(client, parent.experiment_id, parent_run_id)
    written = 0
    for record in records:
        run_id, ended = known.get(record.trial_id, (None, False))
        if not ended:
            # One lending for each: another thread of the process may speak in between.
            with session.client("log a trial") as client:
                _log(client, session.mlflow.entities, parent, record, run_id)
            written += 1
    return written


def _known(client: Any, experiment_id: str, parent_run_id: str) -> dict[str, tuple[str, bool]]:
    """Return the runs that a search's trials have already, and whether each has come to its end."""
    known: dict[str, tuple[str, bool]] = {}
    token = None
    while True:
        page = client.search_runs([experiment_id], f"tags.`{PARENT_TAG}` = '{parent_run_id}'", page_token=token)
        for run in page:
            if TRIAL_TAG in run.data.tags:
                known[run.data.tags[TRIAL_TAG]] = run.info.run_id, run.info.status != "RUNNING"
        if not (token := page.token):
            return known


def _log(client: Any, entities: Any, parent: Any, record: TrialRecord, run_id: str | None) -> None:
    if run_id is None:
        tags = {"mlflow.source.name": "aisle", PARENT_TAG: parent.run_id, TRIAL_TAG: record.trial_id}
        run_id = client.create_run(
            parent.experiment_id, start_time=parent.start_time, tags=tags, run_name=record.name
        ).info.run_id
    parameters = [
        entities.Param(mlflow_name(name), str(value)[:_LONGEST]) for name, value in sorted(record.parameters.items())
    ]
    for start in range(0, len(parameters), _PARAMETERS):
        client.log_batch(run_id, params=parameters[start : start + _PARAMETERS])
    points = [
        entities.Metric(mlflow_name(name), float(value), parent.start_time, int(figures["rung"]))
        for figures in record.curve
        for name, value in figures.items()
        if name != "rung"
    ]
    lost = [entities.RunTag(LOST_TAG, record.lost[:_LONGEST])] if record.lost else []
    for start in range(0, max(len(points), 1), _PARAMETERS):
        client.log_batch(run_id, metrics=points[start : start + _PARAMETERS], tags=lost)
    client.set_terminated(run_id, "FAILED" if record.lost else "FINISHED")
