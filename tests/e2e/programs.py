"""Programs as a person starts them: processes of their own, with an environment of their own."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.trained import QUICK
from tests.unit.serving.fakes import eventually


@dataclass(frozen=True)
class Shell:
    """A working directory and an environment in which `aisle` is run.

    There is no git on its path, so that the program's commit is unknown, and the same throughout.

    Args:
        folder: The working directory.
        variables: Settings, by their environment names.
    """

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of its processes."""
        nothing = str(self.folder / "nothing")
        # The kernels of linear algebra decide the last bits of a figure, and those the bundle's digest.
        kept = {name: value for name, value in os.environ.items() if name.startswith(("OPENBLAS_", "OMP_", "NUMBA_"))}
        return {
            **kept,
            "PATH": nothing,
            "HOME": nothing,
            "COLUMNS": "200",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            **QUICK,
            **self.variables,
        }

    def __call__(self, *arguments: object, status: int = 0) -> str:
        """Run `aisle` to its end and return its standard output; white space as single spaces."""
        done = self.run("-m", "aisle", *arguments)
        assert done.returncode == status, done.stderr
        return " ".join(done.stdout.split())

    def run(self, *arguments: object, given: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run this Python with arguments to its end, whatever it is."""
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    @contextlib.contextmanager
    def serving(self, *command: str, ends: int = 0) -> Iterator["Served"]:
        """Run a server until the block ends; it gets SIGTERM then and must end as it should.

        Args:
            command: What stands behind `python -m`.
            ends: Its exit status.
        """
        log = self.folder / "serve.log"
        environment = {
            **self.environment,
            "AISLE_SERVING_OPEN": "true",
            "AISLE_SERVING_POLL_S": "0.05",
            "AISLE_SERVING_DRAIN_S": "0",
        }
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", *command], cwd=self.folder, env=environment, stdout=stream, stderr=stream
            )
        try:
            eventually(lambda: process.poll() is not None or _addresses(log), within_s=60)
            assert process.poll() is None, log.read_text()
            with httpx.Client(base_url=_addresses(log)[0], timeout=20) as client:
                yield Served(process, client, log)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == ends, log.read_text()
        finally:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Served:
    """A server that listens, a client of it, and its log."""

    process: "subprocess.Popen[bytes]"
    client: httpx.Client
    log: Path

    def version(self) -> int | None:
        """Return the version that answers now, or nothing while none does."""
        answer = self.client.get("/v1/models/champion")
        return int(answer.json()["version"]) if answer.is_success else None


def _addresses(log: Path) -> list[str]:
    return re.findall(r"http://127\.0\.0\.1:\d+", log.read_text(errors="replace"))
