"""A real S3 server: Ceph's RADOS Gateway over one monitor and one store in memory."""

import secrets
import shutil
import signal
import tempfile
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.process import ServerProcess, answers_ok, free_port, run

_PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "ceph", "radosgw-admin", "monmaptool")


class RadosGateway:
    """An S3 server on loopback with one account; use it as a context manager."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.access_key = secrets.token_hex(8)
        self.secret_key = secrets.token_hex(16)
        self._folder = Path(tempfile.mkdtemp(prefix="aisle-rgw-"))
        self._conf = self._folder / "ceph.conf"
        self._processes: list[ServerProcess] = []

    @staticmethod
    def available() -> str | None:
        """Return why there can be no server here, or None if there can."""
        missing = [program for program in _PROGRAMS if shutil.which(program) is None]
        return f"Ceph's {', '.join(missing)} not installed (Debian: radosgw ceph-mon ceph-osd)" if missing else None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for process in reversed(self._processes):
            process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        """Take the gateway away, as an outage would."""
        self._processes.pop().stop()

    def _start(self) -> None:
        cluster, monitor_port, osd = str(uuid.uuid4()), free_port(), str(uuid.uuid4())
        for name in ("mon", "osd", "rgw", "run"):
            (self._folder / name).mkdir()
        self._conf.write_text(self._configuration(cluster, monitor_port))
        monmap = self._folder / "monmap"
        run(["monmaptool", "--create", "--fsid", cluster, "--addv", "a", f"[v2:127.0.0.1:{monitor_port}]", monmap])
        run(["ceph-mon", *self._conf_option(), "-i", "a", "--mkfs", "--monmap", monmap])
        self._serve("ceph-mon", "-i", "a")
        run(["ceph", *self._conf_option(), "--connect-timeout", "30", "osd", "new", osd])
        run(["ceph-osd", *self._conf_option(), "-i", "0", "--mkfs", "--osd-uuid", osd])
        self._serve("ceph-osd", "-i", "0")
        self._serve("radosgw", "-n", "client.rgw").wait_ready(self._answers, seconds=60)
        keys = ["--access-key", self.access_key, "--secret-key", self.secret_key]
        account = ["user", "create", "--uid", "aisle", "--display-name", "aisle", *keys]
        run(["radosgw-admin", *self._conf_option(), "-n", "client.rgw", *account])

    def _serve(self, program: str, *arguments: str) -> ServerProcess:
        process = ServerProcess(
            [program, "-f", *self._conf_option(), *arguments],
            log=self._folder / f"{program}.log",
            # Nothing of it outlives the run, and its orderly way out takes seconds.
            stop_signal=signal.SIGKILL,
        )
        self._processes.append(process)
        return process

    def _conf_option(self) -> tuple[str, Path]:
        return "-c", self._conf

    def _answers(self) -> bool:
        return answers_ok(self.port, "/", timeout_s=2)

    def _configuration(self, cluster: str, monitor_port: int) -> str:
        folder = self._folder
        sections: dict[str, dict[str, object]] = {
            "global": {
                "fsid": cluster,
                "mon host": f"v2:127.0.0.1:{monitor_port}/0",
                "mon initial members": "a",
                "public network": "127.0.0.0/8",
                "ms bind msgr1": "false",
                # One account on one machine, gone within minutes.
                "auth cluster required": "none",
                "auth service required": "none",
                "auth client required": "none",
                # Without authentication there is no key to encrypt with.
                **{f"ms {side} mode": "crc" for side in ("mon cluster", "mon service", "mon client")},
                "run dir": folder / "run",
                "admin socket": folder / "run" / "$name.asok",
                "crash dir": folder / "run",
                "log file": "",
                "log to stderr": "true",
                # A single store: one copy of everything, in few groups, and no warnings about it.
                "osd pool default size": 1,
                "osd pool default min size": 1,
                "osd pool default pg num": 1,
                "osd pool default pg autoscale mode": "off",
                "osd crush chooseleaf type": 0,
                "mon allow pool size one": "true",
                "mon max pg per osd": 1000,
                # A test machine's disk may be nearly full: nothing is written there.
                "mon data avail crit": 1,
                # The monitor would wait a second before each change of its map.
                "paxos propose interval": 0.05,
                "paxos min wait": 0.01,
            },
            "mon.a": {"mon data": folder / "mon"},
            "osd": {"osd data": folder / "osd", "osd objectstore": "memstore", "memstore device bytes": 2 << 30},
            "client.rgw": {
                "rgw frontends": f"beast endpoint=127.0.0.1:{self.port} tcp_nodelay=1",
                "rgw data": folder / "rgw",
                "rgw thread pool size": 32,
            },
        }
        return "".join(
            f"[{section}]\n" + "".join(f"{name} = {value}\n" for name, value in options.items())
            for section, options in sections.items()
        )
