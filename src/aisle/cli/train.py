"""`aisle train`: learning from a snapshot, and looking for labels that are likely wrong."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from aisle.bootstrap import open_application
from aisle.cli.screen import progress, say, table
from aisle.cli.train_screen import search_screen
from aisle.errors import InputError
from aisle.pipeline.messages import AuditInput, TrainInput

app = typer.Typer(help="Learn from a snapshot, and look for labels that are likely wrong.", invoke_without_command=True)

_Snapshot = Annotated[str | None, typer.Option(help="A snapshot's digest or its beginning.  [default: the newest]")]
_Level = Annotated[int | None, typer.Option(min=1, help="Levels of a multi-level label to learn.  [default: all]")]
_Modalities = Annotated[
    str | None, typer.Option(help="Of text, image and both, with commas between.  [default: all that the snapshot has]")
]
Budget = Annotated[
    str | None,
    typer.Option(help="Time that the training may take, as 90s, 10m or 1h30m.  [default: 30 s for each thousand rows]"),
]
_Jobs = Annotated[int | None, typer.Option(min=1, help="Processes side by side.  [default: one a core]")]


@app.callback()
def train(
    context: typer.Context,
    snapshot: _Snapshot = None,
    budget: Budget = None,
    families: Annotated[
        str | None,
        typer.Option(
            help="Of logistic, svm, forest, boosting and deep, with commas between.  [default: all but deep that fit]"
        ),
    ] = None,
    modalities: _Modalities = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder of a checkpoint that deep begins with: `aisle models checkpoint` writes one.")
    ] = None,
    level: _Level = None,
    jobs: _Jobs = None,
    memory: Annotated[
        float | None, typer.Option(min=0.1, help="GB that it may use.  [default: four fifths of what is free]")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report of the training there, as one HTML file.")] = None,
) -> None:
    """Learn from a snapshot and keep the bundle; `aisle pipeline run` also judges, registers and promotes it.

    Candidates of every family are tried on text, image and both within the budget; those that help each other are fused.
    A training that was interrupted goes on where it was when the same is started again.
    """
    if context.invoked_subcommand is not None:
        return
    from aisle.catalog.snapshot import find, latest
    from aisle.pipeline.steps import train_bundle
    from aisle.registry.reports import Reports

    if report is not None:
        _make_room(report)
    with open_application() as application:
        digest = find(application.database, snapshot) if snapshot else latest(application.database)
        asked = TrainInput(
            snapshot=digest,
            level=level,
            budget=budget,
            families=families,
            modalities=modalities,
            checkpoint=None if checkpoint is None else str(checkpoint.resolve()),
            jobs=jobs,
            memory=memory,
        )
        with progress() as tell, search_screen() as on_event:
            made = train_bundle(application.context(tell), asked, on_event=on_event)
        page = Reports(application.artifacts).read(made.bundle)
    if report is not None and page is not None:
        _write(report, page)
    say(f"Bundle {made.bundle}")
    _scores(made.metrics)
    if report is not None:
        say(f"Report: {escape(str(report))}")


@app.command("audit")
def audit(
    snapshot: _Snapshot = None,
    level: _Level = None,
    modalities: _Modalities = None,
    jobs: _Jobs = None,
    top: Annotated[int, typer.Option(min=1, max=100, help="How many to show.")] = 20,
    out: Annotated[Path | None, typer.Option(help="Write all of them there: .csv, .parquet or .jsonl.")] = None,
) -> None:
    """List the products whose labels are likely wrong, the likeliest first; nothing is changed.

    Each product is judged by models that have learnt from the others only, all labelled rows in turn.
    """
    from aisle.catalog.snapshot import find, latest
    from aisle.pipeline.steps import audit_snapshot

    with open_application() as application, progress() as tell:
        digest = find(application.database, snapshot) if snapshot else latest(application.database)
        asked = AuditInput(snapshot=digest, level=level, modalities=modalities, jobs=jobs, out=out)
        found = audit_snapshot(application.context(tell), asked)
    rows = [
        (f"{row.source} {row.id}", row.title, row.label, row.suggested, row.self_confidence, row.suggested_confidence)
        for row in found.rows[:top]
    ]
    columns = ("product", "title", "label", "rather", "label's probability", "other's")
    table("Labels that are likely wrong", columns, rows, numbers=columns[4:])
    say(
        f"{found.suspicious:,} of {found.labelled:,} labels are likely wrong; an estimated {found.noise_rate:.1%} are."
        + (f" All of them: {escape(str(out))}" if out is not None else " `--out FILE` writes all of them.")
    )


def _make_room(report: Path) -> None:
    """Refuse a place that cannot be written to before anything is learnt, rather than after."""
    if report.is_dir():
        raise InputError(f"{report} is a folder.", hint="Name a file to write.")
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{report} cannot be written: {error.strerror}.", hint="Name another file.") from error


def _write(report: Path, page: bytes) -> None:
    try:
        report.write_bytes(page)
    except OSError as error:
        raise InputError(
            f"{report} cannot be written: {error.strerror}.", hint="The bundle is kept; train again to get its report."
        ) from error


def _scores(metrics: dict[str, float]) -> None:
    names = [name for name in metrics if not name.endswith(("_low", "_high")) and not name.startswith("rows")]
    rows = [(name, metrics[name], metrics.get(f"{name}_low"), metrics.get(f"{name}_high")) for name in names]
    columns = ("on the gold rows", "value", "95 % from", "to")
    table("Scores", columns, rows, numbers=columns[1:])
