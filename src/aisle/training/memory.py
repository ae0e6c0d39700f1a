"""How many fits find room in memory side by side, and which candidates do not find it even alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from aisle.errors import TrainingError
from aisle.models.component import Modality
from aisle.models.families import family_named
from aisle.training.layout import Layout
from aisle.training.search.trial import Bracket, Candidate, Trial

_GB = 1e9
_FREE_SHARE = 0.8
_PROCESS = 260_000_000
"""Bytes of a worker process with the libraries that it loads, before it has any row."""


@dataclass(frozen=True)
class Room:
    """What fits may take.

    Args:
        jobs: Fits side by side.
        candidates: Those that find room in one of them.
        crowded_out: Those that do not.
    """

    jobs: int
    candidates: tuple[Candidate, ...]
    crowded_out: tuple[Candidate, ...]


def find_room(candidates: Sequence[Candidate], layout: Layout, *, jobs: int, gigabytes: float, named: bool) -> Room:
    """Return how many fits may run side by side within a limit, and who takes part.

    As many run as the candidate that takes the most allows; where it does not fit by itself it is left out, with all that
    take as much.

    Args:
        candidates: What is to be tried.
        layout: What there is to learn from.
        jobs: Fits side by side at most.
        gigabytes: What the whole training may use; 0 for four fifths of what is free now.
        named: Whether each family was named by the user, so that none may be left out whole.

    Raises:
        TrainingError: The memory is too small; the message says what would do.
    """
    own = psutil.Process().memory_info().rss
    # What this process holds already is not free any more, and is part of what the training may use.
    limit = gigabytes * _GB if gigabytes else _FREE_SHARE * psutil.virtual_memory().available + own
    needs = {candidate.trial: fit_bytes(candidate.trial, layout) for candidate in candidates}
    there = limit - own - _PROCESS
    kept = tuple(candidate for candidate in candidates if needs[candidate.trial] <= there)
    left = tuple(candidate for candidate in candidates if needs[candidate.trial] > there)
    lost = {candidate.trial.bracket for candidate in left} - {candidate.trial.bracket for candidate in kept}
    if not kept or (named and lost):
        # Where families were named, each of them has to find room; otherwise one is enough to begin with.
        least = _least_of(lost, needs)
        enough = own + _PROCESS + (max(least) if named else min(least))
        raise TrainingError(
            f"{limit / _GB:.1f} GB of memory are too few: "
            + ("no fit finds room in them." if not kept else f"{', '.join(sorted(map(str, lost)))} finds no room in them."),
            hint=f"Give {enough / _GB + 0.05:.1f} GB at least with --memory, or ask for fewer families or modalities.",
        )
    largest = max(needs[candidate.trial] for candidate in kept)
    side_by_side = int((limit - own) // (_PROCESS + largest))
    return Room(max(1, min(jobs, side_by_side)), kept, left)


def fit_bytes(trial: Trial, layout: Layout) -> int:
    """Return about how many bytes a fit on all rows takes: its rows, their features, and what the family needs beside.

    Args:
        trial: What is fitted.
        layout: What there is to learn from.
    """
    bench, rows = layout.bench, layout.learnable
    modality: Modality = trial.modality  # type: ignore[assignment]
    usable = rows[bench.usable(modality)[rows]]
    entries = bench.entries(modality, usable)
    columns = bench.columns(modality)
    family = family_named(trial.family)
    options = {name: value for name, value in trial.options.items() if name in family.options.__dataclass_fields__}
    # Counted n-grams and weighed ones, both with their column's number; dense features as they are and once joined.
    features = 4 * entries if modality == "image" else 16 * entries
    return int(features + family.memory(usable.size, entries, columns, bench.classes, family.options(**options)))


def _least_of(brackets: set[Bracket], needs: dict[Trial, int]) -> list[int]:
    return [min(need for trial, need in needs.items() if trial.bracket == bracket) for bracket in brackets]
