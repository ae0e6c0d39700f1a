"""Reading settings: who wins, what is refused, what is shown, and that nothing happens besides."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from aisle.configuration import load_settings, shown_value
from aisle.errors import SettingsError
from aisle.settings import CONCERNS, Settings, variable

PORT = "AISLE_SERVING_PORT"


def write(
    folder: Path, *, toml: str | None = None, dotenv: str | None = None, secrets: dict[str, str] | None = None
) -> None:
    if toml is not None:
        (folder / "aisle.toml").write_text(toml, encoding="utf-8")
    if dotenv is not None:
        (folder / ".env").write_text(dotenv, encoding="utf-8")
    for name, value in (secrets or {}).items():
        (folder / "secrets").mkdir(exist_ok=True)
        (folder / "secrets" / name).write_text(value, encoding="utf-8")


def refused(folder: Path, **environ: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ, folder=folder)
    return caught.value


class TestPrecedence:
    """Environment, `.env`, secret files, `aisle.toml`, default: every pair of neighbours, by taking the winner away."""

    @pytest.mark.parametrize(
        ("without", "port", "origin"),
        [
            (0, 1, "environment"),
            (1, 2, ".env"),
            (2, 3, "secret file in"),
            (3, 4, "aisle.toml"),
            (4, 8000, "default"),
        ],
    )
    def test_the_highest_that_is_there_wins(self, tmp_path: Path, without: int, port: int, origin: str):
        (tmp_path / "secrets").mkdir()
        write(
            tmp_path,
            dotenv=f"{PORT}=2\n" if without < 2 else None,
            secrets={"aisle_serving_port": "3\n"} if without < 3 else None,
            toml="[serving]\nport = 4\n" if without < 4 else None,
        )
        environ = {"AISLE_SECRETS_DIR": "secrets"} | ({PORT: "1"} if without < 1 else {})
        settings = load_settings(environ, folder=tmp_path)
        assert settings.serving.port == port
        assert settings.origins[PORT].startswith(origin)

    def test_sources_are_merged_field_by_field(self, tmp_path: Path):
        write(
            tmp_path, dotenv="AISLE_SERVING_THREADS=3\n", toml="log_level = 'debug'\n[serving]\nmax_products = 7\nport = 1\n"
        )
        settings = load_settings({PORT: "2"}, folder=tmp_path)
        serving = settings.serving
        assert (serving.port, serving.threads, serving.max_products, settings.workspace.log_level) == (2, 3, 7, "debug")

    def test_every_setting_has_an_origin(self, tmp_path: Path):
        origins = load_settings({}, folder=tmp_path).origins
        assert origins == {variable(concern, field): "default" for concern in CONCERNS for field in concern.model_fields}

    def test_an_empty_value_counts_as_not_set(self, tmp_path: Path):
        write(tmp_path, dotenv="AISLE_SERVING_PORT=\nAISLE_OBJECTS_ACCESS_KEY\n", toml="[serving]\nport = 4\n")
        settings = load_settings({PORT: "", "AISLE_OBJECTS_SECRET_KEY": ""}, folder=tmp_path)
        assert (settings.serving.port, settings.objects.access_key, settings.objects.secret_key) == (4, None, None)

    def test_a_variable_in_dotenv_is_no_variable_of_the_process(self, tmp_path: Path):
        write(tmp_path, dotenv=f"{PORT}=2\n")
        load_settings({}, folder=tmp_path)
        assert PORT not in os.environ

    def test_names_of_others_are_none_of_our_business(self, tmp_path: Path):
        write(tmp_path, dotenv="PATH=/nowhere\nCOMPOSE_PROJECT_NAME=shop\n", secrets={"postgres_password": "x"})
        settings = load_settings({"PATH": "/bin", "HOME": "/", "AISLE_SECRETS_DIR": "secrets"}, folder=tmp_path)
        assert set(settings.origins.values()) == {"default"}


class TestFiles:
    def test_another_toml_file_may_be_named(self, tmp_path: Path):
        write(tmp_path, toml="[serving]\nport = 4\n")
        (tmp_path / "other.toml").write_text("[serving]\nport = 5\n")
        settings = load_settings({"AISLE_CONFIG": str(tmp_path / "other.toml")}, folder=tmp_path)
        assert settings.serving.port == 5
        assert settings.origins[PORT] == "other.toml"

    def test_dotenv_may_name_the_other_files(self, tmp_path: Path):
        write(tmp_path, dotenv="AISLE_SECRETS_DIR=secrets\nAISLE_CONFIG=other.toml\n", secrets={"aisle_serving_port": "3"})
        (tmp_path / "other.toml").write_text("[serving]\nthreads = 5\n")
        serving = load_settings({}, folder=tmp_path).serving
        assert (serving.port, serving.threads) == (3, 5)

    @pytest.mark.parametrize(("name", "kind"), [("AISLE_CONFIG", "file"), ("AISLE_SECRETS_DIR", "folder")])
    def test_one_that_is_named_and_not_there_is_refused(self, tmp_path: Path, name: str, kind: str):
        error = refused(tmp_path, **{name: "nowhere"})
        assert f"{name} names {tmp_path / 'nowhere'}, which is no {kind}" in error.message

    def test_broken_toml_is_refused_with_its_line(self, tmp_path: Path):
        write(tmp_path, toml="[serving]\nport = \n")
        assert "aisle.toml is not TOML" in refused(tmp_path).message
        assert "line 2" in refused(tmp_path).message

    @pytest.mark.parametrize("name", ["aisle.toml", ".env"])
    def test_a_file_that_is_not_utf_8_is_refused(self, tmp_path: Path, name: str):
        (tmp_path / name).write_bytes(b"AISLE_HOME='\xe9'\n")
        assert f"{tmp_path / name} cannot be read" in refused(tmp_path).message

    def test_values_in_dotenv_are_taken_as_they_stand(self, tmp_path: Path):
        write(tmp_path, dotenv="AISLE_OBJECTS_SECRET_KEY='pa$$${HOME}word'\nAISLE_OBJECTS_ACCESS_KEY=\"a b\"  # comment\n")
        objects = load_settings({}, folder=tmp_path).objects
        assert objects.secret_key == SecretStr("pa$$${HOME}word")
        assert objects.access_key == "a b"

    def test_a_secret_files_last_newline_does_not_count(self, tmp_path: Path):
        write(tmp_path, secrets={"aisle_objects_secret_key": "hunter2\r\n"})
        settings = load_settings({"AISLE_SECRETS_DIR": "secrets"}, folder=tmp_path)
        assert settings.objects.secret_key == SecretStr("hunter2")


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "nearest"),
        [
            ("AISLE_SERVING_PROT", "AISLE_SERVING_PORT"),
            ("AISLE_DATABSE_URL", "AISLE_DATABASE_URL"),
            ("AISLE_DB_URL", "AISLE_DATABASE_URL"),
            ("AISLE_LOGLEVEL", "AISLE_LOG_LEVEL"),
            ("AISLE_OBJECTS_SECRETKEY", "AISLE_OBJECTS_SECRET_KEY"),
        ],
    )
    def test_an_unknown_name_is_answered_with_the_nearest(self, tmp_path: Path, name: str, nearest: str):
        error = refused(tmp_path, **{name: "hunter2"})
        assert error.message == f"{name} (from environment) is no setting of aisle."
        assert f"Did you mean {nearest}?" in error.hint
        assert "hunter2" not in str(error)

    @pytest.mark.parametrize(
        ("files", "environ", "name", "origin"),
        [
            ({"dotenv": "AISLE_SERVING_PROT=1\n"}, {}, "AISLE_SERVING_PROT", ".env"),
            ({"toml": "[serving]\nprot = 1\n"}, {}, "AISLE_SERVING_PROT", "aisle.toml"),
            ({"toml": "[servng]\nport = 1\n"}, {}, "AISLE_SERVNG_PORT", "aisle.toml"),
            ({"toml": "prot = 1\n"}, {}, "AISLE_PROT", "aisle.toml"),
            ({"toml": "[serving.port]\nvalue = 1\n[serving.x]\n"}, {}, "AISLE_SERVING_X", "aisle.toml"),
            (
                {"secrets": {"aisle_serving_prot": "1"}},
                {"AISLE_SECRETS_DIR": "secrets"},
                "AISLE_SERVING_PROT",
                "secret file",
            ),
        ],
    )
    def test_every_source_is_checked_for_names(
        self, tmp_path: Path, files: dict[str, str], environ: dict[str, str], name: str, origin: str
    ):
        write(tmp_path, **files)
        assert f"{name} (from {origin}" in refused(tmp_path, **environ).message

    def test_an_unknown_name_is_refused_also_where_a_higher_source_is_right(self, tmp_path: Path):
        write(tmp_path, toml="[serving]\nprot = 1\n")
        assert "AISLE_SERVING_PROT" in refused(tmp_path, **{PORT: "1"}).message

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("AISLE_SERVING_PORT", "eighty"),
            ("AISLE_SERVING_PORT", "70000"),
            ("AISLE_LOG_LEVEL", "loud"),
            ("AISLE_TRAINING_GOLD_SHARE", "0.9"),
            ("AISLE_DATABASE_CONNECT_TIMEOUT_S", "-1"),
        ],
    )
    def test_a_malformed_value_is_refused_with_its_meaning(self, tmp_path: Path, name: str, value: str):
        error = refused(tmp_path, **{name: value})
        assert error.message.startswith(f"{name} (from environment) is not usable: ")
        description = next(
            concern.model_fields[field].description
            for concern in CONCERNS
            for field in concern.model_fields
            if variable(concern, field) == name
        )
        assert error.hint == f"It means: {description}"

    @pytest.mark.parametrize(
        "toml", ["home = 5\n", "[database]\nurl = 5\n", "[serving]\nport = [1]\n", "[objects.url]\nx = 1\n"]
    )
    def test_a_value_of_another_type_is_refused(self, tmp_path: Path, toml: str):
        write(tmp_path, toml=toml)
        assert "(from aisle.toml) is not usable" in refused(tmp_path).message

    def test_a_secret_of_another_type_is_not_shown(self, tmp_path: Path):
        write(tmp_path, toml="[objects]\nsecret_key = 8675309\n")
        assert "8675309" not in str(refused(tmp_path))


class TestEmbedded:
    def test_everything_lies_under_the_home_by_default(self, tmp_path: Path):
        settings = load_settings({}, folder=tmp_path)
        home = tmp_path / ".aisle"
        assert settings.workspace.home == home
        assert settings.database.url.get_secret_value() == f"sqlite:///{home}/aisle.db"
        assert settings.objects.url == f"file://{home}/objects"
        assert settings.tracking.url == f"sqlite:///{home}/mlflow.db"
        assert settings.tracking.artifact_root == f"file://{home}/mlflow-artifacts"

    @pytest.mark.parametrize("given", ["data", "./data", "sub/../data"])
    def test_a_relative_home_is_relative_to_the_folder(self, tmp_path: Path, given: str):
        home = load_settings({"AISLE_HOME": given}, folder=tmp_path).workspace.home
        assert home.is_absolute()
        assert home.resolve() == (tmp_path / "data").resolve()

    def test_a_home_may_have_any_name(self, tmp_path: Path):
        settings = load_settings({"AISLE_HOME": str(tmp_path / "50% off? #é")}, folder=tmp_path)
        assert settings.database.url.get_secret_value().endswith("/50%25%20off%3F%20%23%C3%A9/aisle.db")
        assert settings.objects.url.endswith("/50%25%20off%3F%20%23%C3%A9/objects")

    def test_a_tilde_is_the_users_home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        assert load_settings({"AISLE_HOME": "~/data"}, folder=Path("/nowhere")).workspace.home == tmp_path / "data"

    def test_addresses_that_are_given_stay(self, tmp_path: Path):
        environ = {
            "AISLE_DATABASE_URL": "postgresql://me:x@h/d",
            "AISLE_TRACKING_URL": "http://h:5000",
            "AISLE_HOME": "data",
        }
        settings = load_settings(environ, folder=tmp_path)
        assert settings.database.url.get_secret_value() == "postgresql://me:x@h/d"
        assert settings.tracking.url == "http://h:5000"
        assert settings.tracking.artifact_root is None
        assert settings.objects.url == f"file://{tmp_path}/data/objects"

    def test_reading_makes_nothing(self, tmp_path: Path):
        load_settings({}, folder=tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_the_process_is_read_where_nothing_is_given(self, workspace: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv(PORT, "1234")
        settings = load_settings()
        assert isinstance(settings, Settings)
        assert (settings.serving.port, settings.workspace.home) == (1234, workspace)


class TestShown:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            (None, ""),
            (5, "5"),
            ("text", "text"),
            (Path("/x"), "/x"),
            (SecretStr("hunter2"), "****"),
            (SecretStr(""), "****"),
            (SecretStr("sqlite:////x/aisle.db"), "sqlite:////x/aisle.db"),
            (SecretStr("postgresql://me@host/x"), "postgresql://me:****@host/x"),
            (SecretStr("postgresql://me:hunter2@host/x"), "postgresql://me:****@host/x"),
            (SecretStr("postgresql://me:hun@ter2@host/x"), "postgresql://me:****@host/x"),
            (SecretStr("postgresql://h/x?user=me&password=hunter2&a=b"), "postgresql://h/x?user=me&password=****&a=b"),
            ("http://me:hunter2@mlflow:5000", "http://me:****@mlflow:5000"),
            ("http://mlflow:5000", "http://mlflow:5000"),
        ],
    )
    def test_what_is_secret_is_masked(self, value: object, shown: str):
        assert shown_value(value) == shown

    @given(
        user=st.text("abc", min_size=1),
        password=st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=1).map("§".__add__),
    )
    def test_no_password_gets_through(self, user: str, password: str):
        assert password not in shown_value(SecretStr(f"postgresql://{user}:{password}@host/x"))
        assert password not in shown_value(f"http://{user}:{password}@host/x")


def test_the_usual_name_of_a_collector_is_taken_where_ours_is_not_set(tmp_path: Path):
    usual = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    settings = load_settings(usual, folder=tmp_path)
    assert settings.serving.traces_endpoint == "http://collector:4318"
    assert settings.origins["AISLE_SERVING_TRACES_ENDPOINT"] == "environment (OTEL_EXPORTER_OTLP_ENDPOINT)"
    ours = load_settings({**usual, "AISLE_SERVING_TRACES_ENDPOINT": "http://ours:4318"}, folder=tmp_path)
    assert ours.serving.traces_endpoint == "http://ours:4318"
    assert load_settings({}, folder=tmp_path).serving.traces_endpoint == ""
