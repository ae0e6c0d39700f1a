"""A real Airflow on PostgreSQL: api-server, scheduler and dag-processor, in the environment of `requirements/airflow`."""

import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.servers.process import ServerError, ServerProcess, answers_ok, free_port

_ROOT = Path(__file__).parents[2]
_PROGRAM = _ROOT / ".venv-airflow" / "bin" / "airflow"
_ENDED = {"success", "failed"}


class AirflowServer:
    """Airflow on loopback with one account and the DAGs of this repository; use it as a context manager.

    Args:
        database_url: An empty PostgreSQL database for Airflow's own records.
        product: Settings of the product that tasks call, by their environment names.
    """

    def __init__(self, database_url: str, product: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._password = secrets.token_hex(12)
        self._folder = Path(tempfile.mkdtemp(prefix="aisle-airflow-"))
        self._processes: dict[str, ServerProcess] = {}
        health, secret = free_port(), secrets.token_hex(32)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "AIRFLOW_HOME": str(self._folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(_ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._folder / "passwords.json"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url.replace("postgresql://", "postgresql+psycopg2://"),
            "AIRFLOW__API__SECRET_KEY": secret,
            "AIRFLOW__API_AUTH__JWT_SECRET": secret,
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(health),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "PRODUCT_AISLE": str(Path(sys.executable).with_name("aisle")),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **product,
        }

    @staticmethod
    def available() -> str | None:
        """Return why there can be no server here, or None if there can."""
        return None if _PROGRAM.is_file() else "Airflow is not installed (make test-airflow)"

    def __enter__(self) -> Self:
        try:
            (self._folder / "passwords.json").write_text(json.dumps({"admin": self._password}))
            migration = self._start("migration", "db", "migrate")
            migration.wait_end(seconds=300)
            self._start("api-server", "api-server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1")
            self._start("scheduler", "scheduler")
            self._start("dag-processor", "dag-processor")
            path = "/api/v2/monitor/health"
            self._processes["api-server"].wait_ready(lambda: answers_ok(self.port, path, timeout_s=5), seconds=300)
            self._token = self._ask("POST", "/auth/token", json={"username": "admin", "password": self._password})[
                "access_token"
            ]
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._processes.values():
            process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self, name: str) -> None:
        """Take one of its processes away, as an outage would, with everything that it started."""
        self._processes.pop(name).kill()

    def start_scheduler(self) -> None:
        """Start a scheduler in a killed one's place."""
        self._start("scheduler", "scheduler")

    def wait_for_dag(self, dag: str, *, seconds: float) -> None:
        """Wait until the dag-processor has read a DAG."""
        deadline = time.monotonic() + seconds
        while not any(known["dag_id"] == dag for known in self.get("/api/v2/dags")["dags"]):
            if time.monotonic() > deadline:
                raise ServerError(f"{dag} was not read:\n{self._processes['dag-processor'].tail()}")
            time.sleep(1)

    def trigger(self, dag: str, conf: Mapping[str, Any]) -> str:
        """Let a DAG run, and return the run's id."""
        self._ask("PATCH", f"/api/v2/dags/{dag}", json={"is_paused": False})
        body = {"logical_date": None, "conf": dict(conf)}
        return str(self._ask("POST", f"/api/v2/dags/{dag}/dagRuns", json=body)["dag_run_id"])

    def wait(self, dag: str, run: str, *, seconds: float) -> str:
        """Wait until a run has ended, and return its state."""
        deadline = time.monotonic() + seconds
        while (state := str(self.get(f"/api/v2/dags/{dag}/dagRuns/{run}")["state"])) not in _ENDED:
            if time.monotonic() > deadline:
                raise ServerError(f"{dag} was still {state} after {seconds:g} s: {self.tasks(dag, run)}")
            time.sleep(1)
        return state

    def tasks(self, dag: str, run: str) -> dict[str, str]:
        """Return the state of each task of a run."""
        told = self.get(f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in told}

    def xcom(self, dag: str, run: str, task: str) -> Any:
        """Return what a task returned."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/xcomEntries/return_value?deserialize=true"
        return self.get(path)["value"]

    def get(self, path: str) -> dict[str, Any]:
        """Return what an address of the API answers."""
        return self._ask("GET", path)

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} if hasattr(self, "_token") else {}
        answer = httpx.request(method, f"{self.url}{path}", headers=headers, timeout=60, **more)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content

    def _start(self, name: str, *arguments: str) -> ServerProcess:
        log = self._folder / f"{name}.log"
        self._processes[name] = ServerProcess([_PROGRAM, *arguments], log=log, environment=self._environment)
        return self._processes[name]
