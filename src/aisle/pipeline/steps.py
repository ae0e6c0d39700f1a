"""The steps of the main job: plain functions from a small JSON message to another, safe to run again at any time.

Each is a transaction in effect: run twice with the same input it leaves the same state, killed at any moment it can be run
again. Each names what it works on by digest, never as "the latest".
"""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import func, select

from aisle.catalog import snapshot as snapshots
from aisle.catalog.ingest import Ingest
from aisle.catalog.source import open_source
from aisle.pipeline.context import Context
from aisle.pipeline.messages import (
    AuditInput,
    AuditOutput,
    EvaluateInput,
    EvaluateOutput,
    IngestInput,
    IngestOutput,
    PromoteInput,
    PromoteOutput,
    RegisterInput,
    RegisterOutput,
    SnapshotInput,
    SnapshotOutput,
    SuspiciousLabel,
    TrainInput,
    TrainOutput,
)
from aisle.pipeline.stored_images import StoredImages
from aisle.pipeline.table_files import table_writer
from aisle.registry.bundles import fetch, publish
from aisle.registry.gate import Decision, decide
from aisle.registry.records import ROWS_BY_PEOPLE
from aisle.storage.schema import products
from aisle.training.search.events import OnEvent

_SHOWN = 100
_ASKED = ("budget", "families", "modalities", "checkpoint", "jobs", "memory")
"""Settings of the training that a single one may have otherwise."""


def ingest(context: Context, what: IngestInput) -> IngestOutput:
    """Take a share of a source, or its next rows, into the catalogue."""
    options = context.settings
    source = open_source(what.folder, name=what.name, mapping=what.mapping)
    try:
        work = Ingest(context.database, context.images, options.catalog, options.objects.concurrency)
        report = work.run(
            source,
            share=what.share,
            next_rows=what.next_rows,
            upto=what.upto,
            splits=what.splits,
            sample=what.sample,
            progress=context.report,
        )
    finally:
        source.close()
    rows, images = _held(context, source.name)
    rejected = sum(load.rows_rejected + load.images_rejected for load in report.loads)
    return IngestOutput(source=source.name, rows=rows, images=images, rejected=rejected, exhausted=report.exhausted)


def snapshot(context: Context, what: SnapshotInput) -> SnapshotOutput:
    """Freeze the catalogue as it is now."""
    frozen = snapshots.freeze(context.database, context.artifacts, names=what.sources)
    return SnapshotOutput(snapshot=frozen.digest, rows=frozen.rows, labelled=frozen.labelled, classes=len(frozen.classes))


def train_bundle(context: Context, what: TrainInput, *, on_event: OnEvent = lambda _: None) -> TrainOutput:
    """Learn from a snapshot, and keep the bundle and the report of its training in the object store."""
    # The tools of training take two seconds to import: a step that does not train does without.
    from aisle.pipeline.training_report import store_report
    from aisle.training.fit import train

    options = context.settings.training
    asked = {name: value for name in _ASKED if (value := getattr(what, name)) is not None}
    with TemporaryDirectory(prefix="aisle-bundle-") as folder:
        report = train(
            snapshots.read(context.artifacts, what.snapshot),
            what.snapshot,
            options.model_validate({**options.model_dump(), **asked}),
            folder=Path(folder),
            commit=context.commit,
            level=what.level,
            images=_stored_images(context, what.snapshot),
            progress=context.report,
            journals=context.settings.workspace.home / "searches",
            on_event=on_event,
        )
        digest = publish(context.artifacts, Path(folder))
    # Matplotlib keeps its list of fonts in the user's own folder unless it is told otherwise.
    os.environ.setdefault("MPLCONFIGDIR", str(context.settings.workspace.home / "matplotlib"))
    store_report(context.artifacts, report)
    return TrainOutput(bundle=digest, snapshot=what.snapshot, metrics=figures_of(report.metrics))


def audit_snapshot(context: Context, what: AuditInput) -> AuditOutput:
    """Find the labels of a snapshot that are likely wrong."""
    from aisle.training.label_audit import audit_rows, audit_table

    options = context.settings.training
    asked = {name: value for name in ("modalities", "jobs") if (value := getattr(what, name)) is not None}
    # Opened first: a place that cannot be written to is refused before anything is learnt.
    with nullcontext() if what.out is None else table_writer(what.out) as writer:
        audit, rows = audit_rows(
            snapshots.read(context.artifacts, what.snapshot),
            options.model_validate({**options.model_dump(), **asked}),
            level=what.level,
            images=_stored_images(context, what.snapshot),
            progress=context.report,
        )
        found = audit_table(audit, rows)
        if writer is not None:
            writer.write(found)
    shown = found.head(_SHOWN).drop("split", "description").to_dicts()
    return AuditOutput(
        labelled=rows.height,
        suspicious=found.height,
        noise_rate=audit.noise_rate,
        rows=tuple(SuspiciousLabel(**row) for row in shown),
    )


def evaluate(context: Context, what: EvaluateInput) -> EvaluateOutput:
    """Score a bundle and the champion, now and on the same gold rows, and ask the gate."""
    from aisle.pipeline.gold import find_gold, judge_alone, judge_both

    in_force = context.ledger.champion()
    defender = context.ledger.model(in_force.version).bundle if in_force else None
    if in_force is not None and defender == what.bundle:
        decision = Decision(False, (f"The bundle is the champion's already, version {in_force.version}.",), {})
    else:
        gold, margin = find_gold(context, what.snapshot), context.settings.training.margin
        bundle = context.bundle(what.bundle)
        if defender:
            challenger, champion = judge_both(bundle, context.bundle(defender), *gold)
            decision = decide(challenger.for_gate(), champion.for_gate(), margin=margin)
        else:
            decision = decide(judge_alone(bundle, *gold).for_gate(), None, margin=margin)
    return EvaluateOutput(
        bundle=what.bundle,
        snapshot=what.snapshot,
        promote=decision.promote,
        reasons=decision.reasons,
        evidence=dict(decision.evidence),
        followed=in_force.seq if in_force else 0,
        champion=in_force.version if in_force else None,
        in_force=defender == what.bundle,
    )


def register(context: Context, what: RegisterInput) -> RegisterOutput:
    """Make a bundle a numbered version in MLflow and in the ledger; the same bundle keeps its number."""
    from aisle.pipeline.training_report import show_report

    if (known := context.ledger.find(what.bundle)) is not None:
        return RegisterOutput(version=known.version, bundle=known.bundle, run_id=known.run_id)
    bundle = context.bundle(what.bundle)
    registered = context.tracking().publish(
        fetch(context.artifacts, what.bundle, context.bundle_cache),
        snapshot=what.snapshot,
        commit=context.commit,
        parameters={**context.settings.training.model_dump(mode="json"), "level": bundle.level},
    )
    show_report(context, registered.run_id, what.bundle)
    context.ledger.add_model(registered.version, what.bundle, what.snapshot, registered.run_id, figures_of(bundle.metrics))
    return RegisterOutput(version=registered.version, bundle=what.bundle, run_id=registered.run_id)


def promote(context: Context, what: PromoteInput) -> PromoteOutput:
    """Make a version champion if the gate said so and the champion is still the one that it was judged against."""
    ledger = context.ledger
    in_force = ledger.champion()
    # Done already when the answer to an earlier call was lost: its decision stands.
    if what.promote and (in_force is None or in_force.version != what.version):
        ledger.promote(
            what.version,
            actor="pipeline",
            reason=" ".join(what.reasons),
            evidence=what.evidence,
            expected=what.followed,
        )
    context.tracking().reconcile(ledger)
    in_force = ledger.champion()
    champion = in_force.version if in_force else None
    return PromoteOutput(
        version=what.version, promoted=what.promote and champion == what.version, champion=champion, reasons=what.reasons
    )


def figures_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of a bundle's metrics that fit on a line each: scores on the gold rows, rows, labels by people.

    Args:
        metrics: What the bundle's `metrics.json` says.
    """
    figures: dict[str, float] = {}
    for name, value in metrics["gold"].items():
        if isinstance(value, int | float):
            figures[name] = float(value)
        elif isinstance(value, dict) and "value" in value:
            figures |= {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
    if ROWS_BY_PEOPLE in metrics:
        figures[ROWS_BY_PEOPLE] = float(metrics[ROWS_BY_PEOPLE])
    return figures | {f"rows_{part}": float(rows) for part, rows in metrics["rows"].items()}


def _stored_images(context: Context, snapshot: str) -> StoredImages:
    known = snapshots.describe(context.artifacts, snapshot)
    return StoredImages(context.images, known, context.settings.objects.concurrency)


def _held(context: Context, source: str) -> tuple[dict[str, int], dict[str, int]]:
    counted = (
        select(products.c.split, func.count(), func.count(products.c.image_sha256))
        .where(products.c.source == source)
        .group_by(products.c.split)
        .order_by(products.c.split.desc())
    )
    with context.database.reading() as connection:
        found = connection.execute(counted).all()
    return {split: rows for split, rows, _ in found}, {split: images for split, _, images in found}
