"""The DAGs on a real Airflow with PostgreSQL: triggered by REST, read by REST, and a scheduler that is killed in between."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogues import write_challenge
from tests.servers.airflow_server import AirflowServer
from tests.servers.postgres import PostgresServer
from tests.trained import QUICK

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def airflow(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowServer]:
    if reason := AirflowServer.available():
        pytest.skip(reason)
    home = tmp_path_factory.mktemp("home")
    with AirflowServer(postgres.create("airflow"), {"AISLE_HOME": str(home), **QUICK}) as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_challenge(tmp_path_factory.mktemp("files") / "shop", train=50, test=20)


def test_a_run_by_rest_ends_with_the_xcoms_that_users_read(airflow: AirflowServer, folder: Path):
    airflow.wait_for_dag("prepare_data", seconds=300)
    run = airflow.trigger("prepare_data", {"folder": str(folder)})
    assert airflow.wait("prepare_data", run, seconds=400) == "success"
    assert airflow.xcom("prepare_data", run, "load_train_image") == 10
    assert airflow.xcom("prepare_data", run, "load_test_image") == 4


def test_a_scheduler_that_is_killed_loses_nothing(airflow: AirflowServer, folder: Path):
    run = airflow.trigger("prepare_data", {"folder": str(folder), "share": 1.0})
    airflow.kill("scheduler")
    airflow.start_scheduler()
    assert airflow.wait("prepare_data", run, seconds=600) == "success"
    assert airflow.xcom("prepare_data", run, "load_train_image") == 50
    assert airflow.xcom("prepare_data", run, "load_test_image") == 20
