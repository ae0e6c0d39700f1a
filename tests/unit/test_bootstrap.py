"""Bootstrap: settings become live objects when they are asked for, and not before."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aisle import bootstrap
from aisle.bootstrap import Application, git_commit, open_application, serving_parts
from aisle.configuration import load_settings
from aisle.errors import DatabaseError, RegistryError, SettingsError
from aisle.pipeline.context import silent
from aisle.serving.ledger_source import LedgerSource
from aisle.settings import Serving
from aisle.storage.database import Database
from tests.command_line import logging_as_it_was
from tests.trained import copy_of_trained_home, opened, trained_home


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    with logging_as_it_was():
        yield


def test_opening_makes_nothing_until_something_is_asked_for(workspace: Path):
    with open_application() as application:
        assert application.settings.workspace.home == workspace
        assert application.telemetry is application.telemetry
        assert list(workspace.iterdir()) == []
        assert (application.images.name, application.artifacts.name) == ("rakuten-image", "aisle")
        assert not (workspace / "aisle.db").exists()
        assert application.ledger.history() == []
        assert (workspace / "aisle.db").is_file()


def test_settings_come_from_the_folder_that_is_named(tmp_path: Path):
    (tmp_path / "aisle.toml").write_text("log_level = 'error'\n[database]\npool_size = 7\nconnect_timeout_s = 1.5\n")
    with open_application(tmp_path) as application:
        assert application.settings.workspace.home == tmp_path / ".aisle"
        assert application.settings.database.pool_size == 7
    (tmp_path / "aisle.toml").write_text("[database]\npol_size = 7\n")
    with pytest.raises(SettingsError, match="AISLE_DATABASE_POL_SIZE"):
        open_application(tmp_path)


def test_an_embedded_database_follows_the_program(workspace: Path):
    with open_application() as application:
        application.database.check()
        assert application.database is application.unchecked_database
        with pytest.raises(DatabaseError, match="at nothing"):
            Database(f"sqlite:///{workspace}/other.db").check()


@pytest.mark.servers
def test_a_servers_database_is_checked_and_never_migrated_by_the_way(tmp_path: Path, postgres_url: str):
    with opened(tmp_path / "home", AISLE_DATABASE_URL=postgres_url) as application:
        with pytest.raises(DatabaseError, match="at nothing") as caught:
            _ = application.database
        assert "aisle database migrate" in caught.value.hint
        application.unchecked_database.migrate()
        assert application.ledger.history() == []


def test_after_closing_it_can_be_closed_again_and_used_again(workspace: Path):
    application = open_application()
    application.close()
    assert application.ledger.champion() is None
    application.close()
    application.close()
    assert application.ledger.champion() is None
    application.close()


def test_the_steps_get_the_same_live_objects(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "git_commit", lambda: "c" * 40)
    with open_application() as application:
        context = application.context()
        assert context.database is application.database
        assert (context.images, context.artifacts) == (application.images, application.artifacts)
        assert (context.commit, context.report, context.settings) == ("c" * 40, silent, application.settings)
        told: list[str] = []
        application.context(lambda what, _done, _total: told.append(what)).report("reading", 1, 2)
        assert told == ["reading"]


def test_a_version_is_found_by_its_number_and_the_champion_without(tmp_path: Path):
    with opened(trained_home()) as application:
        first, second = application.ledger.models()
        assert application.bundle_digest(None) == application.bundle_digest(1) == first.bundle
        assert application.bundle_digest(2) == second.bundle
        with pytest.raises(RegistryError, match="no version 9"):
            application.bundle_digest(9)
    with opened(tmp_path / "home") as application, pytest.raises(RegistryError, match="no champion yet") as caught:
        application.bundle_digest(None)
    assert "aisle pipeline run" in caught.value.hint


def test_a_server_is_made_from_the_settings_of_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    copy_of_trained_home(tmp_path / ".aisle")
    (tmp_path / "aisle.toml").write_text("[serving]\nport = 0\n")
    options, champions, telemetry, records = serving_parts()
    assert options.port == 0
    assert isinstance(champions, LedgerSource)
    ref = champions.current()
    assert ref is not None
    assert ref.version == 1
    assert b"aisle_" in telemetry.exposition()
    assert records.keys.live() == []
    assert [model.version for model in records.ledger.models()] == [1, 2]


def test_the_object_store_gets_its_keys(tmp_path: Path):
    variables = {
        "AISLE_OBJECTS_URL": "http://127.0.0.1:9000",
        "AISLE_OBJECTS_ACCESS_KEY": "me",
        "AISLE_OBJECTS_SECRET_KEY": "hunter2",
    }
    application = Application(load_settings(variables, folder=tmp_path))
    assert application.objects.bucket("mine").name == "mine"
    assert "hunter2" not in repr(application.settings)


class TestCommit:
    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Path:
        """A repository with one committed file."""
        if shutil.which("git") is None:
            pytest.skip("git is not installed")
        (tmp_path / "program.py").write_text("pass\n")
        for command in (
            ("init", "-q"),
            ("add", "program.py"),
            ("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "first"),
        ):
            subprocess.run(["git", *command], cwd=tmp_path, check=True)
        return tmp_path

    def test_is_the_one_that_the_program_was_checked_out_at(self, checkout: Path):
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True)
        assert git_commit(checkout / "program.py") == head.stdout.strip()

    def test_is_not_that_of_a_repository_in_which_the_program_is_installed(self, checkout: Path):
        installed = checkout / ".venv" / "lib"
        installed.mkdir(parents=True)
        (installed / "program.py").write_text("pass\n")
        assert git_commit(installed / "program.py") == "unknown"

    def test_is_unknown_without_a_repository_or_without_git(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        assert git_commit(tmp_path / "program.py") == "unknown"
        monkeypatch.setenv("PATH", str(tmp_path))
        assert git_commit() == "unknown"


def test_a_server_is_not_made_for_a_version_that_is_not_registered(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    with open_application() as application:
        application.ledger.add_model(4, "b" * 64, "s", "r", {})
        application.require_versions(Serving(pin=4))
        with pytest.raises(SettingsError, match=r"no version 5 to serve .*; there are 4"):
            application.require_versions(Serving(pin=5))
    monkeypatch.setenv("AISLE_SERVING_PIN", "5")
    with pytest.raises(SettingsError, match="AISLE_SERVING_PIN"):
        serving_parts()
