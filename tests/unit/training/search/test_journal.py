import subprocess
import sys
from pathlib import Path

import pytest

from aisle.errors import TrainingError
from aisle.training.search import Attempt, Budget, Journal, SearchPlan, TrialResult, open_journal, plan_search
from tests.unit.training.search.curves import candidates


@pytest.fixture
def plan() -> SearchPlan:
    return plan_search(candidates(2), 18_000, Budget(600), jobs=1, seed=7)


def opened(folder: Path, plan: SearchPlan, **others: str):
    return open_journal(folder, **{"snapshot": "s", "configuration": "c", "commit": "abc", **others}, plan=plan)


def attempts(plan: SearchPlan) -> list[Attempt]:
    trials = [candidate.trial for candidate in plan.entrants[:3]]
    return [
        Attempt(trials[0], 0, TrialResult(0.5, 0.01, 1.5, {"trees": 3, "word": "é"}), "", 0.1, 9),
        Attempt(trials[1], 0, None, "It failed\nbadly.", 0.2, 10),
        Attempt(trials[0], 1, TrialResult(1 / 3), "", 0.3, 11),
    ]


def fill(folder: Path, plan: SearchPlan) -> Path:
    with opened(folder, plan) as journal:
        for attempt in attempts(plan):
            journal.add(attempt)
    (path,) = folder.iterdir()
    return path


def test_what_was_added_is_found_by_the_next_run(tmp_path: Path, plan: SearchPlan):
    fill(tmp_path / "new" / "folder", plan)
    with opened(tmp_path / "new" / "folder", plan) as journal:
        assert len(journal) == 3
        for attempt in attempts(plan):
            assert journal.find(attempt.trial.id, attempt.rung) == attempt
        assert journal.find(attempts(plan)[1].trial.id, 1) is None


@pytest.mark.parametrize("other", ["snapshot", "configuration", "commit"])
def test_another_search_has_another_journal(tmp_path: Path, plan: SearchPlan, other: str):
    fill(tmp_path, plan)
    with opened(tmp_path, plan, **{other: "other"}) as journal:
        assert len(journal) == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_another_plan_has_another_journal(tmp_path: Path, plan: SearchPlan):
    fill(tmp_path, plan)
    with opened(tmp_path, plan_search(candidates(2), 18_000, Budget(600), jobs=1, seed=8)) as journal:
        assert len(journal) == 0


def test_torn_anywhere_it_keeps_every_whole_line_and_goes_on(tmp_path: Path, plan: SearchPlan):
    path = fill(tmp_path / "whole", plan)
    data = path.read_bytes()
    ends = [place + 1 for place, byte in enumerate(data) if byte == ord("\n")]
    for torn in sorted({*range(0, len(data), 23), *(end + off for end in ends for off in (-1, 0, 1))} - {len(data) + 1}):
        again = tmp_path / "torn" / path.name
        again.parent.mkdir(exist_ok=True)
        again.write_bytes(data[:torn])
        with opened(again.parent, plan) as journal:
            kept = sum(end <= torn for end in ends[1:])
            assert len(journal) == kept
            for attempt in attempts(plan)[kept:]:
                journal.add(attempt)
        assert again.read_bytes() == data


@pytest.mark.parametrize("line", [1, 2, 3])
@pytest.mark.parametrize("content", [b"{", b"{}", b"[]", b'{"trial": {"family": "x"}}', b"\xff", b"1"])
def test_damage_before_the_end_is_told(tmp_path: Path, plan: SearchPlan, line: int, content: bytes):
    path = fill(tmp_path, plan)
    lines = path.read_bytes().splitlines()
    lines[line - 1] = content
    path.write_bytes(b"\n".join(lines) + b"\n")
    with (
        pytest.raises(TrainingError, match=f"Line {line} of the search's journal .* is damaged") as caught,
        opened(tmp_path, plan),
    ):
        pass
    assert caught.value.hint == "Delete the file; the search then begins anew."


def test_two_processes_are_not_at_one_search(tmp_path: Path, plan: SearchPlan):
    with opened(tmp_path, plan):
        (path,) = tmp_path.iterdir()
        taking = f"import fcntl; fcntl.flock(open({str(path)!r}), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        done = subprocess.run([sys.executable, "-c", taking], capture_output=True, text=True, check=False)
        assert "BlockingIOError" in done.stderr
        with pytest.raises(TrainingError, match="Another process is at the same search"), opened(tmp_path, plan):
            pass
    with opened(tmp_path, plan):
        pass


def test_a_full_disk_is_told(tmp_path: Path, plan: SearchPlan):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no device here that is always full")
    with full.open("ab", buffering=0) as file, pytest.raises(TrainingError, match="cannot be written: No space left"):
        Journal(file, {}).add(attempts(plan)[0])
