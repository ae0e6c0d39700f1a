"""Servers as processes, and what loads them: for benchmarks of serving."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import psutil

from benchmarks.reporting import ROOT

PREDICTIONS = "/v1/predictions"


@dataclass(frozen=True)
class Server:
    """A server under load.

    Args:
        port: Where it listens, on loopback.
        process: Its process.
        ready_s: How long it took to answer.
        path: Where products are posted.
        key: The API key that it wants.
    """

    port: int
    process: psutil.Process
    ready_s: float
    path: str = PREDICTIONS
    key: str | None = None

    @property
    def resident_mb(self) -> float:
        """What it and its children hold in memory."""
        tree = [self.process, *self.process.children(recursive=True)]
        return sum(one.memory_info().rss for one in tree) / 1e6


@dataclass(frozen=True)
class Peer:
    """How a server is started.

    Args:
        command: The command without the interpreter; `PORT` stands for the port.
        ready: The path that answers 200 when it is ready.
        path: Where products are posted.
        key: The API key that it wants.
    """

    command: Sequence[str]
    ready: str = "/openapi.json"
    path: str = PREDICTIONS
    key: str | None = field(default=None, repr=False)


@contextlib.contextmanager
def started(peer: Peer) -> Iterator[Server]:
    """Start a server, and wait until it answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    begin = time.perf_counter()
    command = [sys.executable, *(part.replace("PORT", str(port)) for part in peer.command)]
    # MLflow's server starts uvicorn by its name, which an environment that is not activated has on no path.
    found = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PATH": found}, stderr=silent, stdout=silent) as process:
        own = psutil.Process(process.pid)
        try:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"http://127.0.0.1:{port}{peer.ready}").status_code == 200:
                        break
                assert process.poll() is None, f"{peer} did not start"
                assert time.perf_counter() - begin < 120, f"{peer} is not ready"
                time.sleep(0.02)
            yield Server(port, own, time.perf_counter() - begin, peer.path, peer.key)
        finally:
            if process.poll() is None:
                for child in own.children(recursive=True):
                    child.terminate()
                process.terminate()


class Wrk:
    """The load generator wrk, with scripts in a folder.

    Args:
        folder: For the scripts.
        seconds: How long a turn takes.
    """

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder = folder
        self._seconds = seconds

    def rate(self, server: Server, bodies: list[bytes], *, connections: int, seconds: float | None = None) -> float:
        """Return the good answers a second to bodies that take turns.

        Raises:
            RuntimeError: Some answers were not 2xx.
        """
        script = self._folder / "load.lua"
        spelled = ",".join(f"[==[{body.decode()}]==]" for body in bodies)
        key = f'wrk.headers["X-API-Key"] = "{server.key}"\n' if server.key else ""
        script.write_text(
            f"local bodies = {{{spelled}}}\nlocal n = 0\n"
            f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n{key}'
            "request = function()\n  n = n % #bodies + 1\n  return wrk.format(nil, nil, nil, bodies[n])\nend\n"
        )
        address = f"http://127.0.0.1:{server.port}{server.path}"
        span = f"{seconds or self._seconds:g}s"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{span}", "--timeout", "10", "-s", str(script), address]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in told or "Socket errors" in told:
            raise RuntimeError(told)
        found = re.search(r"Requests/sec:\s+([0-9.]+)", told)
        assert found is not None, told
        return float(found[1])


def turns(rounds: int, *works: Callable[[], float]) -> list[list[float]]:
    """Return the rates of works that take turns, one list for each."""
    rates: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for position, work in enumerate(works):
            rates[position].append(work())
    return rates


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median ratio of turns that were side by side."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def in_process(work: Callable[[int], int], seconds: float) -> float:
    """Return items a second of work in this process, which takes a turn's number and returns how many it did."""
    begin, done, turn = time.perf_counter(), 0, 0
    while (passed := time.perf_counter() - begin) < seconds:
        done += work(turn)
        turn += 1
    return done / passed
