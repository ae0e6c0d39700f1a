"""MLflow for the contract tests: embedded on SQLite, and as a server."""

import secrets
from typing import Any

import pytest

from aisle.registry.mlflow import Tracking
from aisle.settings import Tracking as Settings


@pytest.fixture(scope="session")
def embedded_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An embedded MLflow for all tests: making its tables takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture(params=["sqlite", pytest.param("server", marks=pytest.mark.servers)])
def settings(request: pytest.FixtureRequest) -> Settings:
    """An MLflow, and an experiment and a model of this test's own in it."""
    sqlite = request.param == "sqlite"
    url = request.getfixturevalue("embedded_url") if sqlite else request.getfixturevalue("mlflow_server").url
    name = f"test-{secrets.token_hex(6)}"
    return Settings(url=url, experiment=name, model=name)


@pytest.fixture
def tracking(settings: Settings) -> Tracking:
    return Tracking(settings)


@pytest.fixture
def client(tracking: Tracking) -> Any:
    """MLflow's own client, by which a test looks at what was written; its first words are many warnings."""
    with tracking._session.client("look around") as client:
        client.search_experiments()
    return client
