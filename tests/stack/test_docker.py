"""The core of the system on a real engine: up, a champion through the stack, outages under load, and back from nothing.

`make test-docker` runs it. It wants an engine (DOCKER_HOST), our images (`make images`) and stand-ins for those of others,
built from `tests/stack/images`; the documents say how. Tests build on one another, in their order.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from aisle.catalog.sample import write_sample
from tests.trained import QUICK

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
IMAGES = (
    "aisle/product:0.1.0",
    "aisle/serving:0.1.0",
    "aisle/mlflow:0.1.0",
    "aisle-test/postgres:1.0",
    "aisle-test/objects:1.0",
)
SERVING_BYTES = 450_000_000
"""The serving image is below this, its base of Debian and Python among it."""

ASKED = {"title": "Piscine hors sol ronde 3,66 m"}


class Stack:
    """The compose file with stand-ins laid over it, as a project of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ""
        files = [ROOT / "deploy" / "compose.yaml", ROOT / "tests" / "stack" / "images" / "compose.yaml"]
        self._compose = [Path(sys.executable).with_name("docker-compose"), "--project-name", "aisle-test"]
        self._compose += [part for file in files for part in ("--file", file)]
        for name in ("data", "backups"):
            (folder / name).mkdir()
            (folder / name).chmod(0o777)
        self._environment = {
            **os.environ,
            "AISLE_DATA": str(folder / "data"),
            "AISLE_BACKUPS": str(folder / "backups"),
        }

    def compose(self, *arguments: str, given: bytes | None = None) -> str:
        command = [*map(str, self._compose), *arguments]
        done = subprocess.run(command, env=self._environment, input=given, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        return done.stdout.decode()

    def up(self) -> float:
        """Start everything, wait until it is healthy, and return the seconds that it took."""
        started = time.monotonic()
        self.compose("up", "--detach", "--wait", "--wait-timeout", "600")
        return time.monotonic() - started

    def aisle(self, *arguments: str) -> str:
        quick = [part for name, value in QUICK.items() for part in ("--env", f"{name}={value}")]
        return self.compose("run", "--rm", "--no-deps", "--no-TTY", *quick, "cli", *arguments)

    def sql(self, database: str, query: str) -> str:
        psql = ["psql", "--username", "aisle", "--dbname", database, "--no-align", "--tuples-only", "--command", query]
        return self.compose("exec", "-T", "postgres", *psql).strip()

    def ask(self) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.post("http://127.0.0.1:8000/v1/predictions", json=ASKED, headers=headers, timeout=30)

    def wait_ready(self, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if httpx.get("http://127.0.0.1:8000/health/ready", timeout=10).is_success:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, self.compose("logs", "--tail", "20", "api")
            time.sleep(1)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if shutil.which("docker") is None or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker engine answers (DOCKER_HOST)")
    for image in IMAGES:
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode:
            pytest.skip(f"the image {image} is not built (docs/how-to/whole-system.md)")
    subprocess.run([ROOT / "scripts" / "secrets.sh"], check=True, capture_output=True)
    made = Stack(tmp_path_factory.mktemp("stack"))
    try:
        yield made
    finally:
        made.compose("--profile", "cli", "down", "--volumes", "--timeout", "5")


def test_a_server_is_soon_fetched(stack: Stack):
    told = ["docker", "image", "inspect", "--format", "{{.Size}}", "aisle/serving:0.1.0"]
    assert int(subprocess.run(told, check=True, capture_output=True, text=True).stdout) < SERVING_BYTES


def test_everything_becomes_healthy_and_the_check_up_finds_nothing(stack: Stack):
    stack.up()
    found = json.loads(stack.aisle("doctor", "--json"))
    assert {finding["name"]: finding["detail"] for finding in found if finding["state"] == "failed"} == {}


def test_a_catalogue_becomes_a_champion_that_answers(stack: Stack):
    write_sample(stack.folder / "data" / "shop", rows=1_500, seed=1, images=False)
    assert "champion is version 1" in stack.aisle("pipeline", "run", "/data/shop", "--share", "1")
    stack.key = re.findall(r"aisle_\S+", stack.aisle("keys", "create", "me", "--scope", "predict"))[0]
    stack.wait_ready()
    answer = stack.ask()
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"]["version"] == 1
    assert stack.sql("rakuten_db", "SELECT count(*) FROM x_train") == "1500"
    assert int(stack.sql("mlflow", "SELECT count(*) FROM model_versions")) == 1


@pytest.mark.parametrize("service", ["postgres", "mlflow", "objects"])
def test_the_server_goes_on_answering_while_something_behind_it_is_away(stack: Stack, service: str):
    seen: Counter[int] = Counter()
    over = threading.Event()

    def load() -> None:
        while not over.is_set():
            seen[stack.ask().status_code] += 1
            time.sleep(0.2)

    caller = threading.Thread(target=load)
    caller.start()
    try:
        # The stand-in for the object store keeps everything in memory: it is made to hang, the others are killed.
        held = service == "objects"
        stack.compose("pause" if held else "kill", service)
        time.sleep(5)
        stack.compose(*(["unpause", service] if held else ["up", "--detach", "--wait", "--no-recreate", service]))
    finally:
        over.set()
        caller.join()
    assert set(seen) == {200}
    assert seen[200] >= 5
    stack.aisle("doctor")


def test_a_server_that_was_killed_comes_back_with_the_same_champion(stack: Stack):
    stack.compose("kill", "api")
    stack.compose("up", "--detach", "--wait", "--no-recreate", "api")
    stack.wait_ready()
    assert stack.ask().json()["model"]["version"] == 1


def test_everything_comes_back_from_a_backup_after_the_volumes_are_gone(stack: Stack):
    stack.compose("stop", "api")
    before = stack.aisle("backup", "/backups", "--name", "one", "--bucket", "mlflow")
    runs = stack.compose(
        "exec", "-T", "postgres", "pg_dump", "--username", "aisle", "--format", "plain", "--clean", "mlflow"
    )
    stack.compose("--profile", "cli", "down", "--volumes")

    stack.compose("up", "--detach", "--wait", "postgres", "objects")
    restored = stack.aisle("restore", "/backups/one", "--bucket", "mlflow")
    assert restored.split()[-1] == before.split()[-1]
    stack.compose("exec", "-T", "postgres", "psql", "--quiet", "--username", "aisle", "mlflow", given=runs.encode())
    stack.up()
    stack.wait_ready()
    assert stack.ask().json()["model"]["version"] == 1
    assert stack.sql("rakuten_db", "SELECT count(*) FROM y_train") == "1500"
