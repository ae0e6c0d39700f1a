"""A real Airflow on PostgreSQL: api-server, scheduler and dag-processor, in the environment of `requirements/airflow`."""

import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.airflow_api import AirflowApi
from tests.servers.process import ServerProcess, answers_ok, free_port

_ROOT = Path(__file__).parents[2]
_PROGRAM = _ROOT / ".venv-airflow" / "bin" / "airflow"


class AirflowServer(AirflowApi):
    """Airflow on loopback with one account and the DAGs of this repository; use it as a context manager.

    Args:
        database_url: An empty PostgreSQL database for Airflow's own records.
        product: Settings of the product that tasks call, by their environment names.
    """

    def __init__(self, database_url: str, product: Mapping[str, str]) -> None:
        self.port = free_port()
        super().__init__(f"http://127.0.0.1:{self.port}")
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
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
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
            self.log_in("admin", self._password)
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

    def _start(self, name: str, *arguments: str) -> ServerProcess:
        log = self._folder / f"{name}.log"
        self._processes[name] = ServerProcess([_PROGRAM, *arguments], log=log, environment=self._environment)
        return self._processes[name]
