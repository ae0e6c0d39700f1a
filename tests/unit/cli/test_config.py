"""`aisle config`: every setting, where it came from, and no secret."""

from pathlib import Path

import pytest

from aisle.settings import CONCERNS, variable
from tests.command_line import CommandLine


def _row(out: str, name: str) -> list[str]:
    for line in out.splitlines():
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        if cells[0] == name:
            return cells
    raise AssertionError(f"{name} is not shown")


def test_every_setting_is_shown_with_its_origin_and_meaning(
    aisle: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "aisle.toml").write_text("log_level = 'debug'\n[serving]\nport = 9000\n")
    (tmp_path / ".env").write_text("AISLE_SERVING_PORT=9001\nAISLE_TRAINING_SEED=7\n")
    monkeypatch.setenv("AISLE_TRAINING_SEED", "8")
    out = aisle.ok("config", "show").out
    for concern in CONCERNS:
        for field in concern.model_fields:
            name, _, origin, meaning = _row(out, variable(concern, field))
            assert (name, bool(origin), bool(meaning)) == (variable(concern, field), True, True)
    assert _row(out, "AISLE_LOG_LEVEL")[1:3] == ["debug", "aisle.toml"]
    assert _row(out, "AISLE_SERVING_PORT")[1:3] == ["9001", ".env"]
    assert _row(out, "AISLE_TRAINING_SEED")[1:3] == ["8", "environment"]
    assert _row(out, "AISLE_SERVING_HOST")[1:3] == ["127.0.0.1", "default"]


def test_secrets_are_masked_wherever_they_stand(aisle: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "aisle_objects_secret_key").write_text("hunter-one\n")
    monkeypatch.setenv("AISLE_SECRETS_DIR", str(secrets))
    monkeypatch.setenv("AISLE_DATABASE_URL", "postgresql://me:hunter-two@db.example/shop")
    monkeypatch.setenv("AISLE_TRACKING_URL", "http://me:hunter-three@mlflow.example:5000")
    (tmp_path / ".env").write_text("AISLE_CATALOG_SESSIONID=hunter-four\n")
    ended = aisle.ok("config", "show")
    assert "hunter" not in ended.out + ended.err
    assert _row(ended.out, "AISLE_OBJECTS_SECRET_KEY")[1] == "****"
    assert _row(ended.out, "AISLE_OBJECTS_SECRET_KEY")[2].startswith("secret file in")
    assert _row(ended.out, "AISLE_DATABASE_URL")[1] == "postgresql://me:****@db.example/shop"
    assert _row(ended.out, "AISLE_TRACKING_URL")[1] == "http://me:****@mlflow.example:5000"
    assert _row(ended.out, "AISLE_CATALOG_SESSIONID")[1] == "****"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AISLE_SERVING_PORT", "http", "AISLE_SERVING_PORT (from environment) is not usable"),
        ("AISLE_TRAINING_GOLD_SHARE", "0.9", "AISLE_TRAINING_GOLD_SHARE (from environment) is not usable"),
        ("AISLE_PORT", "1", "Did you mean AISLE_"),
    ],
)
def test_a_malformed_or_unknown_setting_is_refused(
    aisle: CommandLine, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
):
    monkeypatch.setenv(name, value)
    assert said in aisle.refused("config", "show")


def test_looking_at_settings_makes_nothing(aisle: CommandLine, tmp_path: Path):
    aisle.ok("config", "show")
    assert list(tmp_path.iterdir()) == []
