"""The search's screen: a bar and a table on a terminal, lines in a log, and nothing that data could turn into markup."""

import io
import re

import pytest
from rich.console import Console
from rich.progress import Progress

from aisle.cli.train_screen import SearchScreen, search_screen
from aisle.training.search import Attempt, Budget, Candidate, SearchPlan, Trial, TrialResult, plan_search, run_search
from aisle.training.search.events import (
    PlanMade,
    RungDone,
    TrialFinished,
    TrialLost,
    TrialReused,
    TrialSkipped,
    TrialStarted,
)

# Two rungs: four candidates of 10 and 20 core-seconds on a third of the rows, then one of each family on all.
TRIALS = [Trial(family, "text", {"c": c}) for family in ("linear", "svm") for c in (1, 2, 3)]


@pytest.fixture
def plan() -> SearchPlan:
    made = plan_search([Candidate(trial, 30.0) for trial in TRIALS], 3_000, Budget(121), jobs=1, seed=1)
    assert [(rung.size, rung.core_seconds) for rung in made.rungs] == [(6, pytest.approx(60)), (2, pytest.approx(60))]
    return made


def attempt(
    number: int, score: float | None, *, rung: int = 0, seconds: float = 20.0, error: float | None = None
) -> Attempt:
    result = None if score is None else TrialResult(score, error)
    return Attempt(TRIALS[number], rung, result, "" if result else "It [red]failed[/].", seconds)


def shown_on(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=140, soft_wrap=not terminal, highlight=False)


def text_of(console: Console) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())  # type: ignore[attr-defined]


def rendered(screen: SearchScreen) -> str:
    console = shown_on(terminal=False)
    console.print(screen.render())
    return text_of(console)


def test_a_log_is_told_each_rung_each_loss_and_what_time_was_short_for(plan: SearchPlan):
    console = shown_on(terminal=False)
    with search_screen(console) as tell:
        tell(PlanMade(plan))
        tell(TrialReused(attempt(0, 0.75, error=0.01)))
        for number, score in ((1, 0.5), (2, 0.25), (3, 0.7), (4, None)):
            tell(TrialStarted(TRIALS[number], 0))
            tell(TrialFinished(attempt(number, score)) if score else TrialLost(attempt(number, score)))
        tell(TrialSkipped(TRIALS[5], 0))
        tell(RungDone(0, 4))
        tell(TrialFinished(attempt(3, 0.8, rung=1)))
        tell(RungDone(1, 1))
    assert text_of(console).splitlines() == [
        "… Searching: 6 candidates (6 on 1,000 rows, 2 on 3,000 rows), about 2m.",
        "… Lost: svm on text, c 2: It [red]failed[/].",
        "… Rung 1 of 2 on 1,000 rows: 4 scores; 1 lost; 1 on record from an earlier run; 1 not begun; "
        "best linear on text, 0.7500 ± 0.0100.",
        "… Rung 2 of 2 on 3,000 rows: 1 score; 1 lost; 1 on record from an earlier run; 1 not begun; "
        "best svm on text, 0.8000.",
        "… Time was over: 1 trial was not begun.",
    ]


def test_the_table_has_the_best_of_each_family_and_the_later_rung_first(plan: SearchPlan):
    screen = SearchScreen(shown_on(terminal=False), lambda: 0.0)
    for event in (
        PlanMade(plan),
        TrialFinished(attempt(0, 0.7, error=0.01)),
        TrialFinished(attempt(1, 0.9, seconds=12.34)),
        TrialFinished(attempt(3, 0.4)),
        TrialFinished(attempt(3, 0.6, rung=1, error=0.02)),
        TrialFinished(attempt(4, 0.95)),
    ):
        screen.tell(event)
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in rendered(screen).splitlines() if "│" in line]
    assert rows == [
        ["svm", "text", "c 1", "2", "3,000", "0.6000 ± 0.0200", "20.0"],
        ["linear", "text", "c 2", "1", "1,000", "0.9000", "12.3"],
    ]


def test_the_time_left_follows_the_pace_of_what_was_run(plan: SearchPlan):
    now = 0.0
    screen = SearchScreen(shown_on(terminal=False), lambda: now)
    assert screen.seconds_left() == 0
    screen.tell(PlanMade(plan))
    assert screen.seconds_left() == pytest.approx(120)
    screen.tell(TrialReused(attempt(0, 0.5, seconds=999)))
    assert screen.seconds_left() == pytest.approx(110), "what is on record tells nothing of today's pace"
    screen.tell(TrialFinished(attempt(1, 0.5, seconds=20)))
    assert screen.seconds_left() == pytest.approx(200)
    now = 50.0
    assert screen.seconds_left() == pytest.approx(150)
    screen.tell(RungDone(0, 2))
    assert screen.seconds_left() == pytest.approx(120)
    now = 500.0
    assert screen.seconds_left() == 0
    assert "about 0 s left" in rendered(screen)


def test_a_terminal_sees_the_bar_while_it_runs_and_keeps_the_table(plan: SearchPlan):
    console = shown_on(terminal=True)
    with search_screen(console) as tell:
        tell(PlanMade(plan))
        tell(TrialStarted(TRIALS[0], 0))
        assert "1 running" in text_of(console)
        tell(TrialFinished(attempt(0, 0.5)))
        tell(TrialLost(attempt(1, None)))
    seen = text_of(console)
    assert "Rung 1 of 2" in seen
    assert "left" in seen
    assert "Lost: linear on text, c 2: It [red]failed[/]." in seen
    assert "0.5000" in seen.rpartition("Best so far")[2]


def test_an_error_leaves_the_terminal_as_it_was(plan: SearchPlan):
    console = shown_on(terminal=True)
    with pytest.raises(ZeroDivisionError), search_screen(console) as tell:
        tell(PlanMade(plan))
        raise ZeroDivisionError
    assert console.file.getvalue().rstrip("\n").endswith("\x1b[?25h"), "the cursor is back"  # type: ignore[attr-defined]


def tenth_of_c(trial: Trial, share: float, seed: int) -> TrialResult:
    return TrialResult(trial.options["c"] / 10)


def test_it_may_stand_below_another_bar(plan: SearchPlan):
    console = shown_on(terminal=True)
    with Progress(console=console) as bar, search_screen(console) as tell:
        bar.add_task("counting n-grams")
        run_search(plan, tenth_of_c, jobs=1, on_event=tell)
    seen = text_of(console)
    assert "counting n-grams" in seen
    assert "0.3000" in seen.rpartition("Best so far")[2]


def test_a_real_search_is_shown_to_its_end(plan: SearchPlan):
    console = shown_on(terminal=False)
    with search_screen(console) as tell:
        run_search(plan, tenth_of_c, jobs=1, on_event=tell)
    assert text_of(console).splitlines()[1:] == [
        "… Rung 1 of 2 on 1,000 rows: 6 scores; best linear on text, 0.3000.",
        "… Rung 2 of 2 on 3,000 rows: 2 scores; best linear on text, 0.3000.",
    ]
