"""How benchmarks report: a table, a JSON file and an exit status that no missed bar slips through."""

import json
import math
from pathlib import Path

import pytest

from benchmarks import reporting
from benchmarks.reporting import Figure, commit, machine, report, table

RATE = Figure("rows per second", 123_456.7, "rows/s", 100_000)
SLOW = Figure("rows per second", 99.5, "rows/s", 100)
SMALL = Figure("memory", 350.2, "MB", 400, higher_is_better=False)
LARGE = Figure("memory", 400.1, "MB", 400, higher_is_better=False)
TOLD = Figure("only told", 0.12345)


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(reporting, "RESULTS", tmp_path / "bench")
    return tmp_path / "bench"


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (RATE, True),
        (SLOW, False),
        (SMALL, True),
        (LARGE, False),
        (TOLD, True),
        (Figure("equal", 1, bar=1), True),
        (Figure("equal", 1, bar=1, higher_is_better=False), True),
        (Figure("nothing measured", math.nan, bar=1), False),
        (Figure("nothing measured", math.nan, bar=1, higher_is_better=False), False),
    ],
)
def test_a_bar_is_met_or_not(figure: Figure, met: bool) -> None:
    assert figure.met is met


def test_the_table_aligns_its_columns() -> None:
    lines = table([RATE, LARGE, TOLD]).splitlines()
    assert lines[0].split() == ["figure", "value", "bar", "met"]
    assert lines[2].split("  ") == ["rows per second", "123,457 rows/s", ">= 100,000", "yes"]
    assert [part.strip() for part in lines[3].split("  ") if part] == ["memory", "400.1 MB", "<= 400", "NO"]
    assert lines[4].split() == ["only", "told", "0.1235"]
    assert {line.find("bar") if line == lines[0] else line.find("= ") - 1 for line in lines[:1] + lines[2:4]} == {33}


@pytest.mark.parametrize(("figures", "status"), [([], 0), ([RATE, SMALL, TOLD], 0), ([RATE, LARGE], 1), ([SLOW], 1)])
def test_the_exit_status(figures: list[Figure], status: int) -> None:
    assert report("trial", figures) == status


def test_the_missed_bars_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    report("trial", [RATE, LARGE])
    printed = capsys.readouterr()
    assert "rows per second" in printed.out
    assert printed.err == "\nmissed: memory\n"


def test_the_json_tells_everything(results: Path) -> None:
    report("trial", [RATE, TOLD], about={"data": "synthetic"})
    content = json.loads((results / "trial.json").read_text())
    assert content["benchmark"] == "trial"
    assert content["about"] == {"data": "synthetic"}
    assert content["machine"] == machine()
    assert content["commit"] == commit()
    assert content["figures"] == [
        {
            "name": "rows per second",
            "value": 123_456.7,
            "unit": "rows/s",
            "bar": 100_000,
            "higher_is_better": True,
            "met": True,
        },
        {"name": "only told", "value": 0.12345, "unit": "", "bar": None, "higher_is_better": True, "met": True},
    ]


def test_outside_a_repository_the_commit_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit() == "unknown"


def test_without_git_the_commit_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit() == "unknown"


def test_the_machine_is_described() -> None:
    assert {"platform", "processor", "cpus", "python"} == machine().keys()
