import logging
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server

import pytest

from aisle.errors import TrackingError
from aisle.registry.mlflow.session import Session
from aisle.settings import Tracking as Settings


@pytest.fixture(scope="module")
def embedded_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An embedded MLflow for several tests: making its tables takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def session(embedded_url: str) -> Session:
    return Session(Settings(url=embedded_url))


class _Refusing(BaseHTTPRequestHandler):
    """An MLflow server that is well and knows nobody."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 403)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"error_code": "PERMISSION_DENIED", "message": "Who are you?"}')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def refusing_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_nothing_imports_mlflow_before_it_is_used() -> None:
    program = (
        "import sys, aisle.registry.gate, aisle.registry.ledger, aisle.registry.bundles, aisle.registry.mlflow;"
        "assert 'mlflow' not in sys.modules, 'imported';"
        "import os; assert not any(name.startswith('MLFLOW_') for name in os.environ)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env={"PATH": os.environ["PATH"]})


@pytest.mark.parametrize("url", ["file:///mlruns", "databricks", "postgresql://me:hunter2@db/mlflow", "mlruns"])
def test_an_address_of_another_kind_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(TrackingError, match="neither an SQLite file nor an MLflow server") as caught:
        Session(Settings(url=url))
    assert "hunter2" not in str(caught.value)


def test_a_closed_port_is_named_at_once_and_without_the_password() -> None:
    with create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    session = Session(Settings(url=f"http://me:hunter2@127.0.0.1:{port}"))
    started = time.monotonic()
    with (
        pytest.raises(TrackingError, match=rf"server http://\*\*\*\*@127.0.0.1:{port} cannot be reached") as caught,
        session.client("do anything"),
    ):
        pytest.fail("there is no client")
    assert time.monotonic() - started < 5
    assert "hunter2" not in str(caught.value)
    assert "that the server runs" in caught.value.hint


def test_a_server_that_never_answers_is_given_up_after_the_time_limit() -> None:
    with create_server(("127.0.0.1", 0)) as server:
        session = Session(Settings(url=f"http://127.0.0.1:{server.getsockname()[1]}", timeout_s=0.5))
        started = time.monotonic()
        with pytest.raises(TrackingError, match="timed out"), session.client("do anything"):
            pytest.fail("there is no client")
    assert time.monotonic() - started < 5


def test_what_mlflow_refuses_is_told_in_a_sentence(refusing_url: str) -> None:
    session = Session(Settings(url=refusing_url))
    with (
        pytest.raises(TrackingError, match=r"did not list experiments: .*Who are you\?"),
        session.client("list experiments") as client,
    ):
        client.get_experiment_by_name("aisle")


def test_a_server_that_vanishes_is_given_up_in_seconds_quietly_and_without_the_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        session = Session(Settings(url=f"http://me:hunter2@127.0.0.1:{server.server_port}"))
        with session.client("connect"):
            server.shutdown()
        thread.join()
    started = time.monotonic()
    with (
        pytest.raises(TrackingError, match=r"did not list experiments: .*refused") as caught,
        session.client("list experiments") as client,
    ):
        client.get_experiment_by_name("aisle")
    assert time.monotonic() - started < 15
    assert "hunter2" not in str(caught.value)
    assert caplog.text == ""


def test_a_file_that_is_no_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"no database at all, but long enough to look at" * 100)
    with (
        pytest.raises(TrackingError, match="did not list experiments"),
        Session(Settings(url=f"sqlite:///{path}")).client("list experiments") as client,
    ):
        client.get_experiment_by_name("aisle")


def test_the_store_is_made_on_first_use_in_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "home" / "mlflow.db"
    session = Session(Settings(url=f"sqlite:///{path}"))
    assert not path.parent.exists()
    with session.client("list experiments") as client:
        assert client.get_experiment_by_name("aisle") is None
    assert path.is_file()


def test_environment_loggers_and_warnings_are_put_back(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    logging.getLogger("mlflow").setLevel(logging.INFO)
    before = dict(os.environ), warnings.filters[:]
    with session.client("look around"):
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "30"
        assert os.environ["DO_NOT_TRACK"] == "true"
        assert logging.getLogger("mlflow").level == logging.CRITICAL
    assert (dict(os.environ), warnings.filters) == before
    with pytest.raises(KeyError), session.client("fail"):
        raise KeyError
    assert (dict(os.environ), warnings.filters) == before
    assert logging.getLogger("mlflow").level == logging.INFO


def test_mlflow_is_not_left_pointing_anywhere(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with session.client("make an experiment") as client:
        client.create_experiment("aisle", artifact_location=(tmp_path / "artifacts").as_uri())
    assert not session.mlflow.is_tracking_uri_set()
    assert list(Path.cwd().iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_threads_take_turns_and_none_sees_anothers_environment(embedded_url: str) -> None:
    sessions = [Session(Settings(url=embedded_url, timeout_s=seconds)) for seconds in (11, 22)]
    seen: list[bool] = []

    def use(session: Session, seconds: str) -> None:
        for _ in range(5):
            with session.client("look around"):
                time.sleep(0.001)
                seen.append(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == seconds)

    threads = [threading.Thread(target=use, args=pair) for pair in zip(sessions, ("11", "22"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 10
    assert "MLFLOW_HTTP_REQUEST_TIMEOUT" not in os.environ
