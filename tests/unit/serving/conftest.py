"""An application with one promoted model, and a client of it."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from fastapi import FastAPI

from aisle.monitoring.feedback import CatalogueProduct
from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import (
    Client,
    FakeAnswers,
    FakeChampions,
    FakeFeedback,
    FakeLedger,
    FakeModel,
    fake_records,
    make_app,
    running,
)


@pytest.fixture(autouse=True)
def _no_configured_log() -> None:
    """Let nothing that an earlier test of this worker configured hide what is logged."""
    structlog.reset_defaults()


@pytest.fixture
def model() -> FakeModel:
    return FakeModel("bundle-a", delay_s=0.5)


@pytest.fixture
def champions(model: FakeModel) -> FakeChampions:
    champions = FakeChampions(model, FakeModel("bundle-b"))
    champions.promote(1, "bundle-a")
    return champions


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def ledger() -> FakeLedger:
    """A ledger of three versions, whose row 7 is in force: version 2, after version 1."""
    ledger = FakeLedger()
    for version in (1, 2, 3):
        ledger.add_model(version, f"bundle-{version}", "snapshot", "run", {"weighted_f1": 0.79})
    for row in range(7):
        ledger.promote(2 if row % 2 == 0 else 1, actor="pipeline", reason="r", evidence={}, expected=row)
    return ledger


@pytest.fixture
def settings() -> dict[str, Any]:
    """Settings that a module's tests need beside the usual ones."""
    return {}


@pytest.fixture
def app(champions: FakeChampions, telemetry: Telemetry, ledger: FakeLedger, settings: dict[str, Any]) -> FastAPI:
    answers = FakeAnswers()
    answers.rows.append(
        {"request_id": "4f9c2b1e8d5a4e0f9a7b6c5d4e3f2a1b", "position": 0, "product_id": "A-17", "code": "3", "version": 1}
    )
    feedback = FakeFeedback(answers, [CatalogueProduct("shop", "train", "A-17")])
    records = fake_records(ledger=ledger, answers=answers, feedback=feedback)
    return make_app(champions, telemetry, records, max_body_bytes=100_000, max_products=5, max_text_chars=1_000, **settings)


@pytest.fixture
def client(app: FastAPI) -> Iterator[Client]:
    with running(app) as client:
        yield client
