"""Airflow's REST interface as tests use it: log in, let a DAG run, wait for it, and read what its tasks returned."""

import time
from collections.abc import Mapping
from typing import Any

import httpx

from tests.servers.process import ServerError

_ENDED = {"success", "failed"}


class AirflowApi:
    """The interface of the Airflow at an address.

    Args:
        url: The address, without a path.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._token = ""

    def log_in(self, user: str, password: str) -> None:
        """Get a token, which every later request carries."""
        self._token = self._ask("POST", "/auth/token", json={"username": user, "password": password})["access_token"]

    def get(self, path: str) -> dict[str, Any]:
        """Return what an address of the interface answers."""
        return self._ask("GET", path)

    def wait_for_dag(self, dag: str, *, seconds: float) -> None:
        """Wait until the dag-processor has read a DAG."""
        deadline = time.monotonic() + seconds
        while not any(known["dag_id"] == dag for known in self.get("/api/v2/dags")["dags"]):
            if time.monotonic() > deadline:
                raise ServerError(f"{dag} was not read in {seconds:g} s")
            time.sleep(1)

    def pause(self, dag: str, paused: bool = True) -> None:
        """Keep a DAG from being run by its schedule, or let it."""
        self._ask("PATCH", f"/api/v2/dags/{dag}", json={"is_paused": paused})

    def trigger(self, dag: str, conf: Mapping[str, Any]) -> str:
        """Let a DAG run, and return the run's id."""
        self.pause(dag, False)
        body = {"logical_date": None, "conf": dict(conf)}
        return str(self._ask("POST", f"/api/v2/dags/{dag}/dagRuns", json=body)["dag_run_id"])

    def wait(self, dag: str, run: str, *, seconds: float) -> str:
        """Wait until a run has ended, and return its state. The interface may be away for a while."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if (state := str(self.get(f"/api/v2/dags/{dag}/dagRuns/{run}")["state"])) in _ENDED:
                    return state
            except httpx.TransportError as error:
                state = f"unknown ({error})"
            if time.monotonic() > deadline:
                raise ServerError(f"{dag} was still {state} after {seconds:g} s: {self.tasks(dag, run)}")
            time.sleep(1)

    def instances(self, dag: str, run: str) -> list[dict[str, Any]]:
        """Return all that is told of a run's tasks."""
        told: list[dict[str, Any]] = self.get(f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return told

    def tasks(self, dag: str, run: str) -> dict[str, str]:
        """Return the state of each task of a run."""
        return {task["task_id"]: task["state"] for task in self.instances(dag, run)}

    def xcom(self, dag: str, run: str, task: str) -> Any:
        """Return what a task returned."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/return_value?deserialize=true"
        return self.get(path)["value"]

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        answer = httpx.request(method, f"{self.url}{path}", headers=headers, timeout=60, **more)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content
