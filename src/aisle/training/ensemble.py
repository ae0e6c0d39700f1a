"""From chosen candidates to an ensemble: scores of rows that each has not learnt from, the fusion of them, and the last fit.

Nothing is fitted or chosen on rows that the same model has learnt from: every row of training and validation gets its
scores from a copy fitted on the other folds, and whole groups of duplicates are in one fold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from joblib import delayed
from numpy.typing import NDArray

from aisle.models.family import Floats
from aisle.training.layout import Progress
from aisle.training.processes import side_by_side
from aisle.training.search.trial import Trial
from aisle.training.workbench import Fitted, Rows, opened


@dataclass(frozen=True)
class OutOfFold:
    """What copies of some candidates, fitted on other folds, say of each row.

    Args:
        scores: Of each candidate, (rows, classes).
        usable: Whether each candidate has something to go by and a copy that could be fitted, (rows,) each.
    """

    scores: tuple[Floats, ...]
    usable: tuple[NDArray[np.bool_], ...]


def fold_of(groups: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.intp]:
    """Return the fold of each row, from 0: whole groups, the largest first, each into the fold of the fewest rows.

    Args:
        groups: Each row's group of duplicates, (rows,).
        folds: How many folds.
        seed: Seed of the order among groups of one size.
    """
    present, position, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shuffled = np.random.default_rng(seed).permutation(present.size)
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    filled = np.zeros(folds, np.int64)
    chosen = np.empty(present.size, np.intp)
    for group in order:
        chosen[group] = filled.argmin()
        filled[chosen[group]] += sizes[group]
    return chosen[position]


def out_of_fold(
    folder: Path, trials: Sequence[Trial], rows: Rows, fold: NDArray[np.intp], *, seed: int, jobs: int, told: Progress
) -> OutOfFold:
    """Return scores of rows by copies of the candidates that have not learnt from them.

    Where so few rows have what a candidate looks at that without a fold they are all of one class, there is no copy for
    that fold, and its rows are not usable.

    Args:
        folder: The saved workbench.
        trials: The candidates.
        rows: The rows, rising.
        fold: The fold of each of them, (rows,), from 0.
        seed: Seed of whatever is random in a fit.
        jobs: Worker processes.
        told: Progress what was done after each fit.

    Raises:
        TrainingError: A candidate cannot be fitted on some folds.
    """
    bench = opened(folder)
    scores = [np.zeros((rows.size, bench.classes), np.float32) for _ in trials]
    parts = range(int(fold.max()) + 1)
    # Fold by fold, so that candidates that follow each other in one process share the features of its texts.
    usable = [bench.usable(trial.modality)[rows] for trial in trials]
    labels = bench.labels[rows]
    tasks = []
    for part in parts:
        for place, own in enumerate(usable):
            if np.unique(labels[own & (fold != part)]).size > 1:
                tasks.append((place, part))
            else:
                own[fold == part] = False
    work = (
        delayed(_held_scores)(folder, trials[place], rows[fold != part], rows[fold == part], seed) for place, part in tasks
    )
    for (place, part), found in zip(tasks, side_by_side(work, jobs), strict=True):
        scores[place][fold == part] = found
        told("scoring rows out of fold", 1, len(tasks))
    return OutOfFold(tuple(scores), tuple(usable))


def fit_all(folder: Path, trials: Sequence[Trial], rows: Rows, *, seed: int, jobs: int) -> list[Fitted]:
    """Fit candidates on rows, each in a process of its own.

    Args:
        folder: The saved workbench.
        trials: The candidates.
        rows: The rows to learn from, rising.
        seed: Seed of whatever is random in a fit.
        jobs: Worker processes.

    Raises:
        TrainingError: A candidate cannot be fitted on these rows.
    """
    return list(side_by_side((delayed(_fitted)(folder, trial, rows, seed) for trial in trials), jobs))


def _held_scores(folder: Path, trial: Trial, learnt: Rows, held: Rows, seed: int) -> Floats:
    bench = opened(folder)
    return bench.scores(bench.fit(trial, learnt, seed=seed), held)


def _fitted(folder: Path, trial: Trial, rows: Rows, seed: int) -> Fitted:
    return opened(folder).fit(trial, rows, seed=seed)
