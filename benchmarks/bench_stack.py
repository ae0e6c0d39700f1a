"""How soon the whole system is healthy, what it takes of memory, what a DAG's step costs, and how its images build.

python -m benchmarks.bench_stack [--parts images,without,with,step]

It wants what `make test-docker` wants: an engine, our images, the stand-ins (docs/how-to/whole-system.md) and free ports.
Grafana has no stand-in, and is in none of the figures. Everything starts from images with no volume there.

- `images`: the size of the server's image, and all four built after a change of the program from a warm cache.
- `without`: core, monitoring and pgAdmin, from nothing to healthy, and their memory.
- `with`: the same with Airflow.
- `step`: steps of `prepare_data` with nothing left to do, beside the same step run in the same container.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from aisle.catalog.sample import write_sample
from benchmarks.reporting import ROOT, Figure, report
from tests.servers.airflow_api import AirflowApi
from tests.stack.system import OURS, PROFILES, PROJECT, System

PARTS = ("images", "without", "with", "step")
PREFIX = "aisle-bench"
"""What images built here are called: those in use stay as they are."""
STEP = "/opt/aisle/bin/aisle pipeline step holdings - --pick"
ROUNDS = 3
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


@contextlib.contextmanager
def started(folder: Path, profiles: str) -> Iterator[tuple[System, float]]:
    """Start the system from nothing; it and the seconds until it was healthy."""
    system = System(folder, profiles=profiles)
    system.destroy()
    try:
        yield system, system.up()
    finally:
        system.destroy()


def memory_gb() -> float:
    """Return what every container of the system holds, without what the kernel only keeps of files."""
    names = run(
        ["docker", "ps", "--filter", f"label=com.docker.compose.project={PROJECT}", "--format", "{{.Names}}"]
    ).split()
    used = run(["docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", *names])
    found = re.findall(r"^([\d.]+)([KMG]iB) /", used, re.MULTILINE)
    return sum(float(number) * UNITS[unit] for number, unit in found) / 1e9


def without_airflow(folder: Path) -> list[Figure]:
    """Return the figures of all but Airflow."""
    with started(folder, " ".join(name for name in PROFILES.split() if name != "airflow")) as (_, seconds):
        return [
            Figure("without Airflow: healthy after", seconds, "s", 60, higher_is_better=False),
            Figure("without Airflow: memory", memory_gb(), "GB", 3, higher_is_better=False),
        ]


def with_airflow(folder: Path, *, step: bool) -> list[Figure]:
    """Return the figures of everything, and of a DAG's steps if asked for."""
    with started(folder, PROFILES) as (system, seconds):
        figures = [
            Figure("with Airflow: healthy after", seconds, "s", 120, higher_is_better=False),
            Figure("with Airflow: memory", memory_gb(), "GB", 5, higher_is_better=False),
        ]
        return [*figures, *a_step(system)] if step else figures


def a_step(system: System) -> list[Figure]:
    """Return what a step costs as a DAG's task over being run by itself."""
    write_sample(system.folder / "data" / "rakuten", rows=200, seed=1, images=True)
    airflow = system.airflow()
    airflow.wait_for_dag("prepare_data", seconds=120)
    tasks, gaps = [], []
    # The first run takes the rows in, and is not counted.
    for turn in range(ROUNDS + 1):
        run_id = airflow.trigger("prepare_data", {"share": 1.0})
        if airflow.wait("prepare_data", run_id, seconds=600) != "success":
            raise RuntimeError(f"prepare_data did not end well: {airflow.tasks('prepare_data', run_id)}")
        if turn:
            tasks += [task for task in airflow.instances("prepare_data", run_id) if task["task_id"].endswith("_image")]
            gaps.append(gap(airflow, run_id))
    own = [by_itself() for _ in range(2 * ROUNDS)]
    took = median(float(task["duration"]) for task in tasks)
    return [
        Figure("a step run by itself", median(own), "s"),
        Figure("the same step as a DAG's task, over that", took - median(own), "s", 3, higher_is_better=False),
        Figure("  from a task's end to the start of the next", median(gaps), "s"),
    ]


def gap(airflow: AirflowApi, run_id: str) -> float:
    """Return the seconds between a task that nothing else waits for and the one after it."""
    seen = {task["task_id"]: task for task in airflow.instances("prepare_data", run_id)}
    ended, began = seen["upload_y_train"]["end_date"], seen["load_train_image"]["start_date"]
    return (datetime.fromisoformat(began) - datetime.fromisoformat(ended)).total_seconds()


def by_itself() -> float:
    """Return the seconds of the step in the scheduler's container, as its task calls it, without the engine's own."""
    given = json.dumps({"source": "rakuten", "split": "train"})
    timed = f"TIMEFORMAT=%R; time {STEP} <<<'{given}' >/dev/null 2>&1"
    done = ["docker", "exec", f"{PROJECT}-airflow-scheduler-1", "bash", "-c", timed]
    return float(subprocess.run(done, capture_output=True, text=True, check=True).stderr)


def images(folder: Path) -> list[Figure]:
    """Return how large the server's image is, and how long a build takes after a change of the program."""
    for name in ("src", "dags", "deploy", "requirements", "scripts"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("secrets", "__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".dockerignore"):
        shutil.copy(ROOT / name, folder / name)
    try:
        build(folder)
        with (folder / "src" / "aisle" / "__init__.py").open("a") as program:
            program.write(f"# Changed at {time.time()}\n")
        began = time.monotonic()
        build(folder)
        took = time.monotonic() - began
        size = int(run(["docker", "image", "inspect", "--format", "{{.Size}}", f"{PREFIX}/serving:0.1.0"])) / 1e6
    finally:
        run(["docker", "image", "rm", *(f"{PREFIX}/{name}:0.1.0" for name in OURS)])
    return [
        Figure("the server's image", size, "MB", 450, higher_is_better=False),
        Figure("images built after a change of the program", took, "s", 60, higher_is_better=False),
    ]


def build(folder: Path) -> None:
    """Build every image of ours from a copy of the sources; AISLE_BASE and AISLE_BUILD say on what, as for `make images`."""
    run(["scripts/stack.sh", "images"], folder=folder, AISLE_IMAGE_PREFIX=PREFIX)


def run(command: list[str], *, folder: Path = ROOT, **variables: str) -> str:
    """Run a program to its end and return what it wrote."""
    environment = {**os.environ, **variables}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-3_000:]}")
    return done.stdout


def main() -> int:
    """Run the chosen parts and return the exit status; 0 with a word about it where the system cannot run."""
    parser = argparse.ArgumentParser(description="Measure the whole system.")
    parser.add_argument("--parts", default=",".join(PARTS), help="Some of images, without, with, step, with commas between.")
    chosen = set(parser.parse_args().parts.split(","))
    if reason := System.unavailable():
        print(f"bench-stack: nothing was measured: {reason}.")
        return 0
    figures: list[Figure] = []
    with TemporaryDirectory(prefix="aisle-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        if "images" in chosen:
            (folder / "sources").mkdir()
            figures += images(folder / "sources")
        if "without" in chosen:
            figures += without_airflow(folder)
        if chosen & {"with", "step"}:
            figures += with_airflow(folder, step="step" in chosen)
    return report("stack", figures)


if __name__ == "__main__":
    sys.exit(main())
