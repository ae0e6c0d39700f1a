"""From a snapshot to a bundle: lay out, search, choose, score out of fold, fuse, fit on everything, judge once, write."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from aisle.catalog.categories import category_name
from aisle.catalog.product import Product
from aisle.digest import json_digest
from aisle.errors import TrainingError
from aisle.models.bundle import BundleParts, write_bundle
from aisle.models.classifier import Classifier
from aisle.models.decisions import Decisions
from aisle.models.fusion import Fusion
from aisle.models.fusion_fit import fit_fusion
from aisle.models.manifest import library_versions
from aisle.models.text_space_fit import TextOptions
from aisle.settings import Training
from aisle.training.card import model_card
from aisle.training.deciding import fit_decisions
from aisle.training.ensemble import OutOfFold, fit_all, fold_of, out_of_fold
from aisle.training.evaluate import score_rows
from aisle.training.judging import Trained, bundle_metrics, judgement_of
from aisle.training.layout import Layout, Progress, lay_out
from aisle.training.profile import reference_profile
from aisle.training.report.judgement import Judgement, Provenance
from aisle.training.rows import ImageReader, labelled_rows, products
from aisle.training.search.budget import Budget
from aisle.training.search.events import Event, OnEvent, PlanMade, TrialFinished, TrialReused
from aisle.training.search.halving import run_search
from aisle.training.search.journal import Journal, open_journal
from aisle.training.search.outcome import SearchOutcome
from aisle.training.search.plan import SearchPlan
from aisle.training.search.trial import Trial
from aisle.training.selection import Asked, Chosen, Evaluation, choose, class_shares, plan, search_seconds
from aisle.training.workbench import Fitted

_EXAMPLES = 64


def silent(_what: str, _done: int, _total: int) -> None:
    """Report to nobody."""


@dataclass(frozen=True)
class TrainingReport:
    """How a training went.

    Args:
        digest: The bundle's digest.
        folder: Where the bundle lies.
        metrics: What its `metrics.json` says.
        rows: Rows of each part: `train`, `validation` and `gold`.
        seconds: How long each stage took.
        too_rare: Categories with a single row to learn from: kept, but do not count on them.
        not_judged: Categories without a gold row: trained on, but nobody knows how well.
        search: What was tried.
        judgement: All that a report shows.
    """

    digest: str
    folder: Path
    metrics: Mapping[str, Any]
    rows: Mapping[str, int]
    seconds: Mapping[str, float]
    too_rare: tuple[str, ...]
    not_judged: tuple[str, ...]
    search: SearchOutcome
    judgement: Judgement


def train(
    frame: pl.DataFrame,
    snapshot_digest: str,
    options: Training,
    *,
    folder: Path,
    commit: str,
    level: int | None = None,
    images: ImageReader | None = None,
    progress: Progress = silent,
    journals: Path | None = None,
    on_event: OnEvent = lambda _: None,
) -> TrainingReport:
    """Train a classifier on a snapshot and write it as a bundle.

    The gold rows are looked at once, by the bundle as it was written, to judge it.

    Args:
        frame: All rows of the snapshot; those without a label are left out.
        snapshot_digest: The snapshot's digest.
        options: Seed, shares, and what is tried for how long.
        folder: Where the bundle goes; it does not exist yet, or is empty.
        commit: The commit of the code; `unknown` outside of a repository.
        level: How many levels of the labels are to be learnt; all by default.
        images: Gives the rows' images; only texts are learnt from, by default.
        progress: Told how far it has come: what it does, how much was done since the last call, and how much there is.
        journals: A folder for what searches find, so that one which was interrupted goes on; none is kept by default.
        on_event: Told how the search goes.

    Raises:
        TrainingError: The snapshot cannot be learnt from, or not in this time or memory; the message says what to change.
        BundleError: Something lies in `folder` already.
    """
    if level is not None and level < 1:
        raise TrainingError(f"level is {level}.", hint="Give the number of levels to learn, at least 1.")
    asked = Asked.parse(options.families, options.modalities, options.checkpoint)
    given = Budget.parse(options.budget) if options.budget else None
    clock, watch = _Clock(progress), _Watch(on_event)
    text = TextOptions()
    with clock.stage("layout", "reading the rows"):
        looks = images if asked.modalities != ("text",) else None
        layout = lay_out(labelled_rows(frame, level), options, text, looks, clock.told)
    budget = given or Budget.for_rows(layout.rows.height)
    configuration = _configuration(options, text, level, asked.digest)
    with TemporaryDirectory(prefix="aisle-workbench-") as place:
        bench = Path(place)
        layout.bench.save(bench)
        with clock.stage("search", "planning the search"):
            planned = plan(layout, asked, budget, options)
            jobs = planned.jobs
            with _journal(journals, snapshot_digest, json_digest(configuration), commit, planned.search) as journal:
                found = run_search(
                    planned.search,
                    Evaluation(bench, layout.places["train"], layout.places["validation"]),
                    jobs=jobs,
                    journal=journal,
                    deadline=time.monotonic() + search_seconds(budget),
                    on_event=watch,
                )
            chosen = choose(found, bench, layout, fit_seconds=planned.fit_seconds, price=options.answer_price)
        learnable = layout.learnable
        with clock.stage("folds", f"scoring {learnable.size:,} rows out of fold"):
            fold = fold_of(layout.groups[learnable], options.folds, options.seed)
            held = out_of_fold(bench, chosen.trials, learnable, fold, seed=options.seed, jobs=jobs, told=clock.told)
        with clock.stage("fuse", "learning how to weigh the components"):
            fusion, decisions, trials = _fused(layout, chosen, held, options)
        with clock.stage("fit", f"fitting {len(trials)} components on {learnable.size:,} rows"):
            fitted = fit_all(bench, trials, learnable, seed=options.seed, jobs=jobs)
    model = _assembled(layout, fitted, fusion)
    with clock.stage("judge", f"judging on {len(layout.places['gold']):,} gold rows"):
        gold_rows = layout.rows[layout.places["gold"]]
        gold = score_rows(lambda block: model.answer(block).probabilities, layout.names, gold_rows, looks)
        trained = Trained(layout, model, decisions, trials, found, gold)
        metrics = bundle_metrics(trained, options)
    with clock.stage("write", "writing the bundle"):
        categories = {code: category_name(code) for code in layout.names}
        learnt = layout.rows[learnable]
        digest = write_bundle(
            folder,
            BundleParts(
                model=model,
                decisions=decisions,
                categories=categories,
                level=level,
                metrics=metrics,
                profile=reference_profile(learnt, gold, looks if model.image is not None else None),
                card=model_card(metrics, categories, configuration, snapshot=snapshot_digest, commit=commit),
                examples=_examples(learnt, looks if model.image is not None else None),
                snapshot=snapshot_digest,
                configuration=json_digest(configuration),
                commit=commit,
            ),
        )
    provenance = Provenance(snapshot_digest, commit, digest, configuration, library_versions())
    return TrainingReport(
        digest=digest,
        folder=folder,
        metrics=metrics,
        rows=metrics["rows"],
        seconds=clock.seconds,
        too_rare=tuple(metrics["too_rare"]),
        not_judged=tuple(metrics["not_judged"]),
        search=found,
        judgement=judgement_of(
            trained,
            options,
            provenance,
            categories=categories,
            level=level,
            images=looks,
            finished=watch.finished,
            seconds=clock.seconds,
        ),
    )


def _journal(
    folder: Path | None, snapshot: str, configuration: str, commit: str, planned: SearchPlan
) -> AbstractContextManager[Journal | None]:
    if folder is None:
        return nullcontext()
    return open_journal(folder, snapshot=snapshot, configuration=configuration, commit=commit, plan=planned)


def _fused(
    layout: Layout, chosen: Chosen, held: OutOfFold, options: Training
) -> tuple[Fusion, Decisions, tuple[Trial, ...]]:
    """Return the fusion of the components that count, what is decided by it, and the components' trials."""
    learnable = layout.learnable
    labels = layout.bench.labels[learnable]
    prior = class_shares(labels, layout.bench.classes)
    kinds = [trial.modality for trial in chosen.trials]
    fusion = fit_fusion(held.scores, held.usable, labels, prior, modalities=kinds)
    active = fusion.active or (0,)
    fusion = fusion.keep(active)
    scores, usable = [held.scores[place] for place in active], [held.usable[place] for place in active]
    decisions = fit_decisions(fusion.probabilities(scores, usable), labels, options)
    return fusion, decisions, tuple(chosen.trials[place] for place in active)


def _assembled(layout: Layout, fitted: Sequence[Fitted], fusion: Fusion) -> Classifier:
    """Return the classifier as a loader would have it: what is judged is what is written."""
    space = next((one.space for one in fitted if one.space is not None), None)
    looked = layout.images if any(one.component.modality != "text" for one in fitted) else None
    classes = len(layout.names)
    made = Classifier(classes, space, looked, tuple(one.component for one in fitted), fusion)
    return Classifier.from_parts(*made.to_parts(), classes)


def _examples(rows: pl.DataFrame, images: ImageReader | None) -> list[Product]:
    """Return products to take the golden ones from: a few, with their images where the model looks at them."""
    # The golden ones are chosen by a hash of their texts; so are these, for images are not read to be thrown away.
    ranks = [blake2b(str(title).encode("utf-8", "surrogatepass"), digest_size=8).digest() for title in rows["title"]]
    few = rows[sorted(range(rows.height), key=ranks.__getitem__)[:_EXAMPLES]]
    return products(few, images)


class _Clock:
    """Tells of each stage as it begins, and keeps how long it took."""

    def __init__(self, progress: Progress) -> None:
        self.told = progress
        self.started = time.monotonic()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, words: str) -> Iterator[None]:
        """Tell of a stage, and time the block."""
        self.told(words, 0, 0)
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


class _Watch:
    """Hands on what a search tells, and keeps when each trial ended."""

    def __init__(self, on_event: OnEvent) -> None:
        self._tell = on_event
        self._begun = time.monotonic()
        self.finished: dict[tuple[str, int], float] = {}

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, PlanMade):
            self._begun = time.monotonic()
        if isinstance(event, TrialFinished | TrialReused):
            self.finished[event.attempt.trial.id, event.attempt.rung] = round(time.monotonic() - self._begun, 2)
        self._tell(event)


def _configuration(options: Training, text: TextOptions, level: int | None, checkpoint: str) -> dict[str, Any]:
    """Return all that a bundle depends on but rows and code; a checkpoint counts by its digest, wherever it lies."""
    left_out = {"margin", "jobs", "memory", "checkpoint"}
    chosen = options.model_dump(mode="json", exclude=left_out)
    return {**chosen, "checkpoint": checkpoint, "level": level, "text": asdict(text)}
