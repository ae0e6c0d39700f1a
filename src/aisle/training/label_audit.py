"""Which labels of a snapshot are likely wrong, by models that have not learnt from them."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from aisle.models.fusion_fit import fit_fusion
from aisle.models.text_space_fit import TextOptions
from aisle.settings import Training
from aisle.training.audit import Audit, audit_labels
from aisle.training.ensemble import fold_of, out_of_fold
from aisle.training.layout import Progress, lay_out
from aisle.training.rows import ImageReader, labelled_rows
from aisle.training.search.trial import Trial
from aisle.training.selection import Asked, class_shares, first_trials


def audit_rows(
    frame: pl.DataFrame, options: Training, *, level: int | None, images: ImageReader | None, progress: Progress
) -> tuple[Audit, pl.DataFrame]:
    """Rank the labelled rows of a snapshot by how likely their labels are wrong.

    Logistic regression on text and on images is fitted on all folds but one, and judges that one; gold rows take part like
    the others, since nothing that is kept learns from them here.

    Args:
        frame: All rows of the snapshot.
        options: Seed, folds and modalities.
        level: How many levels of the labels count; all when `None`.
        images: Gives the rows' images.
        progress: Told how far it has come.

    Returns:
        The audit, and the labelled rows that its ranking numbers.

    Raises:
        TrainingError: The rows cannot be learnt from.
    """
    asked = Asked.parse("logistic", options.modalities)
    jobs = options.jobs or os.cpu_count() or 1
    looks = images if asked.modalities != ("text",) else None
    layout = lay_out(labelled_rows(frame, level), options, TextOptions(), looks, progress)
    trials: tuple[Trial, ...] = first_trials(layout, asked)
    every = np.arange(layout.rows.height)
    labels = layout.bench.labels
    with TemporaryDirectory(prefix="aisle-audit-") as place:
        layout.bench.save(Path(place))
        fold = fold_of(layout.groups, options.folds, options.seed)
        held = out_of_fold(Path(place), trials, every, fold, seed=options.seed, jobs=jobs, told=progress)
    prior = class_shares(labels, layout.bench.classes)
    fusion = fit_fusion(held.scores, held.usable, labels, prior, modalities=[trial.modality for trial in trials])
    return audit_labels(fusion.probabilities(held.scores, held.usable), labels, layout.names), layout.rows


def audit_table(audit: Audit, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows whose labels are likely wrong, the likeliest first, with what they are and what is suggested.

    Args:
        audit: What `audit_rows` found.
        rows: The rows that it numbers.
    """
    suspicious = audit.ranking.filter("confident")
    known = rows[suspicious["row"]].select("source", "split", "id", "title", "description")
    return pl.concat(
        [known, suspicious.select("label", "suggested", "self_confidence", "suggested_confidence")], how="horizontal"
    )
