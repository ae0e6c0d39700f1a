"""Which candidates are tried on how many rows: decided before the search, from estimates alone.

Successive halving (Jamieson and Talwalkar, 2016): many candidates on few rows, the best third of them on three times the
rows, and so on until the last rung, which has all rows. No clock is asked, so the same candidates, rows and budget are
always the same plan; real time only cuts a search short that runs past its end, and then says so.

Each bracket (a family on one modality) sends at least one candidate to the last rung, so that late fusion finds every
component there. What a bracket's share rounds down to is its quota; what is lost by rounding becomes open places, for
which the families of one modality compete with each other. Scores of different modalities are not compared: text would
take every place from images.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Any

from aisle.digest import json_digest
from aisle.errors import TrainingError
from aisle.training.search.budget import Budget
from aisle.training.search.trial import Bracket, Candidate, Trial

_TINY = 1e-6
"""Seconds that rounding may add to a sum."""

MIN_ROWS = 1_000
"""Rows below which a rung tells too little of how candidates will rank on all rows."""


@dataclass(frozen=True)
class Rung:
    """One round of the search.

    Args:
        share: Share of the rows that are learnt from.
        rows: How many that is.
        quotas: Candidates that each bracket may have here at least.
        places: Open places by modality, for the best that found no room in their bracket's quota.
        core_seconds: What it costs at most, by the estimates.
        seconds: What it takes at most by the clock, by the estimates.
    """

    share: float
    rows: int
    quotas: Mapping[Bracket, int]
    places: Mapping[str, int]
    core_seconds: float
    seconds: float

    @property
    def size(self) -> int:
        """How many candidates are tried in it."""
        return sum(self.quotas.values()) + sum(self.places.values())


@dataclass(frozen=True)
class SearchPlan:
    """The whole search, before it begins.

    Args:
        entrants: The candidates that enter, bracket by bracket.
        left_out: Those for which the budget is too small.
        rungs: The rounds, the last on all rows.
        jobs: Trials at once, by which the times are estimated.
        seed: Seed of everything random.
    """

    entrants: tuple[Candidate, ...]
    left_out: tuple[Candidate, ...]
    rungs: tuple[Rung, ...]
    jobs: int
    seed: int

    @property
    def brackets(self) -> tuple[Bracket, ...]:
        """Every family on every modality that was asked for."""
        return tuple(_by_bracket(self.entrants))

    @cached_property
    def candidates(self) -> Mapping[Trial, Candidate]:
        """The entrants by their trial."""
        return {candidate.trial: candidate for candidate in self.entrants}

    @property
    def seconds(self) -> float:
        """What it takes at most by the clock, by the estimates."""
        return sum(rung.seconds for rung in self.rungs)

    @property
    def core_seconds(self) -> float:
        """What it costs at most, by the estimates."""
        return sum(rung.core_seconds for rung in self.rungs)

    @property
    def grid_core_seconds(self) -> float:
        """What trying every candidate on all rows would cost, by the estimates."""
        return sum(candidate.cost_at(1.0) for candidate in (*self.entrants, *self.left_out))

    @cached_property
    def digest(self) -> str:
        """The digest of all that the outcome follows from; budget and jobs count only by what they led to."""
        return json_digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return what the outcome follows from, as JSON."""
        return {
            "seed": self.seed,
            "entrants": [{**c.trial.to_json(), "cost": c.cost, "fixed": c.fixed} for c in self.entrants],
            "rungs": [
                {
                    "share": r.share,
                    "rows": r.rows,
                    "quotas": [[*b, n] for b, n in r.quotas.items()],
                    "places": dict(r.places),
                }
                for r in self.rungs
            ],
        }

    def __str__(self) -> str:
        """Return it as a sentence."""
        rungs = ", ".join(f"{rung.size} on {rung.rows:,} rows" for rung in self.rungs)
        out = f"; {len(self.left_out)} left out" if self.left_out else ""
        return f"{len(self.entrants)} candidates ({rungs}{out}), about {Budget.covering(self.seconds)}."


def plan_search(
    candidates: Sequence[Candidate],
    rows: int,
    budget: Budget,
    *,
    jobs: int,
    seed: int,
    share: float = 1.0,
    reserved: float = 0.0,
    eta: int = 3,
    min_rows: int = MIN_ROWS,
) -> SearchPlan:
    """Decide which candidates enter, and how many rungs there are.

    As many candidates enter as the budget can hold, in turn from each bracket, and among the ladders that hold them the one
    with the fewest rungs is taken: what is seen on all rows needs no guess. By the estimates the search ends in time
    whichever candidates survive: the most expensive are reckoned with.

    Args:
        candidates: What to try; in each bracket the one believed in most comes first.
        rows: Rows to learn from.
        budget: How long the whole training may take.
        jobs: Trials at once, each on one core.
        seed: Seed of everything random.
        share: Share of the budget that is the search's, above 0 and at most 1.
        reserved: Seconds of that share which the search leaves to others.
        eta: One in so many goes on to the next rung, on so many times the rows; at least 2.
        min_rows: Rows of the first rung at least.

    Raises:
        TrainingError: There is nothing to try, or not even one candidate of each bracket fits into the budget.
        ValueError: The steering is out of its bounds.
    """
    if eta < 2 or jobs < 1 or rows < 1 or not 0 < share <= 1 or reserved < 0:
        raise ValueError(f"eta {eta}, jobs {jobs}, rows {rows}, share {share}, reserved {reserved}: one is out of bounds")
    brackets = _by_bracket(candidates)
    if not brackets:
        raise TrainingError(
            "There is no candidate to try.", hint="Ask for at least one family on a modality that the snapshot has."
        )
    limit = budget.seconds * share - reserved

    def fitting(entrants: Iterable[Candidate]) -> tuple[Rung, ...] | None:
        """Return the shortest ladder on which they stay within the limit."""
        entered = _by_bracket(entrants)
        for length in range(1, _most_rungs(rows, eta, min_rows) + 1):
            ladder = _ladder(entered, rows, jobs, eta, length)
            if sum(rung.seconds for rung in ladder) <= limit + _TINY:
                return ladder
        return None

    chosen = _smallest_field(brackets, lambda entrants: fitting(entrants) is not None)
    if (rungs := fitting(chosen)) is None:
        least = sum(rung.seconds for rung in _ladder(_by_bracket(chosen), rows, jobs, eta, 1))
        cores = f"{jobs} cores" if jobs > 1 else "one core"
        raise TrainingError(
            f"A budget of {budget} is too small: one trial of each of the {len(brackets)} asked combinations of family and "
            f"modality takes about {Budget.covering(least)} on {cores} already.",
            hint=f"Give a budget of {Budget.covering((least + reserved) / share)} at least, or ask for fewer families or "
            "modalities.",
        )
    turns = [candidate for turn in zip_longest(*brackets.values()) for candidate in turn if candidate is not None]
    for candidate in turns:
        if candidate not in chosen and (wider := fitting([*chosen, candidate])) is not None:
            chosen, rungs = [*chosen, candidate], wider
    entered = {candidate.trial for candidate in chosen}
    ordered = [candidate for bracket in brackets.values() for candidate in bracket]
    return SearchPlan(
        entrants=tuple(candidate for candidate in ordered if candidate.trial in entered),
        left_out=tuple(candidate for candidate in ordered if candidate.trial not in entered),
        rungs=rungs,
        jobs=jobs,
        seed=seed,
    )


def _by_bracket(candidates: Iterable[Candidate]) -> dict[Bracket, list[Candidate]]:
    """Return each bracket's candidates in their order; of two for one trial, the first."""
    brackets: dict[Bracket, list[Candidate]] = {}
    for candidate in {c.trial: c for c in reversed(list(candidates))}.values():
        brackets.setdefault(candidate.trial.bracket, []).insert(0, candidate)
    return dict(sorted(brackets.items()))


def _most_rungs(rows: int, eta: int, min_rows: int) -> int:
    rungs = 1
    while rows // eta**rungs >= min_rows:
        rungs += 1
    return rungs


def _ladder(
    brackets: Mapping[Bracket, Sequence[Candidate]], rows: int, jobs: int, eta: int, length: int
) -> tuple[Rung, ...]:
    return tuple(_rung(brackets, rows, jobs, eta**step, eta ** (step + 1 - length)) for step in range(length))


def _rung(brackets: Mapping[Bracket, Sequence[Candidate]], rows: int, jobs: int, thinning: int, share: float) -> Rung:
    """Return the rung that one in `thinning` candidates reaches, costed with the most expensive that may."""
    quotas = {bracket: max(1, len(candidates) // thinning) for bracket, candidates in brackets.items()}
    places: dict[str, int] = {}
    costs: list[float] = []
    outside: dict[str, list[float]] = {}
    for bracket, candidates in brackets.items():
        rounded_up = -(-len(candidates) // thinning)
        places[bracket.modality] = places.get(bracket.modality, 0) + rounded_up - quotas[bracket]
        falling = sorted((candidate.cost_at(share) for candidate in candidates), reverse=True)
        costs += falling[: quotas[bracket]]
        outside.setdefault(bracket.modality, []).extend(falling[quotas[bracket] :])
    for modality, number in places.items():
        costs += sorted(outside[modality], reverse=True)[:number]
    # Graham (1966): however a list of jobs is handed to so many machines, it ends within this.
    seconds = sum(costs) / jobs + max(costs) * (1 - 1 / jobs)
    return Rung(share, max(1, round(rows * share)), quotas, places, sum(costs), seconds)


def _smallest_field(
    brackets: Mapping[Bracket, Sequence[Candidate]], fits: Callable[[list[Candidate]], bool]
) -> list[Candidate]:
    """Return one candidate of each bracket: the first, or where time is too short for all firsts, cheaper ones."""
    field = {bracket: candidates[0] for bracket, candidates in brackets.items()}
    cheapest = {bracket: min(candidates, key=_cost) for bracket, candidates in brackets.items()}
    dearest_first = sorted(field, key=lambda bracket: _cost(cheapest[bracket])[0] - _cost(field[bracket])[0])
    for bracket in dearest_first:
        if fits(list(field.values())):
            break
        field[bracket] = cheapest[bracket]
    return list(field.values())


def _cost(candidate: Candidate) -> tuple[float, str]:
    return candidate.cost_at(1.0), candidate.trial.id
