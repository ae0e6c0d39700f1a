"""An application with one promoted model, and a client of it."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from aisle.telemetry import Telemetry
from tests.unit.serving.fakes import Client, FakeChampions, FakeModel, make_app, running


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
def app(champions: FakeChampions, telemetry: Telemetry) -> FastAPI:
    return make_app(champions, telemetry, max_body_bytes=100_000, max_products=5, max_text_chars=1_000)


@pytest.fixture
def client(app: FastAPI) -> Iterator[Client]:
    with running(app) as client:
        yield client
