"""What a monitoring run looks like in a terminal."""

from typing import TYPE_CHECKING

from rich.markup import escape

from aisle.cli.screen import say, table

if TYPE_CHECKING:
    from aisle.monitoring.monitor import Finding
    from aisle.monitoring.records import MonitorValue

_COLOURS = {"ok": "green", "watch": "yellow", "act": "red", "unknown": "dim"}
_SHOWN = 12


def summarise_finding(found: "Finding") -> None:
    """Write what was found, why, and what was asked for."""
    run = found.run
    say(
        f"{coloured(run.state)}: {run.window_rows:,} answers against {run.reference_rows:,} training rows"
        f" of version {run.version}, in {run.seconds:.2f} s."
    )
    for reason in run.reasons[:_SHOWN]:
        say(f"  {escape(reason)}")
    drifts = [value for value in found.look.values if value.family == "drift" and value.measure in {"psi", "auc"}]
    show_values("Drift", drifts)
    performance = [value for value in found.look.values if value.family in {"performance", "application"}]
    show_values("Performance", performance)
    if found.request is not None:
        say(f"Retraining was asked for: request {found.request.id}.    aisle pipeline run FOLDER --on-request")
    elif found.barred:
        say(f"No retraining was asked for. {escape(found.barred)}")


def show_values(title: str, values: "list[MonitorValue]", *, limit: int | None = 40) -> None:
    """Write values as a table, those that are not well first."""
    order = {"act": 0, "watch": 1, "ok": 2, "unknown": 3}
    ordered = sorted(values, key=lambda value: order[value.state])[:limit]
    columns = ("column", "measure", "value", "95 % interval", "by chance up to", "limit", "rows", "state", "note")
    told = [
        (
            value.column,
            value.measure,
            value.value,
            None if value.low is None else f"{value.low:.4g} to {value.high:.4g}",
            value.null_high,
            value.threshold,
            value.m,
            value.state,
            value.note,
        )
        for value in ordered
    ]
    table(title, columns, told, numbers=("value", "by chance up to", "limit", "rows"))


def coloured(state: str) -> str:
    """Return a state in its colour."""
    return f"[bold {_COLOURS[state]}]{state}[/]"
