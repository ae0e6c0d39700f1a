"""How tasks call the product: `aisle` as a process in an environment of its own, small JSON in and out.

Airflow and the product never share an environment. `PRODUCT_AISLE` names the product's program (`aisle` on the path by
default); it reads its own settings from the same `AISLE_…` variables as everywhere else. This file and the DAGs beside it
import nothing but Airflow's SDK, and do nothing when they are parsed.
"""

import json
import os
import shutil
import subprocess
from datetime import timedelta
from tempfile import TemporaryFile
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowException, AirflowFailException

CATALOGUE = Asset(name="catalogue", uri="aisle://catalogue")
"""Training rows, with every image of theirs in the bucket."""

PREDICTIONS = Asset(name="predictions", uri="aisle://predictions")
"""Answers that may be looked at."""

RETRAIN_REQUEST = Asset(name="retrain_request", uri="aisle://retrain_request")
"""A wish for another model: a monitor's, or one that reviews gave reason for."""

FOLDER = "/data/rakuten"
"""Where the challenge's files lie unless a run says otherwise."""

_USAGE = 2
"""Status of a command that was wrong: trying again is no use."""

_TOLD = 20
"""Lines of the program's complaints that an error repeats."""


def aisle(*arguments: object, given: str | None = None) -> str:
    """Run `aisle …` to its end and return what it wrote; its progress and complaints go to the task's log.

    Args:
        arguments: What stands behind `aisle`.
        given: What standard input holds.

    Raises:
        AirflowFailException: The command was wrong, or there is no such program: trying again is no use.
        AirflowException: The program could not do it now.
    """
    program = shutil.which(os.environ.get("PRODUCT_AISLE", "aisle"))
    if program is None:
        raise AirflowFailException("There is no program aisle. PRODUCT_AISLE names it: .venv/bin/aisle.")
    command = [program, *map(str, arguments)]
    if (leash := shutil.which("setpriv")) is not None:
        # A worker that is killed takes the program with it, so that a retry does not meet the attempt before it.
        command = [leash, "--pdeathsig=KILL", "--", *command]
    with TemporaryFile("w+") as said, TemporaryFile("w+") as typed:
        typed.write(given or "")
        typed.seek(0)
        complaints: list[str] = []
        with subprocess.Popen(
            command,
            stdin=typed,
            stdout=said,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(),
            cwd=os.environ.get("AISLE_HOME"),
        ) as process:
            try:
                for line in process.stderr or ():
                    print(line, end="")
                    complaints = [*complaints, line][-_TOLD:]
            except BaseException:
                process.kill()
                raise
        said.seek(0)
        text = said.read()
    if process.returncode:
        failed = AirflowFailException if process.returncode == _USAGE else AirflowException
        raise failed(f"aisle {arguments[0]} ended with {process.returncode}: {''.join(complaints).strip()}")
    print(text, end="")
    return text


def step(name: str, *given: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Run a step of the product's pipeline and return its output.

    Args:
        name: Its name.
        given: What other steps returned, whole: the step takes what it knows.
        more: Further fields.
    """
    content: dict[str, Any] = {}
    for part in given:
        content |= part
    # By standard input: what a step is given may be longer than a command line.
    output: dict[str, Any] = json.loads(aisle("pipeline", "step", name, "-", "--pick", given=json.dumps(content | more)))
    return output


def answer(*arguments: object) -> dict[str, Any]:
    """Run `aisle … --json` and return what it answers."""
    found: dict[str, Any] = json.loads(aisle(*arguments, "--json"))
    return found


def waiting_request() -> int | None:
    """Return the retraining that was asked for and that nobody has taken yet, if there is one.

    It is looked up and not handed on: a task that asked and was killed before it could say so does not ask again.
    """
    known: list[dict[str, Any]] = json.loads(aisle("monitor", "requests", "--json"))
    return next((int(request["id"]) for request in known if request["state"] == "requested"), None)


def tell_failure(context: Any) -> None:
    """Tell the metrics that a task has failed for good; what goes wrong on the way is only logged."""
    task = context["task_instance"]
    try:
        aisle("pipeline", "failed", task.dag_id, task.task_id)
    except AirflowException as error:
        print(f"The failure of {task.dag_id}.{task.task_id} could not be told: {error}")


DEFAULTS: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=5),
    "execution_timeout": timedelta(hours=1),
    "on_failure_callback": tell_failure,
}
"""What every task has unless it says otherwise."""


def _environment() -> dict[str, str]:
    """Return this process's environment without what is Airflow's own."""
    foreign = ("AIRFLOW", "PYTHON", "VIRTUAL_ENV", "_AIRFLOW")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
