"""A server with the console, in this process: a real database, fake champions, a key for each role."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aisle.monitoring.records import MonitorRecords
from aisle.monitoring.requests import RetrainRequests
from aisle.registry.audit_log import AuditLog
from aisle.registry.keys import ApiKeys
from aisle.registry.ledger import Ledger
from aisle.registry.reports import Reports
from aisle.review.desk import ReviewDesk
from aisle.review.figures import ReviewBook
from aisle.serving.console_records import ConsoleRecords
from aisle.serving.predictor import Model
from aisle.serving.records import Records
from aisle.storage.database import Database
from aisle.storage.objects import Objects
from aisle.telemetry import Telemetry
from tests.unit.serving.console.browsing import HOSTILE, Browser
from tests.unit.serving.fakes import FakeAnswers, FakeChampions, FakeFeedback, FakeModel, eventually, make_app, running


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'aisle.db'}")
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def keys(database: Database) -> dict[str, str]:
    create = ApiKeys(database).create
    scopes = {"viewer": "predict", "reviewer": "review", "admin": "admin"}
    return {n: create(n, scopes=(s,), requests_per_minute=None, expires_at=None)[1] for n, s in scopes.items()}


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(f"file://{tmp_path / 'objects'}")


@pytest.fixture
def model() -> Model:
    """The model in service; a file of tests may have another."""
    return FakeModel("bundle-a")


@pytest.fixture
def browser(database: Database, objects: Objects, model: Model, keys: dict[str, str]) -> Iterator[Browser]:
    ledger = Ledger(database)
    for version in (1, 2):
        ledger.add_model(version, f"bundle-{version}", "s", "run", {"weighted_f1": 0.7})
    ledger.promote(1, actor="pipeline", reason=HOSTILE, evidence={}, expected=0)
    console = ConsoleRecords(
        database,
        objects.bucket("images"),
        ReviewDesk(database),
        ReviewBook(database),
        MonitorRecords(database),
        AuditLog(database),
        RetrainRequests(database),
        Reports(objects.bucket("artifacts")),
    )
    answers = FakeAnswers()
    records = Records(ApiKeys(database), ledger, answers, FakeFeedback(answers), console)
    champions = FakeChampions(model)
    champions.promote(1, model.digest)
    with running(make_app(champions, Telemetry(), records, open=False)) as client:
        eventually(lambda: Browser(client).post("/sign-in", key=keys["viewer"]).status_code == 303)
        yield Browser(client)
