"""What is told of a finished training: the figures in the bundle, and all that the report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from aisle.catalog.loads import SOURCE_AUTHOR
from aisle.models.classifier import Classifier
from aisle.models.component import Modality
from aisle.models.decisions import Decisions
from aisle.models.thresholds import ALWAYS
from aisle.registry.records import ROWS_BY_PEOPLE
from aisle.settings import Training
from aisle.training.deciding import decision_figures
from aisle.training.layout import Layout
from aisle.training.metrics import Scores, summarise
from aisle.training.n_grams import heaviest_n_grams
from aisle.training.report.judgement import ComponentScore, Judgement, PredictionSets, Provenance
from aisle.training.rows import ImageReader, products
from aisle.training.search.outcome import SearchOutcome
from aisle.training.search.trial import Attempt, Trial
from aisle.training.split import PARTS

_N_GRAM_ROWS = 30_000
"""Rows among which the letters of n-grams are looked for."""


@dataclass(frozen=True)
class Trained:
    """A finished classifier and how it came about.

    Args:
        layout: What it learnt from.
        model: The classifier.
        decisions: What is decided by it.
        trials: The candidate behind each of its components.
        search: What was tried.
        gold: Its answers to the gold rows.
    """

    layout: Layout
    model: Classifier
    decisions: Decisions
    trials: tuple[Trial, ...]
    search: SearchOutcome
    gold: Scores


def bundle_metrics(trained: Trained, options: Training) -> dict[str, Any]:
    """Return what a bundle's `metrics.json` says: nothing that two runs of the same training would tell otherwise.

    Args:
        trained: The classifier.
        options: The seed of the bootstrap.
    """
    layout, model, found = trained.layout, trained.model, trained.search
    sizes = _training_rows(layout)
    names = [component.name for component in model.components]
    return {
        "gold": summarise(trained.gold, seed=options.seed),
        "decisions": decision_figures(trained.gold, trained.decisions),
        "components": [
            {
                "name": component.name,
                "family": component.family,
                "modality": component.modality,
                "options": dict(trial.options),
                "validation": _validation(_attempt(found, trial)),
                "bytes": sum(map(len, component.to_parts()[1].values())),
            }
            for component, trial in zip(model.components, trained.trials, strict=True)
        ],
        "patterns": [
            {
                "usable": [name for name, there in zip(names, pattern.usable, strict=True) if there],
                "weights": dict(zip(names, pattern.shares(), strict=True)),
                "form": pattern.form,
                "rows": pattern.rows,
                "log_loss": pattern.log_loss,
            }
            for pattern in model.fusion.patterns
        ],
        "search": {
            "trials": len(found.attempts),
            "lost": len(found.lost),
            "cut_short": len(found.cut_short),
            "plan": str(found.plan.digest),
        },
        "rows": {part: len(layout.places[part]) for part in PARTS},
        ROWS_BY_PEOPLE: int((layout.rows[layout.learnable]["label_author"] != SOURCE_AUTHOR).sum()),
        "images": {"rows": int(layout.bench.seen.sum()), "problems": dict(layout.problems)},
        "columns": model.text.width if model.text else 0,
        "too_rare": [name for name in layout.names if sizes[name] == 1],
        "not_judged": sorted(set(layout.names) - set(trained.gold.correct)),
    }


def judgement_of(
    trained: Trained,
    options: Training,
    provenance: Provenance,
    *,
    categories: Mapping[str, str],
    level: int | None,
    images: ImageReader | None,
    finished: Mapping[tuple[str, int], float],
    seconds: Mapping[str, float],
) -> Judgement:
    """Return all that the report of a training shows.

    Args:
        trained: The classifier.
        options: Seed and coverage.
        provenance: Where it comes from.
        categories: Name of each code.
        level: How many levels of the labels were learnt.
        images: Gives the images of the worst errors.
        finished: When each trial ended, by its id and rung, in seconds from the search's begin.
        seconds: How long each stage took.
    """
    layout, decided = trained.layout, decision_figures(trained.gold, trained.decisions)
    sizes = _training_rows(layout)
    sample = layout.learnable[:: max(1, -(-layout.learnable.size // _N_GRAM_ROWS))]
    spelt: Mapping[str, Sequence[tuple[str, float]]] = {}
    if trained.model.text is not None:
        texts = trained.model.text.texts(products(layout.rows[sample]))
        bench = layout.bench
        spelt = heaviest_n_grams(trained.model, bench.counts[sample], bench.labels[sample], texts, layout.names)
    components = [
        ComponentScore(
            name=f"{trial.modality}-{trial.family}",
            modality=cast("Modality", trial.modality),
            family=trial.family,
            part="validation",
            weighted_f1=attempt.score,
            log_loss=attempt.result.log_loss if attempt.result else None,
            seconds=attempt.seconds,
        )
        for attempt in trained.search.ranking
        for trial in (attempt.trial,)
    ]
    least = trained.decisions.thresholds.least.tolist()
    return Judgement(
        gold=trained.gold,
        rows=layout.rows[layout.places["gold"]],
        categories=categories,
        provenance=provenance,
        seed=options.seed,
        level=level,
        parts={part: len(layout.places[part]) for part in PARTS},
        training_rows=sizes,
        training_sources=frozenset(layout.rows[layout.learnable]["source"].unique().to_list()),
        rare={name: "one row: learnt, but not to be counted on" for name in layout.names if sizes[name] == 1},
        sets=PredictionSets(decided["set_coverage_asked"], decided["set_coverage"], decided["set_size"]),
        thresholds={name: min(value, 1.0) for name, value in zip(layout.names, least, strict=True) if value < ALWAYS},
        components=components,
        baseline=next((one.name for one in components if (one.family, one.modality) == ("logistic", "text")), None),
        trials=[_told(attempt, finished) for attempt in trained.search.attempts],
        n_grams=spelt,
        images=images,
        seconds=seconds,
    )


def _training_rows(layout: Layout) -> dict[str, int]:
    sizes = np.bincount(layout.bench.labels[layout.learnable], minlength=len(layout.names))
    return dict(zip(layout.names, sizes.tolist(), strict=True))


def _attempt(found: SearchOutcome, trial: Trial) -> Attempt:
    return next(attempt for attempt in found.ranking if attempt.trial == trial)


def _validation(attempt: Attempt) -> dict[str, float | None]:
    result = attempt.result
    return {"weighted_f1": attempt.score, "log_loss": result.log_loss if result else None}


def _told(attempt: Attempt, finished: Mapping[tuple[str, int], float]) -> dict[str, Any]:
    result = attempt.result
    return {
        "family": attempt.trial.family,
        "modality": attempt.trial.modality,
        "rung": attempt.rung,
        "score": result.score if result else None,
        "log_loss": result.log_loss if result else None,
        "seconds": round(attempt.seconds, 2),
        "finished_s": finished.get((attempt.trial.id, attempt.rung)),
        "options": ", ".join(f"{name} {value}" for name, value in attempt.trial.options.items()),
        "lost": attempt.lost or None,
    }
