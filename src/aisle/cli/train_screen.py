"""How a search is shown: a bar with the time left and the best so far on a terminal, plain lines everywhere else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table

from aisle.cli.screen import ERR

if TYPE_CHECKING:
    # The search brings NumPy and joblib with it, and a command line that only prints its help needs neither.
    from aisle.training.search.events import Event, OnEvent
    from aisle.training.search.plan import Rung, SearchPlan
    from aisle.training.search.trial import Attempt, Bracket

_REFRESH_HZ = 4
_BAR_COLUMNS = 32


@contextmanager
def search_screen(console: Console = ERR, clock: Callable[[], float] = time.monotonic) -> "Iterator[OnEvent]":
    """Show a search while the block runs; yields what `run_search` tells its events to.

    Args:
        console: Where it is shown; standard error by default.
        clock: Seconds, for the time left.
    """
    screen = SearchScreen(console, clock)
    try:
        yield screen.tell
    finally:
        screen.close()


class SearchScreen:
    """What is known of a search, and how it looks. A terminal is drawn on from the first event on.

    Args:
        console: Where it is shown.
        clock: Seconds, for the time left.
    """

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._live: Live | None = None
        self._plan: SearchPlan | None = None
        self._rung = 0
        self._running = 0
        self._counts = _Counts()
        self._best: dict[Bracket, Attempt] = {}
        self._costs = _Costs()
        self._heard = clock()

    def tell(self, event: "Event") -> None:
        """Take an event in."""
        from aisle.training.search import events

        self._heard = self._clock()
        match event:
            case events.PlanMade(plan):
                self._begin(plan)
            case events.TrialStarted(_, rung):
                self._rung = rung
                self._running += 1
            case events.TrialReused(attempt):
                self._counts.reused += 1
                self._take(attempt, measured=False)
            case events.TrialFinished(attempt):
                self._running -= 1
                self._take(attempt, measured=True)
            case events.TrialLost(attempt):
                self._running -= 1
                self._take(attempt, measured=True)
                self._line(f"Lost: {attempt.trial.bracket}, {_options(attempt)}: {attempt.lost}")
            case events.TrialSkipped():
                self._counts.skipped += 1
            case events.RungDone(rung, finished):
                self._end_rung(rung, finished)
            case events.BestSoFar():
                pass  # the table says it
        if self._live is not None:
            self._live.refresh()

    def close(self) -> None:
        """Leave the last state on the terminal, and say what there was no time for."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._counts.skipped:
            number = self._counts.skipped
            self._line(f"Time was over: {number:,} {'trial was' if number == 1 else 'trials were'} not begun.")

    def render(self) -> Group:
        """Return what a terminal shows now."""
        return Group(self._progress(), self._table())

    def seconds_left(self) -> float:
        """Return how long it may still take: what is left by the estimates, at the pace of the trials that were run."""
        if self._plan is None:
            return 0.0
        left = (self._plan.core_seconds - self._costs.done) * self._costs.pace / self._plan.jobs
        return max(0.0, left - (self._clock() - self._heard))

    def _begin(self, plan: "SearchPlan") -> None:
        self._plan = plan
        self._line(f"Searching: {plan}")
        if self._console.is_terminal:
            self._live = Live(
                console=self._console, get_renderable=self.render, refresh_per_second=_REFRESH_HZ, transient=False
            )
            self._live.start()

    def _take(self, attempt: "Attempt", *, measured: bool) -> None:
        assert self._plan is not None, "the plan is the first event"
        self._rung = attempt.rung
        estimate = self._plan.candidates[attempt.trial].cost_at(self._plan.rungs[attempt.rung].share)
        self._costs.add(estimate, attempt.seconds if measured else None)
        if attempt.result is None:
            self._counts.lost += 1
        else:
            bracket = attempt.trial.bracket
            known = self._best.get(bracket)
            if known is None or (attempt.rung, attempt.score) > (known.rung, known.score):
                self._best[bracket] = attempt

    def _end_rung(self, rung: int, finished: int) -> None:
        assert self._plan is not None, "the plan is the first event"
        # The estimates reckon with the most expensive survivors: what was spared is not waited for.
        self._costs.done = sum(each.core_seconds for each in self._plan.rungs[: rung + 1])
        if self._live is None:
            scores = "1 score" if finished == 1 else f"{finished:,} scores"
            parts = [f"Rung {rung + 1} of {len(self._plan.rungs)} on {self._rows(rung):,} rows: {scores}"]
            parts += [f"{number:,} {what}" for what, number in self._counts.all() if number]
            if self._best:
                best = self._ranked()[0]
                parts.append(f"best {best.trial.bracket}, {_score(best)}")
            self._line("; ".join(parts) + ".")

    def _progress(self) -> Table:
        line = Table.grid(padding=(0, 2))
        if self._plan is not None:
            total = max(self._plan.core_seconds, 1e-9)
            known = [f"{number:,} {what}" for what, number in self._counts.all() if number]
            line.add_row(
                f"Rung {self._rung + 1} of {len(self._plan.rungs)}",
                ProgressBar(total=total, completed=min(self._costs.done, total), width=_BAR_COLUMNS),
                f"about {_length(self.seconds_left())} left",
                ", ".join([f"{self._running} running", *known]),
            )
        return line

    def _table(self) -> Table:
        shown = Table(title="Best so far", title_justify="left", title_style="bold", header_style="dim")
        for name in ("family", "modality", "options"):
            shown.add_column(name, overflow="fold")
        for name in ("rung", "rows", "score", "seconds"):
            shown.add_column(name, justify="right")
        for attempt in self._ranked():
            trial, rung = attempt.trial, attempt.rung
            words = (trial.family, trial.modality, _options(attempt))
            shown.add_row(
                *map(escape, words), str(rung + 1), f"{self._rows(rung):,}", _score(attempt), f"{attempt.seconds:.1f}"
            )
        return shown

    def _ranked(self) -> "list[Attempt]":
        return sorted(self._best.values(), key=lambda attempt: (-attempt.rung, -attempt.score, attempt.trial.bracket))

    def _rows(self, rung: int) -> int:
        rungs: tuple[Rung, ...] = self._plan.rungs if self._plan else ()
        return rungs[rung].rows

    def _line(self, text: str) -> None:
        self._console.print(f"… {escape(text)}")


class _Counts:
    """What became of trials that have no score of this run."""

    def __init__(self) -> None:
        self.lost = 0
        self.reused = 0
        self.skipped = 0

    def all(self) -> tuple[tuple[str, int], ...]:
        """Return each with its words."""
        return ("lost", self.lost), ("on record from an earlier run", self.reused), ("not begun", self.skipped)


class _Costs:
    """What the trials were estimated to cost, and what those of this run took."""

    def __init__(self) -> None:
        self.done = 0.0
        self._estimated = 0.0
        self._measured = 0.0

    def add(self, estimate: float, seconds: float | None) -> None:
        """Add a trial: its core-seconds by the estimate and, where it was run now, by the clock."""
        self.done += estimate
        if seconds is not None:
            self._estimated += estimate
            self._measured += seconds

    @property
    def pace(self) -> float:
        """Seconds for each that was estimated."""
        return self._measured / self._estimated if self._estimated else 1.0


def _score(attempt: "Attempt") -> str:
    error = attempt.result.standard_error if attempt.result else None
    return f"{attempt.score:.4f}" if error is None else f"{attempt.score:.4f} ± {error:.4f}"


def _options(attempt: "Attempt") -> str:
    return ", ".join(f"{name} {value}" for name, value in attempt.trial.options.items()) or "defaults"


def _length(seconds: float) -> str:
    """Return a length of time as people read it.

    >>> [_length(s) for s in (4.2, 59.6, 125, 7300)]
    ['4 s', '1 min', '2 min', '2 h 2 min']
    """
    if round(seconds) < 60:
        return f"{round(seconds)} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
