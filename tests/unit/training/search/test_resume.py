"""SIGKILL in the middle of a search, run again each time: the outcome is that of one that was left alone."""

import signal
import subprocess
import sys
from pathlib import Path

import orjson

from aisle.training.search import Budget, plan_search, run_search
from tests.unit.training.search.curves import BRACKETS, Curves, candidates

ROOT = Path(__file__).parents[4]

# One program for all lives: it kills itself once so many evaluations have begun, counted over all lives.
PROGRAM = """
import sys
from pathlib import Path

import orjson

from aisle.training.search import Budget, open_journal, plan_search, run_search
from tests.unit.training.search.curves import BRACKETS, Curves, candidates

if __name__ == "__main__":
    folder, moments, jobs = Path(sys.argv[1]), orjson.loads(sys.argv[2]), int(sys.argv[3])
    plan = plan_search(candidates(4, BRACKETS[:2]), 18_000, Budget(30), jobs=2, seed=7)
    for die_after in moments:
        curves = Curves(noise=0.01, log=folder / "log", die_after=die_after)
        with open_journal(folder / "journal", snapshot="s", configuration="c", commit="abc", plan=plan) as journal:
            outcome = run_search(plan, curves, jobs=jobs, journal=journal)
    print(orjson.dumps([outcome.to_json(), outcome.reused]).decode())
"""


def live(folder: Path, die_after: int | None) -> subprocess.CompletedProcess[str]:
    (folder / "log").touch()
    command = [sys.executable, "-c", PROGRAM, str(folder), orjson.dumps([die_after]).decode(), "1"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_killed_at_any_moment_it_ends_as_if_it_had_not_been(tmp_path: Path):
    plan = plan_search(candidates(4, BRACKETS[:2]), 18_000, Budget(30), jobs=2, seed=7)
    expected = run_search(plan, Curves(noise=0.01), jobs=1)
    total = len(expected.attempts)
    assert len(plan.rungs) == 3
    moments = [0, 3, 8, total - 1]
    for moment in moments:
        assert live(tmp_path, moment).returncode == -signal.SIGKILL
    done = live(tmp_path, None)
    assert done.returncode == 0, done.stderr
    found, reused = orjson.loads(done.stdout)
    assert found == expected.to_json()
    assert reused == total - 1
    assert len((tmp_path / "log").read_text().splitlines()) == total, "nothing was run twice"
