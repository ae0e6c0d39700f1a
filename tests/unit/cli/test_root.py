"""What holds of every command: help, usage errors, and errors as sentences on standard error."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from aisle import __version__
from aisle.cli import app, main
from aisle.errors import AisleError
from tests.command_line import CommandLine


def _commands() -> dict[tuple[str, ...], set[str]]:
    """Return every command by its words, with the options that it has."""
    found: dict[tuple[str, ...], set[str]] = {}

    def visit(command: object, words: tuple[str, ...]) -> None:
        options = {name for option in command.params for name in option.opts if name.startswith("--")}  # type: ignore[attr-defined]
        found[words] = options
        for name, below in getattr(command, "commands", {}).items():
            visit(below, (*words, name))

    visit(typer.main.get_command(app), ())
    return found


COMMANDS = _commands()


def test_the_commands_are_those_that_people_were_told_of():
    assert {" ".join(words) for words in COMMANDS} == {
        "",
        "demo",
        "backup",
        "restore",
        "doctor",
        "review",
        *(f"review {name}" for name in ("fill", "list", "next", "decide", "skip", "undo", "stats", "retrain")),
        "trace",
        "train",
        "train audit",
        "predict",
        "serve",
        "catalog",
        *(
            f"catalog {name}"
            for name in ("download", "unpack", "sample", "ingest", "loads", "rejects", "snapshot", "snapshots", "stats")
        ),
        "pipeline",
        *(f"pipeline {name}" for name in ("run", "step", "plan", "failed")),
        "models",
        *(f"models {name}" for name in ("list", "show", "compare", "promote", "rollback", "history")),
        *(f"models {name}" for name in ("export", "verify", "checkpoint", "reconcile")),
        "keys",
        *(f"keys {name}" for name in ("create", "list", "rotate", "revoke")),
        "predictions",
        "predictions prune",
        "monitor",
        *(
            f"monitor {name}"
            for name in ("catalogue", "demo", "explain", "export", "policy", "report", "requests", "run", "runs")
        ),
        "config",
        "config show",
        "database",
        *(f"database {name}" for name in ("migrate", "check", "revert")),
        "objects",
        "objects create",
    }


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_helps_and_names_its_options(aisle: CommandLine, words: tuple[str, ...], flag: str):
    text = aisle.ok(*words, flag).out
    assert f"Usage: aisle {' '.join(words)}".strip() in text
    for option in COMMANDS[words]:
        assert option in text
    # Every option and argument says what it is for.
    assert len(text.split()) > 10


def test_it_tells_its_version_and_without_arguments_what_it_can(aisle: CommandLine):
    assert aisle.ok("--version").out == f"aisle {__version__}\n"
    for words in ((), ("catalog",), ("models",)):
        ended = aisle(*words)
        assert ended.status == 2
        assert "Usage: aisle" in ended.out + ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("catalog", "nonsense"),
        ("--nonsense",),
        ("catalog", "sample", "folder", "--rows", "many"),
        ("catalog", "sample", "folder", "--rows", "0"),
        ("catalog", "ingest"),
        ("catalog", "ingest", "folder", "--sample", "tail"),
        ("models", "promote", "one", "--reason", "x"),
        ("models", "promote", "1"),
        ("predict", "file.csv", "--top", "0"),
        ("serve", "--port", "65536"),
        ("demo", "--rows", "10"),
    ],
    ids=" ".join,
)
def test_what_is_no_usage_ends_with_two_and_says_how_to_ask(aisle: CommandLine, words: tuple[str, ...]):
    ended = aisle(*words)
    assert ended.status == 2
    assert ended.out == ""
    assert "Usage: aisle" in ended.err
    assert "Traceback" not in ended.err


def test_an_error_is_a_sentence_and_a_hint_on_standard_error(aisle: CommandLine, tmp_path: Path):
    ended = aisle("catalog", "ingest", "[bold]nowhere[/]")
    assert ended.status == 1
    assert ended.out == ""
    lines = [line for line in ended.err.splitlines() if not line.startswith("…")]
    assert lines == [
        "Error [bold]nowhere[/] is no folder.",
        "      Name the folder that holds the catalogue's files.",
    ]


def test_an_error_without_a_hint_is_one_line(aisle: CommandLine, monkeypatch: pytest.MonkeyPatch):
    def fail(**_: object) -> None:
        raise AisleError("It is broken.")

    monkeypatch.setattr("aisle.cli.app", fail)
    assert aisle("config", "show").err == "Error It is broken.\n"


def test_stopped_by_hand_it_ends_as_a_shell_expects(monkeypatch: pytest.MonkeyPatch):
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("aisle.cli.app", interrupted)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130


def test_a_wrong_setting_stops_every_command_with_the_nearest_name(aisle: CommandLine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AISLE_DATABSE_URL", "sqlite:///x.db")
    for words in (("config", "show"), ("models", "list"), ("catalog", "loads"), ("pipeline", "run", "."), ("serve",)):
        said = aisle.refused(*words)
        assert "AISLE_DATABSE_URL (from environment) is no setting of aisle." in said
        assert "Did you mean AISLE_DATABASE_URL?" in said


def test_the_program_is_a_command_and_a_module(tmp_path: Path):
    for command in ([str(Path(sys.executable).with_name("aisle"))], [sys.executable, "-m", "aisle"]):
        done = subprocess.run(
            [*command, "catalog", "ingest", "nowhere"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert done.stdout == ""
        assert re.search(r"^Error nowhere is no folder\.$", done.stderr, re.MULTILINE)


def test_starting_does_not_bring_the_tools_of_training(tmp_path: Path):
    code = "import sys, aisle.cli; print(sorted({'sklearn', 'mlflow', 'numba', 'polars', 'fastapi'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
