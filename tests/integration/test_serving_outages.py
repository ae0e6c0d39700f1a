"""`aisle serve` under load while what it leans on is taken away, one after the other, and comes back."""

import contextlib
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from aisle.models.bundle import write_bundle
from aisle.registry.bundles import publish
from aisle.registry.ledger import Ledger
from aisle.storage.database import Database
from tests.conftest import s3_objects
from tests.e2e.programs import Served, Shell
from tests.servers.line import Line
from tests.servers.process import free_port
from tests.servers.rados_gateway import RadosGateway
from tests.unit.models.examples import fitted, parts
from tests.unit.serving.fakes import eventually

pytestmark = pytest.mark.servers


class Load:
    """Answers to a load that runs all the while, by status and version."""

    def __init__(self, address: httpx.URL) -> None:
        self.seen: Counter[tuple[int, int]] = Counter()
        self.slowest = 0.0
        self._address = address
        self._stop = threading.Event()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Ask from two threads while the block runs."""
        with ThreadPoolExecutor(2) as senders:
            asking = [senders.submit(self._ask) for _ in range(2)]
            try:
                yield
            finally:
                self._stop.set()
            for one in asking:
                one.result()

    def more(self) -> None:
        """Wait until more has been answered."""
        before = self.total
        eventually(lambda: self.total >= before + 100)

    @property
    def total(self) -> int:
        """How many answers there were."""
        return sum(list(self.seen.values()))

    def _ask(self) -> None:
        with httpx.Client(base_url=self._address, timeout=20) as client:
            while not self._stop.is_set():
                response = client.post("/v1/predictions", json={"title": "Pompe de piscine"})
                version = response.json()["model"]["version"] if response.is_success else 0
                self.seen[response.status_code, version] += 1
                self.slowest = max(self.slowest, response.elapsed.total_seconds())
                time.sleep(0.005)


def metric(served: Served, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", served.client.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def decide(served: Served, path: str, expected: int) -> None:
    response = served.client.post(f"/v1/models/{path}", json={"reason": "A test of outages.", "expected": expected})
    assert response.status_code == 200, response.text


@pytest.fixture
def lines(postgres_url: str, rgw: RadosGateway) -> Iterator[tuple[Line, Line, Line]]:
    """Lines to the database, to the object store and to where MLflow would be."""
    database = urlsplit(postgres_url).port
    assert database is not None
    with Line(database) as to_database, Line(rgw.port) as to_objects, Line(free_port()) as to_mlflow:
        yield to_database, to_objects, to_mlflow


@pytest.fixture
def shell(tmp_path: Path, lines: tuple[Line, Line, Line], postgres_url: str, rgw: RadosGateway) -> Shell:
    """A place to serve from: two registered versions, of which the first is champion."""
    to_database, to_objects, to_mlflow = lines
    name = f"outage-{secrets.token_hex(4)}"
    objects = s3_objects(rgw)
    objects.create_bucket(name)
    database = Database(postgres_url)
    database.migrate()
    ledger = Ledger(database)
    for version in (1, 2):
        write_bundle(tmp_path / f"bundle-{version}", parts(model=fitted(100 + 20 * version)))
        ledger.add_model(
            version, publish(objects.bucket(name), tmp_path / f"bundle-{version}"), "5" * 64, f"run-{version}", {}
        )
    ledger.promote(1, actor="test", reason="The first.", evidence={}, expected=None)
    database.close()
    port = urlsplit(postgres_url).port
    settings = {
        "AISLE_HOME": "home",
        "AISLE_DATABASE_URL": postgres_url.replace(f":{port}/", f":{to_database.port}/"),
        "AISLE_DATABASE_CONNECT_TIMEOUT_S": "2",
        "AISLE_OBJECTS_URL": f"http://127.0.0.1:{to_objects.port}",
        "AISLE_OBJECTS_ACCESS_KEY": rgw.access_key,
        "AISLE_OBJECTS_SECRET_KEY": rgw.secret_key,
        "AISLE_OBJECTS_ARTIFACT_BUCKET": name,
        "AISLE_OBJECTS_TIMEOUT_S": "1",
        "AISLE_TRACKING_URL": f"http://127.0.0.1:{to_mlflow.port}",
    }
    return Shell(tmp_path, settings)


def test_answers_go_on_while_everything_is_taken_away_in_turn_and_all_heals(
    shell: Shell, lines: tuple[Line, Line, Line]
) -> None:
    to_database, to_objects, to_mlflow = lines
    with shell.serving("aisle", "serve", "--port", "0") as served:
        eventually(lambda: served.version() == 1)
        load = Load(served.client.base_url)
        with load.running():
            load.more()

            to_database.cut()
            eventually(lambda: metric(served, "aisle_prediction_log_failures_total") >= 2)
            eventually(lambda: served.client.get("/health/ready").json()["refused"] is not None)
            load.more()
            assert served.client.get("/health/ready").status_code == 200
            written = metric(served, 'aisle_prediction_log_total{outcome="written"}')
            to_database.mend()
            eventually(lambda: metric(served, 'aisle_prediction_log_total{outcome="written"}') > written, within_s=30)
            eventually(lambda: served.client.get("/health/ready").json()["refused"] is None)

            to_objects.cut()
            decide(served, "2/promote", 1)
            eventually(lambda: served.client.get("/health/ready").json()["refused"] is not None, within_s=60)
            load.more()
            assert served.version() == 1
            to_objects.mend()
            eventually(lambda: served.version() == 2, within_s=60)
            load.more()

            # A server asks MLflow for nothing: its line is dead from the start, and was never used.
            to_mlflow.cut()
            decide(served, "rollback", 2)
            eventually(lambda: served.version() == 1)
            load.more()
            assert to_mlflow.connections == 0
        assert {status for status, _ in load.seen} == {200}
        assert {version for _, version in load.seen} == {1, 2}
        assert load.slowest < 2

        def logged() -> float:
            return sum(metric(served, f'aisle_prediction_log_total{{outcome="{o}"}}') for o in ("written", "dropped"))

        eventually(lambda: logged() == load.total)
