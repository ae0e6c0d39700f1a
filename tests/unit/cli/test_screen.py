"""The screen: numbers for people, data as data, progress apart from answers."""

import re
import time
from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console

from aisle.cli.screen import complain, progress, say, table
from aisle.errors import AisleError


def test_cells_are_written_for_people(capsys: pytest.CaptureFixture[str]):
    moment = datetime(2026, 1, 31, 12, 0, 5, 123_456, UTC)
    table("T", ("a", "b", "c", "d", "e", "f"), [(1_234_567, 0.5, True, None, "[red]x[/]", moment)], numbers=("a", "b"))
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("│"))
    assert [cell.strip() for cell in row.strip("│").split("│")] == [
        "1,234,567",
        "0.5000",
        "yes",
        "",
        "[red]x[/]",
        "2026-01-31 12:00:05 UTC",
    ]


def test_a_long_cell_is_folded_and_never_cut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "40")
    table("T", ("a", "b"), [("x" * 60, "y")])
    out = capsys.readouterr().out
    assert out.count("x") == 60
    assert max(map(len, out.splitlines())) <= 40


def test_what_would_steer_a_terminal_is_spelt_out(capsys: pytest.CaptureFixture[str]):
    hostile = "a\x1b[2Jb\u202ec\x9bd\re\x07"
    spelt = r"a\u001b[2Jb\u202ec\u009bd\u000de\u0007"
    say(hostile)
    table(hostile, ("a",), [(hostile,)])
    complain(AisleError(hostile, hint=hostile))
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == spelt
    assert out.splitlines()[1].strip() == spelt
    assert f"│ {spelt} │" in out
    assert err.splitlines() == [f"Error {spelt}", f"      {spelt}"]
    say("two\r\nlines and é 👩\u200d👧")
    assert capsys.readouterr().out == "two\nlines and é 👩\u200d👧\n"


def test_complaints_and_progress_go_to_standard_error(capsys: pytest.CaptureFixture[str]):
    with progress() as report:
        report("reading [x]", 1, 5)
        report("reading [x]", 4, 5)
        report("writing", 0, 0)
    complain(AisleError("It is [bold]broken[/].", hint="Mend [it]."))
    out, err = capsys.readouterr()
    assert out == ""
    # A log is told each thing once.
    assert err.splitlines() == [
        "… reading [x]",
        "… writing",
        "Error It is [bold]broken[/].",
        "      Mend [it].",
    ]


def test_what_cannot_say_how_much_there_is_is_over_when_the_next_begins(monkeypatch: pytest.MonkeyPatch):
    stream = StringIO()
    monkeypatch.setattr("aisle.cli.screen.ERR", Console(file=stream, force_terminal=True, width=120))
    with progress() as report:
        report("planning", 0, 0)
        report("looking", 3, 9)
        report("writing", 0, 0)
        time.sleep(0.3)
    last = re.split(r"planning", stream.getvalue())[-1]
    assert "1/1" in last.partition("looking")[0]
    assert "3/9" in last.partition("writing")[0]
    assert "0/?" in last.partition("writing")[2]
