"""One server process: started in its own session, watched until it is ready, stopped by its id."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PAUSE_S = 0.05
_TAIL_LINES = 30


class ServerError(RuntimeError):
    """A server ended by itself, or was not ready in time; the message ends with what it last wrote."""


def free_port() -> int:
    """Return a port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(arguments: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, user: str | None = None) -> None:
    """Run a command to its end.

    Args:
        arguments: The program and its arguments.
        environment: The whole environment; this process's by default.
        user: Who runs it; the caller by default.

    Raises:
        ServerError: It did not succeed within a minute.
    """
    try:
        subprocess.run(arguments, env=environment, user=user, group=user, check=True, capture_output=True, timeout=60)
    except subprocess.CalledProcessError as error:
        raise ServerError(f"{arguments[0]} ended with {error.returncode}: {error.stderr.decode()[-2000:]}") from None


class ServerProcess:
    """A server that runs until `stop`, or until the thread that started it is gone.

    Args:
        arguments: The program and its arguments.
        log: File for everything that it writes.
        environment: The whole environment; this process's by default.
        user: Who runs it; the caller by default.
        stop_signal: What it ends on in good order.
    """

    def __init__(
        self,
        arguments: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._name = Path(arguments[0]).name
        self._log = log
        self._stop_signal = stop_signal
        # The kernel passes the signal on when the test run is killed: nothing is left behind.
        leash = ["setpriv", f"--pdeathsig={stop_signal.name.removeprefix('SIG')}", "--"]
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                [*leash, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's id, which is its group's too."""
        return self._process.pid

    def wait_ready(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until `ready()` is true.

        Raises:
            ServerError: The process ended, or the time was up.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if (status := self._process.poll()) is not None:
                raise ServerError(f"{self._name} ended with {status}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ServerError(f"{self._name} was not ready within {seconds:g} s:\n{self.tail()}")
            time.sleep(_PAUSE_S)

    def wait_end(self, *, seconds: float) -> None:
        """Wait until the process has ended well.

        Raises:
            ServerError: It ended otherwise, or the time was up.
        """
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ServerError(f"{self._name} did not end within {seconds:g} s:\n{self.tail()}") from None
        if status:
            raise ServerError(f"{self._name} ended with {status}:\n{self.tail()}")

    def kill(self) -> None:
        """End the process and everything it started at once, as an outage would."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def tail(self) -> str:
        """Return the last lines that the server wrote."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])

    def stop(self, *, seconds: float = 10.0) -> None:
        """End the process and everything it started: politely, and after some seconds by force."""
        self._signal(self._stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        deadline = time.monotonic() + 2
        while self._signal(signal.SIGKILL) and time.monotonic() < deadline:
            self._process.poll()
            time.sleep(_PAUSE_S / 10)

    def _signal(self, number: signal.Signals) -> bool:
        """Signal the whole group, and tell whether anybody was left in it."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def answers_ok(port: int, path: str, *, timeout_s: float) -> bool:
    """Tell whether a server on this machine answers a GET with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()
