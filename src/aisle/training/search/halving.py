"""The search itself: rung after rung by the plan, on as many processes as there are."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from aisle.errors import TrainingError
from aisle.training.search.events import (
    BestSoFar,
    OnEvent,
    PlanMade,
    RungDone,
    TrialFinished,
    TrialLost,
    TrialReused,
    TrialSkipped,
    TrialStarted,
)
from aisle.training.search.journal import Journal
from aisle.training.search.outcome import SearchOutcome, Skipped, merit
from aisle.training.search.plan import SearchPlan
from aisle.training.search.trial import Attempt, Bracket, Trial
from aisle.training.search.workers import Evaluate, Run, Task, open_workers


def run_search(
    plan: SearchPlan,
    evaluate: Evaluate,
    *,
    jobs: int,
    journal: Journal | None = None,
    deadline: float | None = None,
    on_event: OnEvent = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> SearchOutcome:
    """Try candidates rung by rung, and return the best of each bracket.

    A trial that fails by an error of aisle's own is lost, and the bracket goes on without it; where that leaves a bracket
    with nothing on a rung, its runner-up of the rung before steps in. Any other exception ends the search.

    Args:
        plan: What to try, and on how many rows.
        evaluate: Tries one trial on a share of the rows.
        jobs: Trials at once; the outcome does not depend on it.
        journal: What an earlier run of the same search has found, and where this one's findings go.
        deadline: The clock's time from which on no trial begins; those under way are finished.
        on_event: Told how the search goes.
        clock: Seconds, for the deadline.

    Raises:
        TrainingError: Not a single trial could be finished, or a worker process was ended from outside.
    """
    if jobs < 1:
        raise ValueError(f"jobs is {jobs}; one is the least")
    on_event(PlanMade(plan))
    with open_workers(evaluate, jobs) as run:
        search = _Search(plan, run, journal, lambda: deadline is not None and clock() >= deadline, on_event)
        search.climb()
    return search.outcome()


class _Search:
    """A search under way."""

    def __init__(
        self, plan: SearchPlan, run: Run, journal: Journal | None, over: Callable[[], bool], on_event: OnEvent
    ) -> None:
        self._plan = plan
        self._run = run
        self._journal = journal
        self._over = over
        self._tell = on_event
        self._attempts: dict[tuple[Trial, int], Attempt] = {}
        self._skipped: list[Skipped] = []
        self._reused = 0
        self._best: Attempt | None = None

    def climb(self) -> None:
        """Run every rung."""
        field: list[Trial] = [candidate.trial for candidate in self._plan.entrants]
        for rung in range(len(self._plan.rungs)):
            if rung:
                field = self._promoted(rung)
            while field:
                self._try_all(self._in_turn(field), rung)
                field = self._substitutes(rung)
            finished = self._finished(rung)
            self._tell(RungDone(rung, len(finished)))
            if not finished:
                break

    def outcome(self) -> SearchOutcome:
        """Return what was found.

        Raises:
            TrainingError: Nothing was.
        """
        place = {candidate.trial: place for place, candidate in enumerate(self._plan.entrants)}
        attempts = sorted(self._attempts.values(), key=lambda attempt: (attempt.rung, place[attempt.trial]))
        lost = [attempt for attempt in attempts if attempt.result is None]
        out = {attempt.trial for attempt in lost}
        winners: dict[Bracket, Attempt] = {}
        for attempt in sorted(attempts, key=self._merit):
            if attempt.trial not in out:
                winners.setdefault(attempt.trial.bracket, attempt)
        if not winners and lost:
            raise TrainingError(
                f"All {len(lost)} trials of the search were lost; the first, {lost[0].trial.bracket}: {lost[0].lost}",
                hint="Mend what it says, or ask for other families or modalities.",
            )
        if not winners:
            raise TrainingError("Time was over before a trial of the search could begin.", hint="Give a larger budget.")
        return SearchOutcome(
            plan=self._plan,
            attempts=tuple(attempts),
            winners={bracket: winners[bracket] for bracket in self._plan.brackets if bracket in winners},
            cut_short=tuple(sorted(self._skipped, key=lambda skipped: (skipped.rung, place[skipped.trial]))),
            reused=self._reused,
        )

    def _try_all(self, field: Sequence[Trial], rung: int) -> None:
        """Run trials on a rung; what is on record is taken from there."""
        todo = []
        for trial in field:
            if self._journal is not None and (known := self._journal.find(trial.id, rung)) is not None:
                self._reused += 1
                self._tell(TrialReused(known))
                self._take(known)
            else:
                todo.append(trial)
        for attempt in self._run(self._tasks(todo, rung)):
            if self._journal is not None:
                self._journal.add(attempt)
            self._tell(TrialFinished(attempt) if attempt.result else TrialLost(attempt))
            self._take(attempt)

    def _tasks(self, trials: Iterable[Trial], rung: int) -> Iterator[Task]:
        for trial in trials:
            if self._over():
                self._skipped.append(Skipped(trial, rung))
                self._tell(TrialSkipped(trial, rung))
            else:
                self._tell(TrialStarted(trial, rung))
                yield Task(trial, rung, self._plan.rungs[rung].share, self._plan.seed)

    def _take(self, attempt: Attempt) -> None:
        self._attempts[attempt.trial, attempt.rung] = attempt
        if attempt.result and (self._best is None or self._merit(attempt) < self._merit(self._best)):
            self._best = attempt
            self._tell(BestSoFar(attempt))

    def _merit(self, attempt: Attempt) -> tuple[int, float, float, str]:
        return merit(self._plan, attempt)

    def _finished(self, rung: int) -> list[Attempt]:
        """Return the attempts with a score on a rung, the best first."""
        found = (attempt for attempt in self._attempts.values() if attempt.rung == rung and attempt.result)
        return sorted(found, key=self._merit)

    def _promoted(self, rung: int) -> list[Trial]:
        """Return who goes on to a rung: each bracket's best, then the best of each modality for the open places."""
        ranked = [attempt.trial for attempt in self._finished(rung - 1)]
        quotas, places = Counter(dict(self._plan.rungs[rung].quotas)), Counter(dict(self._plan.rungs[rung].places))
        kept: list[Trial] = []
        others: list[Trial] = []
        for trial in ranked:
            (kept if quotas[trial.bracket] > 0 else others).append(trial)
            quotas[trial.bracket] -= 1
        for trial in others:
            if places[trial.modality] > 0:
                kept.append(trial)
            places[trial.modality] -= 1
        return kept

    def _substitutes(self, rung: int) -> list[Trial]:
        """Return, for each bracket that has lost everybody on a rung, its runner-up of the rung before."""
        waiting = {skipped.trial.bracket for skipped in self._skipped if skipped.rung == rung}
        served = waiting | {attempt.trial.bracket for attempt in self._finished(rung)}
        found: dict[Bracket, Trial] = {}
        for attempt in self._finished(rung - 1):
            trial = attempt.trial
            if trial.bracket not in served and (trial, rung) not in self._attempts:
                found.setdefault(trial.bracket, trial)
        return list(found.values())

    def _in_turn(self, field: Sequence[Trial]) -> list[Trial]:
        """Return trials in turn of their brackets, so that a search that is cut short has something of each.

        In the first turn the cheap come first: a machine busy with other work may end the search after a few trials, and
        has then more brackets to choose from. In later turns the expensive do: what is long is not begun last.
        """
        seen: Counter[Bracket] = Counter()
        order = []
        for trial in field:
            turn, cost = seen[trial.bracket], self._plan.candidates[trial].cost_at(1.0)
            order.append((turn, -cost if turn else cost, trial.id, trial))
            seen[trial.bracket] += 1
        return [trial for *_, trial in sorted(order, key=lambda turn: turn[:3])]
