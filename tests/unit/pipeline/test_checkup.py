"""The check-up: each thing that can be wrong is found and given a remedy, and the others are looked at all the same."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from aisle.bootstrap import Application
from aisle.configuration import load_settings
from aisle.pipeline import checkup
from aisle.pipeline.checkup import Finding, examine
from aisle.storage.database import Database
from tests.trained import opened


def look(application: Application) -> dict[str, Finding]:
    found = examine(application.settings, application.unchecked_database, application.objects)
    return {finding.name: finding for finding in found}


class Answering(BaseHTTPRequestHandler):
    """Answers every GET with the status that its path ends on, or 200."""

    def do_GET(self) -> None:
        status = self.path.split("/")[1]
        self.send_response(int(status) if status.isdecimal() else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def answering():
    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_trained_home_is_well(application: Application, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checkup, "_memory", lambda: Finding("memory", "ok", "enough"))
    found = look(application)
    assert {name: finding.detail for name, finding in found.items() if finding.state == "failed"} == {}
    assert list(found)[:3] == ["secrets", "database", "schema"]
    assert found["champion"].detail.startswith("version 1 since ")
    assert found["mlflow"].detail == "in a file"
    assert found["database"].detail.startswith("SQLite ")


def test_a_new_home_lacks_a_champion_and_says_how_to_get_one(tmp_path: Path):
    with opened(tmp_path / "home") as application:
        champion = look(application)["champion"]
    assert champion.state == "warning"
    assert "aisle pipeline run" in champion.remedy


def test_words_that_everybody_tries_are_no_secrets(tmp_path: Path):
    given = {
        "AISLE_DATABASE_URL": "postgresql://aisle:ChangeMe@127.0.0.1:1/rakuten_db",
        "AISLE_OBJECTS_URL": "http://127.0.0.1:1",
        "AISLE_OBJECTS_ACCESS_KEY": "minioadmin",
        "AISLE_OBJECTS_SECRET_KEY": "a-good-long-one",
        "AISLE_OBJECTS_TIMEOUT_S": "0.2",
        "AISLE_TRACKING_URL": "http://127.0.0.1:1",
    }
    with opened(tmp_path / "home", **given) as application:
        found = look(application)
    secrets = found["secrets"]
    assert secrets.state == "failed"
    assert secrets.detail.startswith("AISLE_DATABASE_URL and AISLE_OBJECTS_ACCESS_KEY: ")
    assert "ChangeMe" not in str(found)
    # Nothing answers, and each says so for itself.
    gone = {name for name, finding in found.items() if finding.state == "failed"}
    assert gone >= {"secrets", "database", "schema", "bucket rakuten-image", "bucket aisle", "mlflow", "champion"}
    assert all(finding.remedy for finding in found.values() if finding.state == "failed")


@pytest.mark.parametrize(("path", "said"), [("403", "refuses this host name"), ("500", "answers 500")])
def test_an_mlflow_that_does_not_let_us_in_is_told_apart(tmp_path: Path, answering: int, path: str, said: str):
    with opened(tmp_path / "home", AISLE_TRACKING_URL=f"http://127.0.0.1:{answering}/{path}") as application:
        mlflow = look(application)["mlflow"]
    assert mlflow.state == "failed"
    assert said in mlflow.detail


def test_a_port_is_free_ours_or_taken_by_somebody_else(tmp_path: Path, answering: int):
    with opened(tmp_path / "home", AISLE_SERVING_PORT=str(answering)) as application:
        assert look(application)["port"].detail == f"a server answers at 127.0.0.1:{answering}"
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        port = mute.getsockname()[1]
        mute.listen()
        mute.settimeout(0)
        with opened(tmp_path / "home", AISLE_SERVING_PORT=str(port)) as application:
            checkup._TIMEOUT_S, before = 0.2, checkup._TIMEOUT_S
            try:
                taken = look(application)["port"]
            finally:
                checkup._TIMEOUT_S = before
    assert taken.state == "warning"
    assert "cannot be listened on" in taken.detail


def test_a_full_disk_is_a_failure_and_a_nearly_full_one_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for free, state in ((0.1, "failed"), (1.0, "warning"), (5.0, "ok")):
        monkeypatch.setattr(checkup.shutil, "disk_usage", lambda _place, free=free: type("Usage", (), {"free": free * 1e9}))
        assert checkup._disk(tmp_path / "not" / "there").state == state


@pytest.mark.servers
def test_a_server_that_was_never_migrated_and_one_that_is_too_old(postgres_url: str, monkeypatch: pytest.MonkeyPatch):
    database = Database(postgres_url)
    settings = load_settings({"AISLE_DATABASE_URL": postgres_url})
    with Application(settings) as application:
        found = look(application)
        assert found["database"].state == "ok"
        assert (found["schema"].state, found["champion"].state) == ("failed", "failed")
        assert found["schema"].remedy == "Run `aisle database migrate`."
        database.migrate()
        assert look(application)["schema"].state == "ok"
        monkeypatch.setattr(Database, "server_version", lambda _self: "13.4")
        old = look(application)["database"]
    assert old.state == "failed"
    assert "PostgreSQL 13.4, and 14 is the oldest" in old.detail
    database.close()
