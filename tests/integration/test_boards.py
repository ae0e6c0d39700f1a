"""No panel without data: a real server and exporter, scraped by a real Prometheus, answer every query of every board.

The server has a champion, a canary and a shadow, keys, traffic of every kind and feedback; the database has a monitoring run
of those answers and a retraining that failed, of which a real Alertmanager tells.
"""

import base64
import contextlib
import io
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from PIL import Image
from sqlalchemy import insert

from aisle.monitoring.window import Asked
from aisle.storage.schema import rejects
from tests.deploy.metric_names import documents, rules
from tests.deploy.test_boards import BOARDS, PROVISIONING, expressions, panels
from tests.servers.prometheus import MonitoringStack
from tests.trained import QUICK, copy_of_trained_home, opened

# The first to ask for the trained home waits for its two trainings, on a busy machine longer than a test may take otherwise.
pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]

_WITHIN_S = 60.0
_VARIABLES = {"$__rate_interval": "1m", "$__range": "5m", "$instance": ".*", "$column": ".*", "$measure": ".*"}


@contextlib.contextmanager
def program(home: Path, event: str, *arguments: str, **variables: str) -> Iterator[str]:
    """Run `aisle …` as a process until the block ends, and give the address that an event of its log tells."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AISLE_")},
        **QUICK,
        "AISLE_HOME": str(home),
        "AISLE_LOG_FORMAT": "json",
        **variables,
    }
    command = [sys.executable, "-m", "aisle", *arguments]
    with subprocess.Popen(command, cwd=home.parent, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            url = next(said["url"] for said in map(json.loads, process.stderr) if said["event"] == event)
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield url
        finally:
            process.kill()


def picture() -> str:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 30, 30)).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def send(client: httpx.Client, number: int) -> None:
    """Ask for everything that a client may ask for, and for what it may not."""
    titles = ("piscine gonflable", "livre ancien", "jeu vidéo console", "zzz", "poupée", "the quick brown fox")
    products = [{"id": f"{number}-{n}", "title": f"{title} {number}"} for n, title in enumerate(titles)]
    products[0] |= {"description": "Grande <b>piscine</b> pour le jardin"}
    products[1] |= {"image": picture()}
    answer = client.post("/v1/predictions", json={"products": products}, headers={"x-request-key": str(number)})
    assert answer.status_code == 200, answer.text
    client.post("/v1/predictions", json={"title": f"seul {number}"}, headers={"x-request-key": f"k{number}"})
    said = {"id": f"f{number}", "request_id": answer.json()["request_id"], "position": 0}
    code = answer.json()["predictions"][0]["code"]
    assert client.post("/v1/feedback", json={**said, "code": code}).status_code in {200, 422}
    client.get("/v1/models")
    httpx.post(f"{client.base_url}/v1/predictions", json={"title": "a stranger"}, timeout=20)


@contextlib.contextmanager
def traffic(client: httpx.Client) -> Iterator[None]:
    """Send all the while, a few requests a second."""
    stop = threading.Event()

    def keep_sending() -> None:
        number = 1_000
        while not stop.wait(0.3):
            send(client, number)
            number += 1

    sender = threading.Thread(target=keep_sending)
    sender.start()
    try:
        yield
    finally:
        stop.set()
        sender.join()


def monitored(home: Path) -> None:
    """Look at what was answered, and let the retraining that is asked for fail."""
    with opened(home) as application:
        found = application.monitor().run(Asked.parse("24h"))
        requests = application.requests
        span = timedelta(days=2)
        if found.request is None:
            requests.ask(found.run.id, ["for the test"], version=1, quiet=span, lifetime=span)
        taken = requests.take("test")
        assert taken is not None
        requests.close(taken.id, "failed", "Out of memory.")
        with application.database.transaction() as connection:
            row = {"load_id": 1, "source": "shop", "split": "train", "row": 1, "kind": "row", "reason": "no_id"}
            connection.execute(insert(rejects).values(row))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonitoringStack]:
    if reason := MonitoringStack.available():
        pytest.skip(reason)
    home = copy_of_trained_home(tmp_path_factory.mktemp("boards") / "home")
    with opened(home) as application:
        _, key = application.keys.create("board", scopes=("predict", "review", "admin"), requests_per_minute=None)
    serve = ("serve", "--port", "0", "--canary", "2", "--canary-share", "0.5", "--shadow", "2")
    export = ("monitor", "export", "--port", "0")
    with (
        program(home, "serving", *serve, AISLE_SERVING_POLL_S="0.5") as server,
        program(home, "exporting", *export, AISLE_EXPORTER_CACHE_S="0.5") as exporter,
        httpx.Client(base_url=server, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client,
    ):
        for number in range(20):
            send(client, number)
        time.sleep(1)  # until they are in the log
        monitored(home)
        targets = {"server": httpx.URL(server).netloc.decode(), "exporter": httpx.URL(exporter).netloc.decode()}
        with traffic(client), MonitoringStack(**targets) as started:
            yield started


def eventually(look: Callable[[], list[str]]) -> list[str]:
    """Return what is still missing at the end, or nothing as soon as nothing is."""
    deadline = time.monotonic() + _WITHIN_S
    while (missing := look()) and time.monotonic() < deadline:
        time.sleep(1)
    return missing


def answered(stack: MonitoringStack, expression: str) -> bool:
    """Tell whether an expression gives at least one series, and each that it gives a number that can be drawn."""
    for name, value in _VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return any(math.isfinite(float(series["value"][1])) for series in stack.query(expression))


@pytest.mark.parametrize("uid", sorted(BOARDS))
def test_every_query_of_every_panel_has_an_answer(stack: MonitoringStack, uid: str):
    asked = list(expressions(BOARDS[uid]))
    assert len(asked) >= len(panels(BOARDS[uid]))

    def missing() -> list[str]:
        return [f"{title}: {expression}" for title, expression in asked if not answered(stack, expression)]

    assert not eventually(missing)


def test_a_query_without_an_answer_is_noticed(stack: MonitoringStack):
    assert answered(stack, "up")
    assert not answered(stack, 'aisle_drift{column="no such column"}')
    assert not answered(stack, "rate(aisle_made_up_total[$__rate_interval])")
    assert not answered(stack, "0 * up / (0 * up)")


def test_every_recording_rule_gives_something(stack: MonitoringStack):
    recorded = [rule["record"] for rule in rules("record")]
    assert not eventually(lambda: [name for name in recorded if not answered(stack, name)])


def test_no_rule_fails(stack: MonitoringStack):
    for group in httpx.get(f"{stack.url}/api/v1/rules", timeout=30).json()["data"]["groups"]:
        for rule in group["rules"]:
            assert rule["health"] in {"ok", "unknown"}, rule


def test_what_fires_reaches_whom_it_concerns_with_its_runbook(stack: MonitoringStack):
    letters = stack.mailbox.letters

    def fired() -> list[str]:
        names = {
            alert["labels"]["alertname"] for path, letter in list(letters) if path == "/ticket" for alert in letter["alerts"]
        }
        return [] if "AisleTrainingFailed" in names else ["AisleTrainingFailed"]

    assert not eventually(fired)
    (alert,) = [
        alert
        for path, letter in list(letters)
        if path == "/ticket"
        for alert in letter["alerts"]
        if alert["labels"]["alertname"] == "AisleTrainingFailed"
    ][:1]
    assert alert["annotations"]["runbook_url"].endswith("/AisleTrainingFailed.md")
    assert alert["labels"]["severity"] == "ticket"
    # Where runbooks are published is no label of an alert's.
    assert "runbooks" not in alert["labels"]
    assert not [path for path, letter in letters if path == "/page" and "AisleTrainingFailed" in json.dumps(letter)]


def test_the_datasource_of_the_boards_is_a_prometheus():
    (source,) = documents(PROVISIONING / "datasources" / "aisle.yml")["datasources"]
    assert (source["type"], source["uid"], source["isDefault"]) == ("prometheus", "aisle-prometheus", True)
