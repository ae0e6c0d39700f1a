"""One run: what was tried, with what figures, on which data."""

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import orjson

from aisle.registry.mlflow.session import Session

_DIGEST_CHARS = 36
"""Longest digest that MLflow keeps of a data set; ours are 64 characters, and the whole one stands in the source."""

_BATCH = 100
"""Parameters or figures that one request may carry."""


class Run:
    """A run under way; made by `Tracking.start_run`.

    Args:
        session: The MLflow that it is told to.
        run_id: MLflow's id of it.
        experiment_id: MLflow's id of its experiment.
    """

    def __init__(self, session: Session, run_id: str, experiment_id: str) -> None:
        self.run_id = run_id
        self.experiment_id = experiment_id
        self._session = session

    def log_parameters(self, parameters: Mapping[str, object]) -> None:
        """Keep what was chosen before the run; each value as its text.

        Raises:
            TrackingError: MLflow cannot be reached, or refused.
        """
        with self._session.client("log parameters") as client:
            entity = self._session.mlflow.entities.Param
            values = [entity(name, str(value)) for name, value in parameters.items()]
            for start in range(0, len(values), _BATCH):
                client.log_batch(self.run_id, params=values[start : start + _BATCH])

    def log_metrics(self, metrics: Mapping[str, float], *, step: int = 0) -> None:
        """Keep figures.

        Args:
            metrics: The figures by name.
            step: Position along a curve, for a figure that is told more than once.

        Raises:
            TrackingError: MLflow cannot be reached, or refused.
        """
        now = int(time.time() * 1000)
        with self._session.client("log metrics") as client:
            entity = self._session.mlflow.entities.Metric
            values = [entity(name, float(value), now, step) for name, value in metrics.items()]
            for start in range(0, len(values), _BATCH):
                client.log_batch(self.run_id, metrics=values[start : start + _BATCH])

    def log_dataset(self, digest: str, name: str, *, context: str = "training") -> None:
        """Keep which data was used.

        Args:
            digest: The snapshot's digest. MLflow's own field holds its first 36 characters, the source all of it.
            name: The data's name.
            context: What it was used for.

        Raises:
            TrackingError: MLflow cannot be reached, or refused.
        """
        with self._session.client("log the data set") as client:
            entities = self._session.mlflow.entities
            source = orjson.dumps({"snapshot": digest}).decode()
            dataset = entities.Dataset(name, digest[:_DIGEST_CHARS], "aisle-snapshot", source)
            tags = [entities.InputTag("mlflow.data.context", context)]
            client.log_inputs(self.run_id, datasets=[entities.DatasetInput(dataset, tags)])

    def log_artifacts(self, folder: Path, *, under: str = "") -> None:
        """Keep every file of a folder.

        Args:
            folder: The folder.
            under: Where its files go among the run's artefacts; at the top by default.

        Raises:
            TrackingError: MLflow cannot be reached, or refused.
        """
        with self._session.client("log artefacts") as client:
            client.log_artifacts(self.run_id, str(folder), under or None)

    def log_text(self, text: str, name: str) -> None:
        """Keep a text as a file of that name.

        Raises:
            TrackingError: MLflow cannot be reached, or refused.
        """
        with self._session.client("log a text") as client:
            client.log_text(self.run_id, text, name)

    def end(self, status: Literal["FINISHED", "FAILED", "KILLED"]) -> None:
        """Say how it ended.

        Raises:
            TrackingError: MLflow cannot be reached, or refused.
        """
        with self._session.client("end the run") as client:
            client.set_terminated(self.run_id, status)


def mlflow_name(text: str) -> str:
    """Return a text as a name that MLflow takes: other characters become underscores.

    >>> mlflow_name("jeux & vidéo")
    'jeux _ vid_o'
    """
    return re.sub(r"[^A-Za-z0-9_\-. :/]", "_", text)


def figures(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers in nested metrics under names that MLflow takes; text, lists and nothing are left out.

    >>> figures({"weighted_f1": 0.8, "classes": {"10": {"f1": 0.7}, "é": {"f1": 1}}, "note": "x", "ece": None})
    {'weighted_f1': 0.8, 'classes.10.f1': 0.7, 'classes._.f1': 1.0}
    """
    return dict(_figures("", metrics))


def _figures(prefix: str, metrics: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in metrics.items():
        path = prefix + mlflow_name(name)
        if isinstance(value, Mapping):
            yield from _figures(f"{path}.", value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield path, float(value)
