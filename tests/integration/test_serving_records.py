"""What a server process keeps on record in a real database, also while that database goes away."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from aisle.storage.database import Database
from aisle.storage.schema import feedback, predictions
from tests.servers.postgres import PostgresServer
from tests.unit.serving.fakes import eventually

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def process(database_url: str) -> Iterator[tuple["subprocess.Popen[str]", httpx.Client]]:
    """Run the server of the fakes with records in a database, as a process; its log is read all the while."""
    command = [sys.executable, "-m", "tests.unit.serving.fakes", database_url]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as started:
        assert started.stderr is not None
        try:
            url = next(event["url"] for event in map(json.loads, started.stderr) if event["event"] == "serving")
            threading.Thread(target=started.stderr.read, daemon=True).start()
            with httpx.Client(base_url=url, timeout=20) as client:
                yield started, client
        finally:
            started.kill()


def metric(client: httpx.Client, name: str) -> float:
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith(name + " ")]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


def count(database: Database, *where: Any) -> int:
    with database.reading() as connection:
        return int(connection.scalar(select(func.count()).select_from(predictions).where(*where)) or 0)


def test_every_answer_is_in_the_table_when_the_process_has_ended(database: Database, database_url: str):
    body = {"products": [{"title": f"produit {n}"} for n in range(100)]}
    with process(database_url) as (started, client):
        for _ in range(30):
            assert client.post("/v1/predictions", json=body).status_code == 200
        started.send_signal(signal.SIGTERM)
        assert started.wait(10) == 0
    assert count(database) == 3_000
    with database.reading() as connection:
        requests = connection.execute(
            select(predictions.c.request_id, func.count(), func.max(predictions.c.position)).group_by("request_id")
        ).all()
    assert len(requests) == 30
    assert {(rows, last) for _, rows, last in requests} == {(100, 99)}


@pytest.mark.servers
def test_answers_go_on_while_the_database_is_away_and_are_logged_again_after(postgres: PostgresServer, postgres_url: str):
    database = Database(postgres_url)
    database.migrate()
    statuses: Counter[int] = Counter()
    slowest = 0.0
    with process(postgres_url) as (_, client):

        def ask(times: int, request_id: str) -> None:
            nonlocal slowest
            for _ in range(times):
                response = client.post("/v1/predictions", json={"title": "a"}, headers={"x-request-id": request_id})
                statuses[response.status_code] += 1
                slowest = max(slowest, response.elapsed.total_seconds())

        ask(20, "before")
        eventually(lambda: count(database, predictions.c.request_id == "before") == 20)
        postgres.refuse(postgres_url)
        ask(200, "away")
        eventually(lambda: metric(client, "aisle_prediction_log_failures_total") >= 2)
        assert client.get("/health/ready").status_code == 200
        assert client.get("/v1/models").status_code == 503
        ask(200, "away")
        postgres.accept(postgres_url)
        ask(20, "after")
        eventually(lambda: count(database, predictions.c.request_id == "after") == 20, within_s=30)
        kept = count(database)
        dropped = metric(client, 'aisle_prediction_log_total{outcome="dropped"}')
        assert kept + dropped == statuses[200] == 440
    database.close()
    assert set(statuses) == {200}
    assert slowest < 2


@pytest.mark.servers
def test_a_database_that_is_gone_does_not_keep_the_process(postgres: PostgresServer, postgres_url: str):
    database = Database(postgres_url)
    database.migrate()
    database.close()
    with process(postgres_url) as (started, client):
        postgres.refuse(postgres_url)
        assert client.post("/v1/predictions", json={"title": "a"}).status_code == 200
        started.send_signal(signal.SIGTERM)
        assert started.wait(15) == 0


def test_feedback_about_an_answer_is_kept_beside_it(database: Database, database_url: str):
    with process(database_url) as (_, client):
        body = {"products": [{"id": "A", "title": "a"}, {"id": "B", "title": "b"}]}
        answer = client.post("/v1/predictions", json=body).json()
        said = {"id": "t-1", "request_id": answer["request_id"], "product_id": "B", "code": "3"}
        responses = [client.post("/v1/feedback", json=said) for _ in range(3)]
        assert [r.status_code for r in responses] == [200, 200, 200]
        assert [r.json()["repeated"] for r in responses] == [False, True, True]
        assert responses[0].json()["predicted"] == answer["predictions"][1]["code"]
        assert client.post("/v1/feedback", json={**said, "code": "4"}).status_code == 409
        assert client.post("/v1/feedback", json={"request_id": "nobody", "code": "3"}).status_code == 422
    with database.reading() as connection:
        (row,) = connection.execute(select(feedback)).all()
    assert (row.author, row.client_id, row.code, row.position, row.product_id) == ("local", "t-1", "3", 1, "B")
