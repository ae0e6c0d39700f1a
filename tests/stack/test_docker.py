"""The whole system on a real engine: up, a champion by DAGs, every service killed under load, and back from nothing.

`make test-docker` runs it. It wants an engine (DOCKER_HOST), our images (`make images`) and stand-ins for those of others,
built from `tests/stack/images`; docs/how-to/whole-system.md says how. Grafana has no stand-in and is left out. Tests build
on one another, in their order.
"""

import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from aisle.storage.objects import Objects
from tests.catalogues import real_catalogues
from tests.servers.airflow_api import AirflowApi
from tests.stack.pgadmin import PgAdmin
from tests.stack.system import PGADMIN, PROMETHEUS, SECRETS, SERVER, TRACKING, System

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]

SERVICES = {
    *("postgres", "objects", "mlflow", "api"),
    *("airflow-api", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"),
    *("exporter", "prometheus", "alertmanager", "pushgateway", "node-exporter", "postgres-exporter", "pgadmin"),
}
"""Services that stay."""

TRAIN, TEST = 2_210, 552
"""Rows of a fifth of `rakuten-14k`."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    if reason := System.unavailable():
        pytest.skip(reason)
    made = System(tmp_path_factory.mktemp("system"))
    made.destroy()
    try:
        yield made
    finally:
        made.destroy()


@pytest.fixture
def airflow(system: System) -> AirflowApi:
    return system.airflow()


@pytest.fixture(scope="module")
def catalogue(system: System) -> Path:
    """The folder of a real catalogue, where the DAGs look for it."""
    folder = real_catalogues()
    if folder is None or not (folder / "rakuten-14k").is_dir():
        pytest.skip("no real catalogue is here (AISLE_TEST_DATA)")
    return Path(shutil.copytree(folder / "rakuten-14k", system.folder / "data" / "rakuten"))


@contextmanager
def light_load(system: System) -> Iterator[Counter[str]]:
    """Ask the server five times a second, and count what comes back."""
    seen: Counter[str] = Counter()
    over = threading.Event()

    def load() -> None:
        while not over.wait(0.2):
            try:
                seen[str(system.ask().status_code)] += 1
            except httpx.TransportError as error:
                seen[type(error).__name__] += 1

    caller = threading.Thread(target=load)
    caller.start()
    try:
        yield seen
    finally:
        over.set()
        caller.join()


def finished(airflow: AirflowApi, dag: str, conf: dict[str, object], *, seconds: float) -> str:
    """Let a DAG run to its good end, keep its schedule and assets from running it again, and return the run's id."""
    run = airflow.trigger(dag, conf)
    assert airflow.wait(dag, run, seconds=seconds) == "success", airflow.tasks(dag, run)
    airflow.pause(dag)
    return run


def champion(system: System) -> dict[str, object]:
    """Return which model the server answers with."""
    answer = httpx.get(f"{SERVER}/v1/models/champion", headers={"authorization": f"Bearer {system.key}"}, timeout=30)
    told: dict[str, object] = answer.raise_for_status().json()
    return {name: told[name] for name in ("version", "bundle", "sequence")}


def holdings(system: System) -> dict[str, int]:
    """Return how many rows and objects there are of what counts."""
    bucket = Objects(
        "http://127.0.0.1:9000",
        access_key=(SECRETS / "aisle_objects_access_key").read_text(),
        secret_key=(SECRETS / "aisle_objects_secret_key").read_text(),
    ).bucket
    tables = ("x_train", "x_test", "y_train", "promotions")
    rows = {table: int(system.sql("rakuten_db", f"SELECT count(*) FROM {table}")) for table in tables}
    return rows | {name: len(list(bucket(name).keys())) for name in ("rakuten-image", "aisle", "mlflow")}


def test_everything_becomes_healthy_and_the_check_up_finds_nothing(system: System):
    system.up()
    assert set(system.states()) == SERVICES
    assert "Nothing is in the way." in system.aisle("doctor")


@pytest.mark.usefixtures("catalogue")
def test_a_dag_takes_in_a_fifth_of_a_real_catalogue(system: System, airflow: AirflowApi):
    airflow.wait_for_dag("prepare_data", seconds=120)
    # Fails for good after its retries; who hears of it is asked further down.
    airflow.trigger("download_data", {"folder": "/data/nothing"})
    run = finished(airflow, "prepare_data", {}, seconds=600)
    assert airflow.xcom("prepare_data", run, "load_train_image") == TRAIN
    assert airflow.xcom("prepare_data", run, "load_test_image") == TEST
    held = holdings(system)
    assert (held["x_train"], held["y_train"], held["x_test"]) == (TRAIN, TRAIN, TEST)
    # The same picture is kept once.
    assert 0.9 * (TRAIN + TEST) <= held["rakuten-image"] <= TRAIN + TEST


@pytest.mark.usefixtures("catalogue")
def test_a_dag_trains_and_promotes_and_the_server_answers(system: System, airflow: AirflowApi):
    run = finished(airflow, "train_model", {"force": True}, seconds=900)
    assert airflow.xcom("train_model", run, "promote")["promoted"] is True
    assert airflow.xcom("train_model", run, "predict_test") == 1

    system.key = re.findall(r"aisle_\S+", system.aisle("keys", "create", "me", "--scope", "predict"))[0]
    system.wait(system.ready, "the server has a champion")
    system.wait(lambda: system.ask().status_code == 200, "the server knows the key")
    assert system.ask().json()["model"]["version"] == 1
    assert champion(system)["bundle"] == airflow.xcom("train_model", run, "train")["bundle"]

    address = f"{TRACKING}/api/2.0/mlflow"
    named = httpx.get(f"{address}/registered-models/alias", params={"name": "aisle", "alias": "champion"}, timeout=30)
    version = named.raise_for_status().json()["model_version"]
    assert version["version"] == "1"
    found = httpx.get(f"{address}/runs/get", params={"run_id": version["run_id"]}, timeout=30).raise_for_status()
    assert found.json()["run"]["info"]["status"] == "FINISHED"


@pytest.mark.usefixtures("catalogue")
def test_prometheus_reaches_every_target_and_has_the_servers_and_the_pipelines_series(system: System):
    jobs = {"aisle", "aisle-exporter", "node", "postgres", "pushgateway"}
    system.wait(lambda: {found["job"] for found, value in system.series("up") if value} == jobs, "every target is up")
    targets = httpx.get(f"{PROMETHEUS}/api/v1/targets", timeout=30).json()["data"]["activeTargets"]
    assert {target["labels"]["job"] for target in targets} == jobs
    assert {target["health"] for target in targets} == {"up"}

    def has(query: str, value: float) -> None:
        system.wait(lambda: [number for _, number in system.series(query)] == [value], query)

    has('aisle_load_rows_total{split="train", outcome="loaded"}', TRAIN)
    has('aisle_champion_info{model_version="1"}', 1)
    has('aisle_build_info{model_version="1"}', 1)
    has('sum(aisle_pipeline_steps{step="train"})', 1)
    has("pg_up", 1)
    system.wait(lambda: bool(system.series('http_requests_total{handler="/v1/predictions", status="200"}')), "answers")


def test_a_task_that_fails_for_good_is_heard_by_whom_it_concerns(system: System, airflow: AirflowApi):
    run = airflow.get("/api/v2/dags/download_data/dagRuns")["dag_runs"][0]["dag_run_id"]
    assert airflow.wait("download_data", run, seconds=300) == "failed"
    task = 'dag="download_data", task="download_raw_data"'
    system.wait(lambda: bool(system.series(f"aisle_task_failed_timestamp_seconds{{{task}}}")), "the gateway was told")

    def alerted() -> bool:
        alerts = httpx.get("http://127.0.0.1:9093/api/v2/alerts", timeout=30).raise_for_status().json()
        return any(alert["labels"].get("task") == "download_raw_data" for alert in alerts)

    system.wait(alerted, "Alertmanager has the alert")


@pytest.mark.usefixtures("system")
def test_pgadmin_lists_the_databases_with_nothing_typed():
    password = (SECRETS / "pgadmin_password").read_text()
    with PgAdmin.logged_in(PGADMIN, "admin@example.com", password) as pgadmin:
        (server,) = pgadmin.servers()
        assert pgadmin.databases(server) == {"airflow", "mlflow", "postgres", "rakuten_db"}


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_service_that_is_killed_comes_back_by_itself_and_nobody_notices(system: System, service: str):
    before, held = champion(system), holdings(system)
    with light_load(system) as seen:
        time.sleep(1)
        restarts = system.restarts(service)
        system.kill(service)
        system.wait(lambda: system.restarts(service) > restarts, f"{service} is started again")
        system.wait(system.healthy, f"all is well after {service}", seconds=240)
    if service == "api":
        # Callers of the one that was killed are refused until it is there again, and never told anything wrong.
        assert set(seen) <= {"200", "503", "ConnectError", "ReadError", "RemoteProtocolError"}, seen
        system.wait(system.ready, "the server has its champion")
    else:
        assert set(seen) == {"200"}, seen
    assert seen["200"] >= 5
    assert champion(system) == before
    assert holdings(system) == held


@pytest.mark.usefixtures("catalogue")
def test_a_run_whose_scheduler_is_killed_ends_as_if_it_had_not_been(system: System, airflow: AirflowApi):
    run = airflow.trigger("prepare_data", {"share": 0.3})
    task = "upload_x_train"
    system.wait(lambda: airflow.tasks("prepare_data", run).get(task) == "running", f"{task} runs")
    system.kill("airflow-scheduler")
    assert airflow.wait("prepare_data", run, seconds=400) == "success"
    assert airflow.xcom("prepare_data", run, "load_train_image") == 3 * TRAIN // 2
    held = holdings(system)
    assert (held["x_train"], held["y_train"], held["x_test"]) == (3 * TRAIN // 2, 3 * TRAIN // 2, 3 * TEST // 2)


@pytest.mark.usefixtures("catalogue")
def test_a_dag_looks_at_what_was_answered(system: System, airflow: AirflowApi):
    run = finished(airflow, "monitor", {}, seconds=300)
    assert airflow.xcom("monitor", run, "look")["bundle"] == champion(system)["bundle"]
    system.wait(lambda: any(value > 0 for _, value in system.series("aisle_monitor_window_rows")), "answers were looked at")


@pytest.mark.usefixtures("catalogue")
def test_everything_comes_back_from_a_backup_after_the_volumes_are_gone(system: System, airflow: AirflowApi):
    before, held = champion(system), holdings(system)
    runs = "SELECT count(*) FROM dag_run WHERE state = 'success'"
    kept = [system.sql("mlflow", "SELECT count(*) FROM runs"), system.sql("airflow", runs)]
    assert all(int(count) > 0 for count in kept)
    system.script("backup", "one")

    system.destroy()
    system.script("restore", "one")
    system.up()

    system.wait(system.ready, "the server has its champion")
    system.wait(lambda: system.ask().status_code == 200, "the server knows the key")
    assert champion(system) == before
    assert holdings(system) == held
    assert [system.sql("mlflow", "SELECT count(*) FROM runs"), system.sql("airflow", runs)] == kept
    assert "Nothing is in the way." in system.aisle("doctor")
