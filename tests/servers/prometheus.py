"""A real Prometheus and Alertmanager with the project's own configuration, and somebody whom alerts are sent to."""

import json
import shutil
import tempfile
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml

from tests.servers.process import ServerProcess, answers_ok, free_port

_DEPLOY = Path(__file__).parents[2] / "deploy"
_PROGRAMS = ("prometheus", "prometheus-alertmanager")


class Mailbox:
    """Somebody whom Alertmanager tells of alerts: what came to which path."""

    def __init__(self) -> None:
        letters: list[tuple[str, dict[str, Any]]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                letters.append((self.path, json.loads(content)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.letters = letters
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class MonitoringStack:
    """Prometheus, Alertmanager and a mailbox on loopback; use it as a context manager.

    The configuration is the project's: it is copied, scrapes every second, and sends what alerts to the mailbox at once.

    Args:
        server: Host and port of a server's `/metrics`.
        exporter: Host and port of the exporter's.
    """

    def __init__(self, *, server: str, exporter: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="aisle-prometheus-"))
        self._targets = {"server": server, "exporter": exporter}
        self._processes: list[ServerProcess] = []
        self.mailbox = Mailbox()
        self.url = ""

    @staticmethod
    def available() -> str | None:
        """Return why there can be none here, or None if there can."""
        missing = [program for program in _PROGRAMS if shutil.which(program) is None]
        return f"{', '.join(missing)} not installed (Debian: prometheus prometheus-alertmanager)" if missing else None

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
        self.mailbox.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series that an expression gives now; `AssertionError` if Prometheus does not understand it."""
        answer = httpx.post(f"{self.url}/api/v1/query", data={"query": expression}, timeout=30).json()
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def _start(self) -> None:
        alerts, port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{port}"
        config = yaml.safe_load((_DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
        for receiver in config["receivers"]:
            for hook in receiver["webhook_configs"]:
                hook["url"] = self.mailbox.address + httpx.URL(hook["url"]).path
        for route in (config["route"], *config["route"]["routes"]):
            route |= {"group_wait": "0s", "group_interval": "1s"}
        self._serve(
            "prometheus-alertmanager",
            alerts,
            self._written("alertmanager.yml", config),
            f"--storage.path={self._folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{alerts}",
            "--cluster.listen-address=",
        )
        copy = shutil.copytree(_DEPLOY / "prometheus", self._folder / "prometheus")
        config = yaml.safe_load((copy / "prometheus.yml").read_text())
        config["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
        for job in config["scrape_configs"]:
            job["scrape_interval"] = "1s"
        for name, target in (*self._targets.items(), ("alertmanager", f"127.0.0.1:{alerts}")):
            (copy / "targets" / f"{name}.yml").write_text(yaml.safe_dump([{"targets": [target]}]))
        self._serve(
            "prometheus",
            port,
            self._written("prometheus/prometheus.yml", config),
            f"--storage.tsdb.path={self._folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        )

    def _written(self, name: str, config: Mapping[str, Any]) -> str:
        path = self._folder / name
        path.write_text(yaml.safe_dump(config))
        return f"--config.file={path}"

    def _serve(self, program: str, port: int, *arguments: str) -> None:
        process = ServerProcess([program, *arguments], log=self._folder / f"{program}.log")
        self._processes.append(process)
        process.wait_ready(lambda: answers_ok(port, "/-/ready", timeout_s=2), seconds=60)
