"""`aisle models`: the registered versions and the promotion ledger."""

import getpass
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from aisle.bootstrap import Application, open_application
from aisle.cli.comparison import compare
from aisle.cli.model_page import show
from aisle.cli.screen import JSON, say, say_json, table

app = typer.Typer(help="Look at registered models, compare, promote and roll back, take one along.", no_args_is_help=True)
app.command("show")(show)
app.command("compare")(compare)

_REASON = typer.Option("--reason", help="Why, as one sentence; it stays in the ledger.")


@app.command("list")
def list_models(json: Annotated[bool, JSON] = False) -> None:
    """List the registered versions."""
    with open_application() as application:
        in_force = application.ledger.champion()
        known = application.ledger.models()
    champion = in_force.version if in_force else None
    if json:
        say_json([{**asdict(m), "champion": m.version == champion} for m in known])
        return
    rows = [
        (
            m.version,
            "champion" if m.version == champion else "",
            _weighted(m.metrics),
            m.bundle[:12],
            m.snapshot[:12],
            m.created_at,
        )
        for m in known
    ]
    table(
        "Models",
        ("version", "role", "weighted F1", "bundle", "snapshot", "registered"),
        rows,
        numbers=("version", "weighted F1"),
    )


@app.command("promote")
def promote(version: Annotated[int, typer.Argument(help="A registered version.")], reason: Annotated[str, _REASON]) -> None:
    """Make a version champion, as a person's decision; the ledger keeps who and why."""
    with open_application() as application:
        in_force = application.ledger.champion()
        row = application.ledger.promote(
            version, actor=_who(), reason=reason, evidence={}, expected=in_force.seq if in_force else 0
        )
        _project(application)
    say(f"Version {row.version} is champion (row {row.seq} of the ledger).")


@app.command("rollback")
def rollback(reason: Annotated[str, _REASON]) -> None:
    """Make the champion before this one champion again."""
    with open_application() as application:
        row = application.ledger.rollback(actor=_who(), reason=reason)
        _project(application)
    say(f"Version {row.version} is champion again (row {row.seq} of the ledger).")


@app.command("history")
def history(json: Annotated[bool, JSON] = False) -> None:
    """Show every promotion and rollback: who, when, why."""
    with open_application() as application:
        promotions = application.ledger.history()
    if json:
        say_json([asdict(p) for p in promotions])
        return
    rows = [(p.seq, p.action, p.version, p.previous, p.actor, p.created_at, p.reason) for p in promotions]
    table(
        "Promotions",
        ("row", "action", "version", "before", "by", "at", "reason"),
        rows,
        numbers=("row", "version", "before"),
    )


@app.command("verify")
def verify(
    what: Annotated[
        str, typer.Argument(metavar="VERSION|PATH", help="A registered version, or a folder or tar file that was exported.")
    ],
) -> None:
    """Check every digest of a bundle and replay its golden pairs; a version is fetched from the store."""
    from aisle.models.bundle import Bundle
    from aisle.registry.export import exported_bundle

    if what.isascii() and what.isdigit():
        with open_application() as application:
            bundle = application.context().bundle(application.ledger.model(int(what)).bundle)
        name = f"Version {int(what)}"
    else:
        with exported_bundle(Path(what)) as folder:
            bundle = Bundle.load(folder)
        name = escape(what)
    say(f"{name} is whole: bundle {bundle.digest}.")


@app.command("export")
def export(
    version: Annotated[int, typer.Argument(help="A registered version.")],
    target: Annotated[Path, typer.Argument(metavar="FOLDER|FILE.tar", help="A new folder, or a new file ending in .tar.")],
) -> None:
    """Write a version's bundle, verified, to a folder or a tar file; the same version gives the same bytes.

    `aisle models verify` checks either. Nothing is ever written over.
    """
    from aisle.registry.bundles import fetch
    from aisle.registry.export import export_bundle

    with open_application() as application:
        context = application.context()
        folder = fetch(context.artifacts, application.ledger.model(version).bundle, context.bundle_cache)
    digest = export_bundle(folder, target)
    say(f"Wrote version {version} to {escape(str(target))}: bundle {digest}.")


@app.command("checkpoint")
def checkpoint(
    version: Annotated[int, typer.Argument(help="A registered version with a deep component.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the checkpoint goes.")],
) -> None:
    """Write what a version's deep component has learnt about n-grams; `aisle train --checkpoint FOLDER` begins with it."""
    from aisle.models.checkpoints import write_checkpoint

    with open_application() as application:
        model = application.context().bundle(application.ledger.model(version).bundle).classifier
    name = write_checkpoint(model, folder)
    say(f"Wrote what {name} of version {version} has learnt to {escape(str(folder))}.")


@app.command("reconcile")
def reconcile() -> None:
    """Set MLflow's alias `champion` to what the ledger says."""
    with open_application() as application:
        _project(application)


def _who() -> str:
    """Return the name of whoever decides; in a container the user may have a number and no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _project(application: Application) -> None:
    outcome = application.tracking().reconcile(application.ledger)
    say(escape(str(outcome)))


def _weighted(metrics: object) -> object:
    return metrics.get("weighted_f1") if isinstance(metrics, dict) else None


def _scores(metrics: dict[str, float]) -> None:
    names = [name for name in metrics if not name.endswith(("_low", "_high")) and not name.startswith("rows")]
    rows = [(name, metrics[name], metrics.get(f"{name}_low"), metrics.get(f"{name}_high")) for name in names]
    columns = ("on the gold rows", "value", "95 % from", "to")
    table("Scores", columns, rows, numbers=columns[1:])
