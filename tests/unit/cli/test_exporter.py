"""`aisle monitor export`: answers Prometheus until it is told to stop, and says where it cannot listen."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx

from aisle.bootstrap import open_application
from aisle.monitoring.records import MonitorRecords, MonitorRun
from tests.command_line import CommandLine
from tests.servers.process import free_port


def test_a_port_that_is_taken_is_refused_with_a_way_out(aisle: CommandLine):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = aisle.refused("monitor", "export", "--port", taken.getsockname()[1])
    assert "Cannot listen on 127.0.0.1:" in said
    assert "AISLE_EXPORTER_PORT" in said


def test_an_address_of_another_machine_is_refused(aisle: CommandLine):
    assert "Cannot listen on 192.0.2.1:0" in aisle.refused("monitor", "export", "--host", "192.0.2.1", "--port", 0)


@contextlib.contextmanager
def exporting(**variables: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run the exporter as a process; give it and its address."""
    command = [sys.executable, "-m", "aisle", "monitor", "export", "--port", "0"]
    environment = {**os.environ, "AISLE_LOG_FORMAT": "json", **variables}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield process, next(event["url"] for event in map(json.loads, process.stderr) if event["event"] == "exporting")
        finally:
            process.kill()


def test_it_shows_what_is_on_record_until_it_is_told_to_stop(workspace: Path):
    now = datetime.now(UTC)
    with open_application() as application:
        run = MonitorRun(now, 0.1, "24h", now, now, 640, 3, "b", 9_000, "p", "watch")
        MonitorRecords(application.database).add(run, [])
    with exporting() as (process, url):
        answer = httpx.get(url, timeout=20)
        assert answer.headers["content-type"].startswith("text/plain")
        assert 'aisle_monitor_state{family="all"} 1.0' in answer.text
        assert "aisle_exporter_up 1.0" in answer.text
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_it_answers_while_there_is_no_database(workspace: Path):
    with exporting(AISLE_DATABASE_URL=f"postgresql://me@127.0.0.1:{free_port()}/x") as (_, url):
        for _ in range(2):
            answer = httpx.get(url, timeout=20)
            assert (answer.status_code, "aisle_exporter_up 0.0" in answer.text) == (200, True)
