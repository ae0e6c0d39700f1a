"""The whole system on a Docker engine, as `make up` starts it, with stand-ins for the images of others."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.servers.airflow_api import AirflowApi
from tests.trained import QUICK

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "stack.sh"
OVERRIDE = ROOT / "tests" / "stack" / "images" / "compose.yaml"
SECRETS = ROOT / "deploy" / "secrets"
PROJECT = "aisle-test"
PROFILES = "airflow monitoring tools"
OURS = ("product", "serving", "mlflow", "airflow")
STAND_INS = (
    "postgres",
    "objects",
    "prometheus",
    "alertmanager",
    "pushgateway",
    "node-exporter",
    "postgres-exporter",
    "pgadmin",
)
SERVER = "http://127.0.0.1:8000"
TRACKING = "http://127.0.0.1:5000"
PROMETHEUS = "http://127.0.0.1:9090"
PGADMIN = "http://127.0.0.1:8081"
AIRFLOW = "http://127.0.0.1:8080"
PRODUCT = {"title": "Piscine hors sol ronde 3,66 m"}


class SystemFailedError(AssertionError):
    """The system did not do what it was asked for."""


class System:
    """The system as a project of its own, driven by `scripts/stack.sh` as a person drives it.

    Args:
        folder: Where its data and its backups go.
        profiles: What starts beside the core.
    """

    def __init__(self, folder: Path, *, profiles: str = PROFILES) -> None:
        self.folder = folder
        self.key = ""
        for name in ("data", "backups"):
            (folder / name).mkdir(exist_ok=True)
            (folder / name).chmod(0o777)
        self._environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": PROJECT,
            "PROFILES": profiles,
            "OVERRIDE": str(OVERRIDE),
            "AISLE_DATA": str(folder / "data"),
            "AISLE_BACKUPS": str(folder / "backups"),
            "AISLE_WAIT_S": "600",
            **QUICK,
        }

    @staticmethod
    def unavailable() -> str | None:
        """Return why it cannot run here, or None if it can."""
        if shutil.which("docker") is None or not _works("docker", "version"):
            return "no Docker engine answers (DOCKER_HOST)"
        if os.geteuid() != 0:
            return "only root can kill what runs in a container from outside"
        for image in (*(f"aisle/{name}:0.1.0" for name in OURS), *(f"aisle-test/{name}:1.1" for name in STAND_INS)):
            if not _works("docker", "image", "inspect", image):
                return f"the image {image} is not built (docs/how-to/whole-system.md)"
        return None

    def script(self, *arguments: str) -> str:
        """Run `scripts/stack.sh …` and return what it wrote."""
        return self._run([str(SCRIPT), *arguments])

    def aisle(self, *arguments: str) -> str:
        """Run `aisle …` on the system's own settings and return what it wrote."""
        return self.script("cli", *arguments)

    def up(self) -> float:
        """Start everything, wait until it is healthy, and return the seconds that it took."""
        self._run([str(ROOT / "scripts" / "secrets.sh")])
        started = time.monotonic()
        self.script("up")
        return time.monotonic() - started

    def destroy(self) -> None:
        """Stop everything and remove its volumes."""
        self.script("destroy")

    def states(self) -> dict[str, dict[str, Any]]:
        """Return what the engine knows of each service's container, of those that stay: they are asked for their health."""
        labels = (f"project={PROJECT}", "oneoff=False")
        filters = [part for label in labels for part in ("--filter", f"label=com.docker.compose.{label}")]
        containers = self._run(["docker", "ps", "--all", "--quiet", *filters]).split()
        known: list[dict[str, Any]] = json.loads(self._run(["docker", "inspect", *containers])) if containers else []
        named = {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in known}
        return {name: one for name, one in named.items() if "Health" in one["State"]}

    def unwell(self) -> dict[str, str]:
        """Return the services that stay and are not healthy, and what they are instead."""
        states = {name: one["State"] for name, one in self.states().items()}
        health = {name: state["Health"]["Status"] if state["Running"] else state["Status"] for name, state in states.items()}
        return {name: status for name, status in health.items() if status != "healthy"}

    def healthy(self) -> bool:
        """Whether every service that stays is healthy."""
        return not self.unwell()

    def restarts(self, service: str) -> int:
        """Return how often the engine has started a service again."""
        return int(self.states()[service]["RestartCount"])

    def kill(self, service: str) -> None:
        """Kill a service's first process as an outage would; `docker kill` is an order, after which nothing is restarted."""
        process = int(self.states()[service]["State"]["Pid"])
        if process <= 1:
            raise SystemFailedError(f"{service} does not run")
        os.kill(process, signal.SIGKILL)

    def sql(self, database: str, query: str) -> str:
        """Return what PostgreSQL answers, a row a line."""
        psql = ["psql", "--username", "aisle", "--dbname", database, "--no-align", "--tuples-only", "--command", query]
        return self._run(["docker", "exec", f"{PROJECT}-postgres-1", *psql]).strip()

    def ask(self) -> httpx.Response:
        """Ask the server about a product."""
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.post(f"{SERVER}/v1/predictions", json=PRODUCT, headers=headers, timeout=30)

    def ready(self) -> bool:
        """Whether the server has a champion."""
        try:
            return httpx.get(f"{SERVER}/health/ready", timeout=10).is_success
        except httpx.TransportError:
            return False

    def series(self, query: str) -> list[tuple[Mapping[str, str], float]]:
        """Return what Prometheus answers: labels and value of each series."""
        answer = httpx.get(f"{PROMETHEUS}/api/v1/query", params={"query": query}, timeout=30).raise_for_status()
        return [(found["metric"], float(found["value"][1])) for found in answer.json()["data"]["result"]]

    def airflow(self) -> AirflowApi:
        """Return Airflow's REST interface, logged in."""
        api = AirflowApi(AIRFLOW)
        api.log_in("admin", json.loads((SECRETS / "airflow_passwords").read_text())["admin"])
        return api

    def wait(self, reached: Callable[[], bool], what: str, *, seconds: float = 120) -> float:
        """Wait until something is so, and return the seconds that it took.

        Raises:
            SystemFailedError: It did not become so in time; with what every service said last.
        """
        started = time.monotonic()
        while not reached():
            if time.monotonic() - started > seconds:
                raise SystemFailedError(f"not in {seconds:g} s: {what}\n{self.unwell()}\n{self.script('logs')[-8_000:]}")
            time.sleep(1)
        return time.monotonic() - started

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command, env=self._environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=ROOT
        )
        if done.returncode:
            raise SystemFailedError(
                f"{' '.join(command)} ended with {done.returncode}: {(done.stdout + done.stderr)[-5_000:]}"
            )
        return done.stdout


def _works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
