"""From what there is to learn from to the candidates worth an ensemble: planned, searched and chosen on validation rows."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
from joblib import delayed
from sklearn.metrics import f1_score

from aisle.errors import TrainingError
from aisle.models.calibration import fit_temperature, softmax
from aisle.models.component import MODALITIES, Modality
from aisle.models.deep.options import DeepOptions
from aisle.models.deep.start import checkpoint_digest
from aisle.models.families import FAMILIES, family_named
from aisle.models.family import Floats
from aisle.models.fusion_select import Selected, select_components
from aisle.settings import Training
from aisle.training.layout import Layout
from aisle.training.memory import find_room
from aisle.training.processes import side_by_side
from aisle.training.search.budget import Budget
from aisle.training.search.outcome import SearchOutcome
from aisle.training.search.plan import SearchPlan, plan_search
from aisle.training.search.subsample import rung_rows
from aisle.training.search.trial import Bracket, Candidate, Trial, TrialResult
from aisle.training.workbench import Rows, opened

SEARCH_SHARE = 0.4
"""Share of the budget for the search."""

SEARCH_GRACE = 1.5
"""A search is cut short when it takes so many times its share: a slower or busier machine than the estimates are for may be
late, and still finds what it finds every time."""

SEARCH_GRACE_S = 60.0
"""But so many seconds beyond its share at the earliest: a first training compiles what later ones find compiled."""

FIT_SHARE = 0.5
"""Share of the budget for scores out of fold and the last fit; what is left is for reading, judging and writing."""

_KEPT = "validation"
_ALONE = 2
"""Components at most that products with nothing but a text, or nothing but an image, are answered by."""
_LEAST = 1e-7


@dataclass(frozen=True)
class Asked:
    """What a user wants to be tried.

    Args:
        families: Names of families; empty for all that fit the budget.
        modalities: What they may look at; empty for all that there is.
        checkpoint: Folder of a checkpoint that deep begins with; empty for none.
        digest: The checkpoint's digest; empty for none.
    """

    families: tuple[str, ...]
    modalities: tuple[Modality, ...]
    checkpoint: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, families: str, modalities: str, checkpoint: str = "") -> "Asked":
        """Return what two lists with commas between their names, and a folder, ask for.

        Raises:
            TrainingError: A modality is unknown, or what a family needs is not installed.
            ModelError: A family is unknown, or the checkpoint is missing, damaged or foreign.
        """
        wanted = tuple(dict.fromkeys(name.strip() for name in families.split(",") if name.strip()))
        looked = tuple(dict.fromkeys(name.strip() for name in modalities.split(",") if name.strip()))
        for name in wanted:
            family_named(name).refuse_missing()
        for name in looked:
            if name not in MODALITIES:
                raise TrainingError(f"There is no modality {name!r}.", hint=f"They are: {', '.join(MODALITIES)}.")
        folder = Path(checkpoint).resolve() if checkpoint else None
        if folder is not None and "deep" not in wanted:
            raise TrainingError(
                "A checkpoint is for the family deep, which is not asked for.", hint="Add deep to --families."
            )
        kept = tuple(name for name in MODALITIES if name in looked)
        return cls(wanted, kept, str(folder or ""), checkpoint_digest(folder) if folder else "")


@dataclass(frozen=True)
class Evaluation:
    """Tries a trial: fits it on a share of the training rows and scores the validation rows. Goes to other processes.

    Args:
        folder: The saved workbench; scores of trials on all rows are kept there too.
        train: Rows to learn from.
        validation: Rows to judge by.
    """

    folder: Path
    train: Rows
    validation: Rows

    def __call__(self, trial: Trial, share: float, seed: int) -> TrialResult:
        """Return how the trial did on the validation rows that it can use."""
        bench = opened(self.folder)
        rows = self.train[rung_rows(bench.labels[self.train], share, seed)]
        fitted = bench.fit(trial, rows, seed=seed)
        scores = bench.scores(fitted, self.validation)
        if share == 1:
            kept = self.folder / _KEPT
            kept.mkdir(exist_ok=True)
            np.save(kept / f"{trial.id}.npy", scores, allow_pickle=False)
        usable = bench.usable(trial.modality)[self.validation]
        return _judged(scores[usable], bench.labels[self.validation[usable]])


@dataclass(frozen=True)
class Chosen:
    """The candidates of an ensemble, and why they.

    Args:
        trials: In the order of choice.
        steps: What each brought on the validation rows.
    """

    trials: tuple[Trial, ...]
    steps: tuple[Selected, ...]


@dataclass(frozen=True)
class Planned:
    """What a training does.

    Args:
        search: What is tried.
        jobs: Fits side by side, in the search and after it.
        crowded_out: Candidates for which there is not enough memory.
        fit_seconds: Core-seconds that fitting all components once may take, by the estimates.
    """

    search: SearchPlan
    jobs: int
    crowded_out: tuple[Candidate, ...]
    fit_seconds: float


def plan(layout: Layout, asked: Asked, budget: Budget, options: Training) -> Planned:
    """Decide what is tried.

    Every family that was named is tried, or the budget or the memory is called too small. Where none was named, the most
    expensive are left out until the others fit.

    Args:
        layout: What there is to learn from.
        asked: What the user wants tried.
        budget: For the whole training.
        options: Processes side by side, memory, folds and seed.

    Raises:
        TrainingError: The budget or the memory is too small, or there is nothing of what was asked.
    """
    modalities = _present(layout, asked.modalities or MODALITIES)
    jobs = options.jobs or os.cpu_count() or 1
    families = list(asked.families or _everyday())
    while True:
        room = find_room(
            _candidates(layout, families, modalities, asked.checkpoint),
            layout,
            jobs=jobs,
            gigabytes=options.memory,
            named=bool(asked.families),
        )
        try:
            found = plan_search(
                room.candidates,
                len(layout.places["train"]),
                budget,
                jobs=room.jobs,
                seed=options.seed,
                share=SEARCH_SHARE,
            )
        except TrainingError:
            if asked.families or len(families) == 1:
                raise
        else:
            most = FIT_SHARE * budget.seconds * room.jobs / (options.folds + 1)
            return Planned(found, room.jobs, room.crowded_out, most)
        families.pop()


def search_seconds(budget: Budget) -> float:
    """Return the seconds after which a search is cut short; its plan takes fewer.

    >>> search_seconds(Budget.parse("10m")), search_seconds(Budget.parse("30s"))
    (360.0, 72.0)
    """
    share = SEARCH_SHARE * budget.seconds
    return max(SEARCH_GRACE * share, share + SEARCH_GRACE_S)


def first_trials(layout: Layout, asked: Asked) -> tuple[Trial, ...]:
    """Return the best known candidate of each asked family on each modality, without any search.

    Args:
        layout: What there is to learn from.
        asked: What the user wants tried; components on both are left out where text and image have their own.

    Raises:
        TrainingError: There is nothing of what was asked.
    """
    wanted = _present(layout, asked.modalities or ("text", "image"))
    found: dict[Bracket, Trial] = {}
    for candidate in _candidates(layout, list(asked.families or _everyday()), wanted, asked.checkpoint):
        found.setdefault(candidate.trial.bracket, candidate.trial)
    return tuple(found.values())


def choose(
    outcome: SearchOutcome, folder: Path, layout: Layout, *, fit_seconds: float, price: float = 0.0, most: int = 6
) -> Chosen:
    """Choose among a search's winners those that an ensemble is better with, by the validation rows.

    Args:
        outcome: What the search found.
        folder: The saved workbench, with the scores of what was tried on all rows.
        layout: What there is to learn from.
        fit_seconds: Core-seconds that fitting all components once may take, by the estimates.
        price: Log loss, in nats, that a microsecond of answering has to bring; images alone are free.
        most: Components at most.
    """
    bench, validation = layout.bench, layout.places["validation"]
    costs = {attempt.trial: outcome.plan.candidates[attempt.trial].cost for attempt in outcome.ranking}
    trials = _affordable([attempt.trial for attempt in outcome.ranking], costs, fit_seconds)
    scores = _validation_scores(folder, trials, layout, outcome.plan.seed, outcome.plan.jobs)
    usable = [bench.usable(trial.modality)[validation] for trial in trials]
    labels = bench.labels[validation]
    prior = class_shares(bench.labels[layout.learnable], bench.classes)
    micros = [_answer_micros(trial, bench.classes) for trial in trials]
    steps = list(select_components(scores, usable, labels, prior, costs=micros, price=price, most=most))
    # What helped least goes first where all together would take too long.
    while len(steps) > 1 and sum(costs[trials[step.component]] for step in steps) > fit_seconds:
        steps.pop()
    places = [step.component for step in steps]
    # A product with only one of the two is answered as well, and by what is best with that alone.
    for modality in ("text", "image"):
        alone = [place for place, trial in enumerate(trials) if trial.modality == modality]
        if alone:
            rows = usable[alone[0]]
            own = select_components(
                [scores[place][rows] for place in alone],
                [usable[place][rows] for place in alone],
                labels[rows],
                prior,
                costs=[micros[place] for place in alone],
                price=price,
                most=_ALONE,
            )
            places += [alone[step.component] for step in own if alone[step.component] not in places]
    return Chosen(tuple(trials[place] for place in places), tuple(steps))


def _answer_micros(trial: Trial, classes: int) -> float:
    """Return the microseconds that a component is charged for."""
    if trial.modality == "image":
        # Whoever sends an image waits milliseconds for it to be decoded; whoever sends none does not pay.
        return 0.0
    family = family_named(trial.family)
    return family.answer_micros(cast("Modality", trial.modality), classes, family.options(**trial.options))


def _affordable(trials: Sequence[Trial], costs: Mapping[Trial, float], fit_seconds: float) -> list[Trial]:
    """Return the trials that may be fitted on every fold, at least the cheapest of each modality."""
    cheapest = {
        modality: min((trial for trial in trials if trial.modality == modality), key=lambda trial: costs[trial])
        for modality in dict.fromkeys(trial.modality for trial in trials)
    }
    return [trial for trial in trials if costs[trial] <= fit_seconds or trial in cheapest.values()]


def class_shares(labels: Rows, classes: int) -> Floats:
    """Return each class's share of the rows, (classes,)."""
    shares: Floats = (np.bincount(labels, minlength=classes) / len(labels)).astype(np.float32)
    return shares


def _present(layout: Layout, wanted: Sequence[Modality]) -> list[Modality]:
    """Return those modalities that there is something of."""
    if present := [name for name in layout.modalities if name in wanted]:
        return present
    named = {"both": "products with text and image"}
    raise TrainingError(
        f"The snapshot has no {' and no '.join(named.get(name, name) for name in wanted)} to learn from; it has "
        f"{' and '.join(layout.modalities)} only.",
        hint="Ask for other modalities, or take the images in with `aisle catalog ingest`.",
    )


def _everyday() -> list[str]:
    """Return the families that are tried without being named."""
    return [name for name, family in FAMILIES.items() if not family.optional]


def _candidates(layout: Layout, families: Sequence[str], modalities: Sequence[Modality], checkpoint: str) -> list[Candidate]:
    rows, bench = layout.places["train"], layout.bench
    found = []
    for name in families:
        family = FAMILIES[name]
        for modality in modalities:
            if modality not in family.modalities:
                continue
            usable = int(bench.usable(modality)[rows].sum())
            entries = bench.entries(modality, rows)
            for options in family.candidates(modality, usable, bench.classes):
                begun = options.begun_with(checkpoint) if checkpoint and isinstance(options, DeepOptions) else options
                trial = Trial(name, modality, asdict(begun))
                found.append(Candidate(trial, family.cost(usable, entries, bench.classes, options)))
    return found


def _validation_scores(folder: Path, trials: Sequence[Trial], layout: Layout, seed: int, jobs: int) -> list[Floats]:
    kept = [folder / _KEPT / f"{trial.id}.npy" for trial in trials]
    # On record from a search that was interrupted, or never tried on all rows: their scores are made here.
    missing = [trial for trial, path in zip(trials, kept, strict=True) if not path.exists()]
    evaluate = Evaluation(folder, layout.places["train"], layout.places["validation"])
    for _ in side_by_side((delayed(evaluate)(trial, 1.0, seed) for trial in missing), jobs):
        pass
    return [np.load(path, allow_pickle=False) for path in kept]


def _judged(scores: Floats, labels: Rows) -> TrialResult:
    if not len(labels):
        raise TrainingError(
            "No validation row has what it looks at.", hint="Raise AISLE_TRAINING_VALIDATION_SHARE, or add rows."
        )
    probabilities = softmax(scores, fit_temperature(scores, labels))
    surprise = -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], _LEAST))
    answers = scores.argmax(axis=1)
    score = float(f1_score(labels, answers, average="weighted", zero_division=0))
    accuracy = float((answers == labels).mean())
    error = float(np.sqrt(accuracy * (1 - accuracy) / len(labels)))
    return TrialResult(score, error, float(surprise.mean()), {"rows": len(labels)})
