import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aisle.errors import TrainingError
from aisle.training.search import (
    Bracket,
    Budget,
    Candidate,
    SearchOutcome,
    SearchPlan,
    Trial,
    halving,
    open_journal,
    plan_search,
    run_search,
)
from aisle.training.search.events import (
    BestSoFar,
    Event,
    PlanMade,
    RungDone,
    TrialFinished,
    TrialLost,
    TrialReused,
    TrialSkipped,
    TrialStarted,
)
from tests.unit.training.search.curves import BRACKETS, Curves, candidates


def plan_of(per_bracket: int = 9, seconds: int = 200, **options) -> SearchPlan:
    """Plan three rungs: 72 candidates, then 24, then 8."""
    return plan_search(candidates(per_bracket, **options), 18_000, Budget(seconds), jobs=2, seed=7)


def findings(outcome: SearchOutcome) -> dict:
    return outcome.to_json()


class Clock:
    """A clock that advances by one second each time that it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_every_bracket_reaches_the_last_rung_with_its_best():
    plan, curves = plan_of(), Curves()
    outcome = run_search(plan, curves, jobs=1)
    assert list(outcome.winners) == [Bracket(*bracket) for bracket in sorted(BRACKETS)]
    assert {attempt.rung for attempt in outcome.winners.values()} == {2}
    for rung, size in enumerate((72, 24, 8)):
        assert sum(attempt.rung == rung for attempt in outcome.attempts) == size
    assert outcome.best.score == max(attempt.score for attempt in outcome.attempts if attempt.rung == 2)
    assert [attempt.score for attempt in outcome.ranking] == sorted((a.score for a in outcome.ranking), reverse=True)
    assert (outcome.lost, outcome.cut_short, outcome.reused, outcome.without_winner) == ((), (), 0, ())


def test_who_goes_on_follows_from_the_scores_of_the_rung_before():
    plan, curves = plan_of(8, 190), Curves(noise=0.02)
    outcome = run_search(plan, curves, jobs=1)
    assert sum(plan.rungs[1].places.values()), "the case is made so that places are open"
    for rung in range(1, len(plan.rungs)):
        before = sorted((a for a in outcome.attempts if a.rung == rung - 1), key=lambda a: -a.score)
        here = {attempt.trial for attempt in outcome.attempts if attempt.rung == rung}
        assert len(here) == plan.rungs[rung].size
        for bracket, quota in plan.rungs[rung].quotas.items():
            assert {a.trial for a in before if a.trial.bracket == bracket} & here >= {
                a.trial for a in [a for a in before if a.trial.bracket == bracket][:quota]
            }
        for modality, places in plan.rungs[rung].places.items():
            own = [a.trial for a in before if a.trial.modality == modality]
            sure = [t for b, q in plan.rungs[rung].quotas.items() for t in [t for t in own if t.bracket == b][:q]]
            assert {t for t in here if t.modality == modality} == {*sure, *[t for t in own if t not in sure][:places]}


def test_equal_scores_go_to_the_cheaper_and_then_to_the_smaller_id():
    trials = sorted((Trial("linear", "text", {"n": n}) for n in range(3)), key=lambda trial: trial.id)
    tried = [Candidate(trials[0], 20), Candidate(trials[1], 10), Candidate(trials[2], 10)]

    def level(trial, share, seed):
        return Curves()(trials[0], share, seed)

    assert run_search(plan_search(tried, 900, Budget(99), jobs=1, seed=1), level, jobs=1).best.trial == trials[1]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_the_outcome_hangs_neither_on_the_order_of_finishing_nor_on_jobs(seed: int, jobs: int):
    plan = plan_of(4, 90)
    lost = {plan.entrants[3].trial.id: 0.0, plan.entrants[9].trial.id: 1.0}
    curves = Curves(noise=0.01, lost=lost)
    shuffled = random.Random(seed)

    @contextmanager
    def workers(evaluate, number) -> Iterator:
        def run(tasks):
            waiting = []
            while True:
                while len(waiting) < number and (task := next(tasks, None)) is not None:
                    waiting.append(task)
                if not waiting:
                    return
                task = waiting.pop(shuffled.randrange(len(waiting)))
                yield from sequential(iter([task]))

        with open_workers(evaluate, 1) as sequential:
            yield run

    open_workers = halving.open_workers
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(halving, "open_workers", workers)
        outcome = run_search(plan, curves, jobs=jobs)
    assert findings(outcome) == findings(run_search(plan, curves, jobs=1))


def test_a_lost_trial_is_out_with_its_sentence():
    plan = plan_of()
    best = run_search(plan, Curves(), jobs=1).best.trial
    outcome = run_search(plan, Curves(lost={best.id: 0.3}), jobs=1)
    (lost,) = outcome.lost
    assert (lost.trial, lost.rung, lost.lost) == (best, 1, f"{best.bracket} cannot be fitted. Try another.")
    winner = outcome.winners[best.bracket]
    assert winner.trial != best
    assert winner.rung == 2


def test_where_the_last_rung_loses_a_whole_bracket_the_runner_up_steps_in():
    plan = plan_of()
    first = run_search(plan, Curves(), jobs=1)
    bracket = first.best.trial.bracket
    ranked = sorted((a for a in first.attempts if a.rung == 1 and a.trial.bracket == bracket), key=lambda a: -a.score)
    assert len(ranked) >= 3
    outcome = run_search(plan, Curves(lost=dict.fromkeys([ranked[0].trial.id, ranked[1].trial.id], 1.0)), jobs=1)
    assert outcome.winners[bracket].trial == ranked[2].trial
    assert outcome.winners[bracket].rung == 2
    everybody = dict.fromkeys((a.trial.id for a in ranked), 1.0)
    outcome = run_search(plan, Curves(lost=everybody), jobs=1)
    # Those who failed on all rows are out; the best that did not get that far is what there is.
    assert outcome.winners[bracket].rung == 0
    assert outcome.winners[bracket].trial.id not in everybody


def test_a_bracket_that_is_lost_altogether_is_named():
    plan = plan_of()
    lost = {c.trial.id: 0.0 for c in plan.entrants if c.trial.family == "svm"}
    outcome = run_search(plan, Curves(lost=lost), jobs=1)
    assert outcome.without_winner == (Bracket("svm", "image"), Bracket("svm", "text"))
    assert outcome.to_json()["without_winner"] == ["svm on image", "svm on text"]
    assert len(outcome.lost) == 18


def test_a_search_that_finds_nothing_says_why():
    plan = plan_of(1)
    lost = {candidate.trial.id: 0.0 for candidate in plan.entrants}
    with pytest.raises(TrainingError, match="All 8 trials of the search were lost; the first, forest on image: forest on"):
        run_search(plan, Curves(lost=lost), jobs=1)
    with pytest.raises(TrainingError, match="Time was over before a trial") as caught:
        run_search(plan, Curves(), jobs=1, deadline=0.0)
    assert caught.value.hint == "Give a larger budget."


def test_a_score_that_is_no_number_is_lost():
    def broken(trial, share, seed):
        return Curves(noise=float("nan"))(trial, share, seed)

    with pytest.raises(TrainingError, match="Its score is nan, which is no number to compare"):
        run_search(plan_of(1), broken, jobs=1)


def test_a_mistake_in_the_program_is_not_swallowed():
    def mistaken(trial, share, seed):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_search(plan_of(1), mistaken, jobs=1)


def test_no_jobs_are_refused():
    with pytest.raises(ValueError, match="jobs is 0"):
        run_search(plan_of(1), Curves(), jobs=0)


@pytest.mark.parametrize("seconds", range(1, 110, 9))
def test_past_its_end_it_begins_nothing_and_says_what_was_left(seconds: int):
    plan = plan_of()
    events: list[Event] = []
    if seconds == 1:
        with pytest.raises(TrainingError, match="Time was over"):
            run_search(plan, Curves(), jobs=1, deadline=seconds, clock=Clock())
        return
    outcome = run_search(plan, Curves(), jobs=1, deadline=seconds, clock=Clock(), on_event=events.append)
    assert len(outcome.attempts) == min(seconds - 1, 104)
    assert bool(outcome.cut_short) == (seconds <= 104)
    assert [(s.trial, s.rung) for s in outcome.cut_short] == sorted(
        ((event.trial, event.rung) for event in events if isinstance(event, TrialSkipped)),
        key=lambda skipped: (skipped[1], [c.trial for c in plan.entrants].index(skipped[0])),
    )
    assert len(outcome.to_json()["cut_short"]) == len(outcome.cut_short)
    if seconds > 8:
        assert outcome.without_winner == (), "brackets take turns"
    for attempt in outcome.attempts:
        assert outcome.winners[attempt.trial.bracket].rung >= attempt.rung


def test_the_cheapest_of_every_bracket_begins_first():
    plan = plan_of()
    begun: list[Trial] = []
    run_search(
        plan, Curves(), jobs=1, on_event=lambda event: begun.append(event.trial) if isinstance(event, TrialStarted) else None
    )
    first = begun[: len(BRACKETS)]
    assert {trial.bracket for trial in first} == {Bracket(*bracket) for bracket in BRACKETS}
    costs = [plan.candidates[trial].cost_at(1.0) for trial in first]
    assert costs == sorted(costs)


def test_the_journal_saves_the_work_and_changes_no_finding(tmp_path: Path):
    plan = plan_of()
    lost = {plan.entrants[3].trial.id: 0.0}
    whole = run_search(plan, Curves(noise=0.01, lost=lost), jobs=1)
    log = tmp_path / "log"
    log.touch()
    curves = Curves(noise=0.01, lost=lost, log=log)
    events: list[Event] = []
    for deadline, done in ((50, 49), (None, 104), (None, 104)):
        with open_journal(tmp_path / "journal", snapshot="s", configuration="c", commit="abc", plan=plan) as journal:
            events.clear()
            outcome = run_search(
                plan, curves, jobs=1, journal=journal, deadline=deadline, clock=Clock(), on_event=events.append
            )
        assert len(log.read_text().splitlines()) == done
    assert findings(outcome) == findings(whole)
    assert outcome.reused == 104
    assert sum(isinstance(event, TrialReused) for event in events) == 104
    assert len(outcome.lost) == 1


def test_events_tell_the_whole_story_in_order():
    plan = plan_of()
    lost = {plan.entrants[0].trial.id: 0.0}
    events: list[Event] = []
    outcome = run_search(plan, Curves(lost=lost), jobs=1, on_event=events.append)
    assert events[0] == PlanMade(plan)
    assert [event for event in events if isinstance(event, RungDone)] == [RungDone(0, 71), RungDone(1, 24), RungDone(2, 8)]
    assert events[-1] == RungDone(2, 8)
    assert sum(isinstance(event, TrialStarted) for event in events) == 104
    assert sum(isinstance(event, TrialFinished) for event in events) == 103
    assert [event.attempt.trial.id for event in events if isinstance(event, TrialLost)] == list(lost)
    bests = [event.attempt for event in events if isinstance(event, BestSoFar)]
    assert bests[-1] == outcome.best
    ranks = [(attempt.rung, attempt.score) for attempt in bests]
    assert ranks == sorted(ranks)


def test_what_it_costs_is_measured():
    outcome = run_search(plan_of(1), Curves(), jobs=1)
    assert all(attempt.seconds > 0 for attempt in outcome.attempts)
    assert all(attempt.peak_bytes > 1 << 20 for attempt in outcome.attempts)
