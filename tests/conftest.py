"""What every test may ask for: real servers, a fresh database, object store and workspace, and real data where it lies."""

import os
import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from aisle.storage.database import Database
from aisle.storage.objects import Bucket, Objects
from tests.catalogues import real_catalogues
from tests.servers.mlflow_server import MlflowServer
from tests.servers.postgres import PostgresServer
from tests.servers.rados_gateway import RadosGateway

# A console that is made while this is set keeps its width for good; tests set it for themselves.
os.environ.pop("COLUMNS", None)
# A slow machine is no fault of the code: how long one example takes is not judged here.
settings.register_profile("aisle", deadline=None)
settings.load_profile("aisle")
_FOREIGN = ("AISLE_", "AWS_", "MLFLOW_", "OTEL_")


@pytest.fixture(autouse=True)
def _no_outside_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests away from every test."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN):
            monkeypatch.delenv(name)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty `AISLE_HOME` in an empty working directory."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AISLE_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real catalogues."""
    folder = real_catalogues()
    if folder is None:
        pytest.skip("no real catalogues here (AISLE_TEST_DATA names their folder)")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole run."""
    if reason := PostgresServer.available():
        pytest.skip(reason)
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The address of an empty database of one's own, not migrated."""
    url = postgres.create()
    yield url
    postgres.drop(url)


@pytest.fixture(scope="session")
def rgw() -> Iterator[RadosGateway]:
    """An S3 server for the whole run."""
    if reason := RadosGateway.available():
        pytest.skip(reason)
    with RadosGateway() as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_server(postgres: PostgresServer, rgw: RadosGateway) -> Iterator[MlflowServer]:
    """An MLflow server on PostgreSQL and S3 for the whole run."""
    if reason := MlflowServer.available():
        pytest.skip(reason)
    s3_objects(rgw).create_bucket("mlflow")
    with MlflowServer(postgres.create("mlflow"), rgw, "mlflow") as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, not migrated: SQLite, then PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'aisle.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty, migrated database: SQLite, then PostgreSQL."""
    database = Database(database_url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture(params=["folder", pytest.param("rgw", marks=pytest.mark.servers)])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    """An object store: a local folder, then S3, where buckets of other tests may lie."""
    if request.param == "folder":
        return Objects(f"file://{tmp_path / 'objects'}")
    return s3_objects(request.getfixturevalue("rgw"))


@pytest.fixture
def bucket(objects: Objects) -> Bucket:
    """An empty bucket of one's own: in a local folder, then on S3."""
    name = f"test-{secrets.token_hex(6)}"
    objects.create_bucket(name)
    return objects.bucket(name)


def s3_objects(server: RadosGateway) -> Objects:
    """Return the object store that an S3 server is."""
    return Objects(server.url, access_key=server.access_key, secret_key=server.secret_key)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End the run with what was left out, and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    if reasons:
        terminalreporter.section("not run, and why")
    for reason, count in reasons.most_common():
        terminalreporter.line(f"{count:4} {'test' if count == 1 else 'tests'}: {reason}")
