"""`make secrets` and `make up` as a person meets them, with an engine that is not there or only plays one."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the scripts need, where they may write."""
    for part in ("scripts", "deploy"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("secrets"))
    return tmp_path


@pytest.fixture
def engine(tmp_path: Path) -> str:
    """A path on which `docker` is a program that writes down what it is asked and knows one published port."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "docker"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$*" >>{tmp_path}/asked\n'
        'case "$*" in\n'
        '  *" config") printf \'    published: "%s"\\n\' "$FAKE_PORT" ;;\n'
        '  *" up "*) exit ${FAKE_UP:-0} ;;\n'
        '  *" ps --all --format "*) printf "%b" "$FAKE_PS" ;;\n'
        '  *" logs "*) echo "the words of $*" ;;\n'
        "esac\n"
    )
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_secrets_are_made_once_closed_to_others_and_all_different(checkout: Path):
    first = run("scripts/secrets.sh", folder=checkout)
    assert first.stdout.startswith("Made in deploy/secrets: ")
    folder = checkout / "deploy" / "secrets"
    assert folder.stat().st_mode & 0o077 == 0
    values = {path.name: path.read_text() for path in folder.iterdir()}
    assert len(set(values.values())) == len(values) == 16
    assert all(len(value) >= 20 for value in values.values())
    assert values["postgres_password"] in values["aisle_database_url"]
    assert values["aisle_objects_secret_key"] in values["objects_config"]

    assert run("scripts/secrets.sh", folder=checkout).stdout.startswith("Every secret is there")
    (folder / "grafana_password").unlink()
    assert run("scripts/secrets.sh", folder=checkout).stdout.strip() == "Made in deploy/secrets: grafana_password"
    assert values["postgres_password"] == (folder / "postgres_password").read_text()


def test_without_an_engine_it_says_so(checkout: Path, tmp_path: Path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "env"):
        (tools / name).symlink_to(str(shutil.which(name)))
    ended = run("scripts/stack.sh", "up", folder=checkout, PATH=str(tools))
    assert ended.returncode == 1
    assert "docker is not installed" in ended.stderr


def test_missing_secrets_are_named_with_the_remedy(checkout: Path, engine: str):
    ended = run("scripts/stack.sh", "up", folder=checkout, PATH=engine)
    assert ended.returncode == 1
    assert "secrets are missing: postgres_password" in ended.stderr
    assert ended.stderr.strip().endswith("Run: make secrets")


def test_a_port_that_is_taken_is_named_before_anything_starts(checkout: Path, engine: str, tmp_path: Path):
    run("scripts/secrets.sh", folder=checkout)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = run("scripts/stack.sh", "up", folder=checkout, PATH=engine, FAKE_PORT=port)
    assert ended.returncode == 1
    assert f"something listens on 127.0.0.1 already, port {port}" in ended.stderr
    assert " up " not in (tmp_path / "asked").read_text()


def test_a_full_disk_is_told_before_anything_starts(checkout: Path, engine: str, tmp_path: Path):
    run("scripts/secrets.sh", folder=checkout)
    ended = run("scripts/stack.sh", "up", folder=checkout, PATH=engine, AISLE_ROOM_GB="1000000")
    assert ended.returncode == 1
    assert "GB are free here" in ended.stderr
    assert " up " not in (tmp_path / "asked").read_text()


def test_up_starts_every_profile_and_waits(checkout: Path, engine: str, tmp_path: Path):
    run("scripts/secrets.sh", folder=checkout)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    ended = run("scripts/stack.sh", "up", folder=checkout, PATH=engine, FAKE_PORT=port)
    assert ended.returncode == 0, ended.stderr
    asked = (tmp_path / "asked").read_text()
    assert "--profile airflow --profile monitoring --profile tools up --detach --wait" in asked
    assert (checkout / "backups").is_dir()


def test_what_is_not_well_is_named_with_its_last_words(checkout: Path, engine: str):
    run("scripts/secrets.sh", folder=checkout)
    seen = (
        "api|running|healthy|0\\nmlflow|running|unhealthy|0\\nmigrate|exited||0\\nbuckets|exited||1\\nexporter|created||0\\n"
    )
    ended = run("scripts/stack.sh", "up", folder=checkout, PATH=engine, FAKE_PORT="1", FAKE_UP="1", FAKE_PS=seen)
    assert ended.returncode == 1
    told = [line.partition(" said last:")[0] for line in ended.stderr.splitlines() if " said last:" in line]
    assert told == ["buckets", "mlflow"]
    assert "--tail 10 mlflow" in ended.stderr
    assert ended.stderr.strip().endswith("not everything became healthy. `make logs` shows more.")


def test_a_backup_that_is_not_there_is_refused(checkout: Path, engine: str):
    run("scripts/secrets.sh", folder=checkout)
    (checkout / "backups" / "monday").mkdir(parents=True)
    ended = run("scripts/stack.sh", "restore", "tuesday", folder=checkout, PATH=engine)
    assert ended.returncode == 1
    assert "there is no backup" in ended.stderr
    assert "monday" in ended.stderr


def test_a_wrong_word_lists_the_right_ones(checkout: Path):
    assert "one of up, down" in run("scripts/stack.sh", "sideways", folder=checkout).stderr
