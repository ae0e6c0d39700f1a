"""Real worker processes: what they share, what they return, and that none outlives the search."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from scipy.sparse import csr_matrix

from aisle.errors import TrainingError
from aisle.training.search import Budget, TrialResult, plan_search, run_search
from tests.unit.training.search.curves import BRACKETS, Curves, candidates

ROOT = Path(__file__).parents[4]
PLAN = plan_search(candidates(2, BRACKETS[:2]), 900, Budget(600), jobs=2, seed=7)


@dataclass(frozen=True)
class Sums:
    """Evaluates by adding up its arrays, and says how it holds them."""

    dense: np.ndarray
    sparse: csr_matrix

    def __call__(self, trial, share, seed):
        self.dense[0] += 1  # no other worker sees it, and neither does the caller
        notes = {
            "mapped": [isinstance(array, np.memmap) for array in (self.dense, self.sparse.data, self.sparse.indices)],
            "threads": os.environ.get("OMP_NUM_THREADS"),
            "process": os.getpid(),
        }
        time.sleep(0.05)
        return TrialResult(float(self.sparse.sum() + trial.options["n"]), notes=notes)


@dataclass(frozen=True)
class Ending:
    """Evaluates by ending badly: its own process, or by an error of the program's."""

    how: str
    folder: Path

    def __call__(self, trial, share, seed):
        if trial.options["n"] == 0:
            (self.folder / str(os.getpid())).touch()
            time.sleep(60)
        while not list(self.folder.iterdir()):
            time.sleep(0.01)
        if self.how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise ZeroDivisionError


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of one's own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_processes_share_the_arrays_and_find_what_one_process_finds(temporary: Path):
    sums = Sums(np.zeros(200_000, np.float32), csr_matrix(np.eye(300, dtype=np.float32)))
    outcome = run_search(PLAN, sums, jobs=2)
    assert sums.dense[0] == 0
    for attempt in outcome.attempts:
        assert attempt.result.notes["mapped"] == [True, True, True]
        assert attempt.result.notes["threads"] == "1"
    assert os.getpid() not in {attempt.result.notes["process"] for attempt in outcome.attempts}
    assert list(temporary.iterdir()) == []
    assert outcome.to_json() == run_search(PLAN, sums, jobs=1).to_json()


def test_a_lost_trial_loses_no_worker():
    lost = {PLAN.entrants[0].trial.id: 0.0}
    outcome = run_search(PLAN, Curves(lost=lost), jobs=2)
    assert [attempt.trial.id for attempt in outcome.lost] == list(lost)
    assert outcome.without_winner == ()


@pytest.mark.parametrize(("how", "error"), [("killed", TrainingError), ("mistaken", ZeroDivisionError)])
def test_a_bad_end_is_told_at_once_and_leaves_nobody_behind(temporary: Path, tmp_path: Path, how: str, error: type):
    pids = tmp_path / "pids"
    pids.mkdir()
    plan = plan_search(candidates(2, BRACKETS[:1]), 900, Budget(600), jobs=2, seed=7)
    start = time.monotonic()
    with pytest.raises(error) as caught:
        run_search(plan, Ending(how, pids), jobs=2)
    assert time.monotonic() - start < 30
    if how == "killed":
        assert "ended from outside" in str(caught.value)
    (pid,) = (int(path.name) for path in pids.iterdir())
    assert not psutil.pid_exists(pid)
    assert list(temporary.iterdir()) == []


SEARCH = """
import sys
from pathlib import Path

from tests.unit.training.search.test_workers import PLAN, Ending, run_search

if __name__ == "__main__":
    run_search(PLAN, Ending("never", Path(sys.argv[1])), jobs=2)
"""


def test_a_search_that_is_killed_takes_its_workers_and_its_files_along(temporary: Path, tmp_path: Path):
    pids = tmp_path / "pids"
    pids.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen([sys.executable, "-c", SEARCH, str(pids)], cwd=ROOT, env=environment) as search:
        _until(lambda: len(list(pids.iterdir())) == 2)
        assert [path.name.startswith("aisle-search-") for path in temporary.iterdir()] == [True]
        search.kill()
    for path in pids.iterdir():
        _until(lambda pid=int(path.name): not psutil.pid_exists(pid))
    assert list(temporary.iterdir()) == []


def _until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not so within {seconds} seconds"
        time.sleep(0.02)
