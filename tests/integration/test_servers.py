"""The servers that the other tests lean on: they start, refuse strangers, and leave nothing behind."""

import os
import sys
from pathlib import Path

import boto3
import httpx
import psycopg
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.servers.mlflow_server import MlflowServer
from tests.servers.postgres import PostgresServer
from tests.servers.process import ServerError, ServerProcess, free_port, run
from tests.servers.rados_gateway import RadosGateway


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.servers
class TestPostgres:
    def test_gives_each_who_asks_an_empty_database(self, postgres: PostgresServer):
        first, second = postgres.create(), postgres.create()
        with psycopg.connect(first) as connection:
            connection.execute("CREATE TABLE things (id integer)")
        with psycopg.connect(second) as connection:
            row = connection.execute("SELECT count(*) FROM information_schema.tables WHERE table_name = 'things'").fetchone()
        assert first != second
        assert row == (0,)

    def test_sorts_by_a_language_unless_told_otherwise(self, postgres_url: str):
        with psycopg.connect(postgres_url) as connection:
            rows = connection.execute("SELECT n FROM (VALUES ('Z'), ('a'), ('é'), ('f')) AS v(n) ORDER BY n").fetchall()
        assert [name for (name,) in rows] == ["a", "é", "f", "Z"]

    def test_refuses_a_wrong_password(self, postgres: PostgresServer):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(postgres.url("postgres").replace(postgres.password, "wrong"))

    def test_drops_a_database_that_is_in_use(self, postgres: PostgresServer):
        url = postgres.create()
        with psycopg.connect(url):
            postgres.drop(url)
            with pytest.raises(psycopg.OperationalError, match="does not exist"):
                psycopg.connect(url)


@pytest.mark.servers
class TestRadosGateway:
    def test_keeps_objects_for_who_has_the_keys(self, rgw: RadosGateway):
        client = _boto3_client(rgw, rgw.secret_key)
        client.create_bucket(Bucket="servers")
        client.put_object(Bucket="servers", Key="a/b", Body=b"bytes")
        assert client.get_object(Bucket="servers", Key="a/b")["Body"].read() == b"bytes"

    def test_refuses_a_wrong_secret(self, rgw: RadosGateway):
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            _boto3_client(rgw, "wrong").list_buckets()


@pytest.mark.servers
class TestMlflow:
    def test_takes_a_run_and_hands_its_artefact_through_to_s3(self, mlflow_server: MlflowServer, rgw: RadosGateway):
        api = f"{mlflow_server.url}/api/2.0"
        found = httpx.get(f"{api}/mlflow/experiments/get-by-name", params={"experiment_name": "Default"}).json()
        assert found["experiment"]["artifact_location"].startswith("mlflow-artifacts:")
        assert httpx.put(f"{api}/mlflow-artifacts/artifacts/0/note.txt", content=b"note").is_success
        stored = _boto3_client(rgw, rgw.secret_key).get_object(Bucket="mlflow", Key="mlflow/0/note.txt")
        assert stored["Body"].read() == b"note"

    def test_refuses_an_unknown_host(self, mlflow_server: MlflowServer):
        assert (
            httpx.get(f"{mlflow_server.url}/api/2.0/mlflow/experiments/search", headers={"Host": "evil"}).status_code == 403
        )


class TestProcess:
    def test_a_server_that_ends_by_itself_is_reported_with_its_last_words(self, tmp_path: Path):
        process = ServerProcess([sys.executable, "-c", "raise SystemExit('no such cluster')"], log=tmp_path / "log")
        with pytest.raises(ServerError, match="no such cluster"):
            process.wait_ready(lambda: False, seconds=20)

    def test_a_server_that_is_never_ready_is_reported_and_can_be_stopped(self, tmp_path: Path):
        process = ServerProcess([sys.executable, "-c", "import time; time.sleep(60)"], log=tmp_path / "log")
        with pytest.raises(ServerError, match="not ready within"):
            process.wait_ready(lambda: False, seconds=0.2)
        process.stop()
        assert not _runs(process.pid)

    def test_a_stopped_server_takes_its_children_with_it(self, tmp_path: Path):
        child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
        parent = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {child!r}]); print(p.pid); p.wait()"
        log = tmp_path / "log"
        process = ServerProcess([sys.executable, "-u", "-c", parent], log=log)
        process.wait_ready(lambda: "up" in log.read_text(), seconds=20)
        pid = int(log.read_text().split()[0])
        assert _runs(pid)
        process.stop()
        assert not _is_alive(pid)

    def test_a_command_that_fails_says_what_it_wrote(self):
        with pytest.raises(ServerError, match="ended with 3: broken"):
            run([sys.executable, "-c", "import sys; sys.stderr.write('broken'); sys.exit(3)"])

    def test_ports_are_free(self):
        assert free_port() != free_port()


def _is_alive(pid: int) -> bool:
    """Tell whether a process that is not ours to wait for still runs; what waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in {"Z", "X"}


def _boto3_client(server: RadosGateway, secret: str):
    return boto3.client(
        "s3",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}),
    )
