"""`aisle monitor`: watching what servers answer."""

import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from aisle.bootstrap import Application, open_application
from aisle.cli.exporter import export
from aisle.cli.monitor_demo import demo
from aisle.cli.monitor_screen import coloured, show_values, summarise_finding
from aisle.cli.screen import JSON, progress, say, say_json, table

app = typer.Typer(
    help="Watch what servers answer: quality, drift, performance, and when to train again.", no_args_is_help=True
)
app.command("demo")(demo)
app.command("export")(export)

Policy = Annotated[
    Path | None, typer.Option(help="A policy file.  [default: AISLE_MONITORING_POLICY, else the shipped one]")
]


@app.command("run")
def run(
    window: Annotated[
        str | None, typer.Option(help="Look at the answers of this last span of time, as 24h.  [default: 24h]")
    ] = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Instead, look at so many of the last answers.")] = None,
    reference: Annotated[
        int | None, typer.Option(help="Hold them against this version's training rows.  [default: the answering version's]")
    ] = None,
    policy: Policy = None,
    metrics: Annotated[
        str | None, typer.Option(help="Address of a server to look at as well.  [default: AISLE_MONITORING_METRICS_URL]")
    ] = None,
    tracking: Annotated[bool, typer.Option(help="Show the report in MLflow as well.")] = True,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Look at a window of answers: measure, judge, keep, report, and ask for a retraining if the policy says so.

    Exit status 0, whatever was found: a run that finds drift has done its work. Run it every hour beside your servers; it
    is a process of its own and costs them nothing but reads of the database.
    """
    from aisle.monitoring.keeping import as_json, keep_report
    from aisle.monitoring.window import Asked

    with open_application() as application, progress() as report:
        report("Look at what was answered.", 0, 0)
        options = application.settings.monitoring
        asked = Asked.parse(window if rows is not None else window or options.window, rows)
        chosen = application.policy(policy)
        monitor = application.monitor(chosen)
        found = monitor.run(asked, version=reference, application=_application(application, metrics, chosen))
        report("Write the report.", 0, 0)
        kept = keep_report(found, monitor.records, application.artifacts, application.tracking if tracking else None)
    if json:
        say_json({**as_json(kept, list(found.look.values)), "request": found.request.id if found.request else None})
        return
    summarise_finding(found)
    say(f"Report: aisle monitor report {kept.id}")


@app.command("runs")
def runs(
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20, json: Annotated[bool, JSON] = False
) -> None:
    """List the runs, newest first."""
    with open_application() as application:
        found = application.monitor().records.runs(limit=limit)
    if json:
        say_json(found)
        return
    columns = ("run", "at", "window", "answers", "version", "state", "first reason")
    told = [(r.id, r.at, r.asked, r.window_rows, r.version, r.state, next(iter(r.reasons), "")) for r in found]
    table("Monitoring runs", columns, told, numbers=("run", "answers", "version"))


@app.command("report")
def report(
    run_id: Annotated[int | None, typer.Argument(help="The run.  [default: the newest]")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write it.  [default: monitoring-RUN.html]")] = None,
    browse: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Write a run's report, one HTML page that needs nothing beside itself; with --json print its values."""
    from aisle.monitoring.keeping import as_json, read_report

    with open_application() as application:
        records = application.monitor().records
        chosen = records.run(run_id) if run_id is not None else _newest(application)
        if json:
            say_json(as_json(chosen, records.values(chosen.id)))
            return
        page = read_report(chosen, application.artifacts)
    path = out or Path(f"monitoring-{chosen.id}.html")
    path.write_bytes(page)
    say(f"Run {chosen.id}, {coloured(chosen.state)}: {escape(str(path))}")
    if browse:
        webbrowser.open(path.absolute().as_uri())


@app.command("explain")
def explain(
    column: Annotated[str, typer.Argument(help="A column, as `language`, or `all`.")],
    run_id: Annotated[int | None, typer.Option("--run", help="The run.  [default: the newest]")] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Say what was measured of a column, what each measure means, and how its drift went over the last runs."""
    from aisle.errors import MonitoringError
    from aisle.monitoring.definitions import DEFINITIONS

    with open_application() as application:
        records = application.monitor().records
        chosen = records.run(run_id) if run_id is not None else _newest(application)
        every = records.values(chosen.id)
        values = [value for value in every if value.column == column]
        trend = records.trend("psi", family="drift", column=column) or records.trend("auc", family="drift", column=column)
    if not values:
        known = ", ".join(sorted({value.column for value in every}))
        raise MonitoringError(f"Run {chosen.id} measured nothing of a column {column!r}.", hint=f"There are: {known}.")
    if json:
        say_json({"run": chosen.id, "values": values, "trend": trend})
        return
    show_values(f"{column} in run {chosen.id}", values)
    table(
        "What it means", ("measure", "definition"), [(v.measure, DEFINITIONS.get((v.family, v.measure), "")) for v in values]
    )
    if len(trend) > 1:
        told = [(p.run_id, p.at, p.value.value, p.value.null_high, p.value.state) for p in trend]
        table(f"{trend[0].value.measure} over the last runs", ("run", "at", "value", "by chance up to", "state"), told)


@app.command("requests")
def requests(
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20, json: Annotated[bool, JSON] = False
) -> None:
    """List the retrainings that were asked for, and what became of each: failed, trained_not_promoted or promoted."""
    with open_application() as application:
        application.requests.expire()
        found = application.requests.all(limit=limit)
    if json:
        say_json(found)
        return
    columns = ("request", "asked at", "run", "version", "state", "new version", "why", "outcome")
    told = [
        (r.id, r.requested_at, r.run_id, r.version, r.state, r.new_version, next(iter(r.reasons), ""), r.outcome)
        for r in found
    ]
    table("Retrain requests", columns, told, numbers=("request", "run", "version", "new version"))


@app.command("policy")
def policy(
    file: Annotated[Path | None, typer.Option("--check", help="Check this file instead.")] = None,
) -> None:
    """Print the policy that is shipped, with every field explained; or check one."""
    from aisle.monitoring.policy import default_policy_text, read_policy

    if file is None:
        typer.echo(default_policy_text(), nl=False)
        return
    checked = read_policy(file)
    say(f"{escape(str(file))} is a policy of {len(checked.rules)} rules: {checked.digest[:12]}.")


@app.command("catalogue")
def catalogue(
    snapshot: Annotated[
        str | None, typer.Argument(help="A snapshot, by the beginning of its digest.  [default: newest]")
    ] = None,
    images: Annotated[int, typer.Option(min=0, help="Images to look at, evenly spread; 0 for none.")] = 2_000,
    policy: Policy = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Check a frozen catalogue: duplicates across splits, broken images, HTML, languages, labels that contradict."""
    from aisle.pipeline.catalogue_quality import check_snapshot

    with open_application() as application, progress() as told:
        values = check_snapshot(application.context(told), snapshot, images=images, policy=application.policy(policy))
    if json:
        say_json(values)
        return
    show_values("Quality of the catalogue", values, limit=None)


def _application(application: Application, url: str | None, policy: Any) -> Any:
    from aisle.monitoring.application import application_values, two_scrapes

    options = application.settings.monitoring
    address = url or options.metrics_url
    if not address:
        return None
    key = options.metrics_key.get_secret_value() if options.metrics_key else None

    def ask() -> Any:
        first, second = two_scrapes(address, seconds=options.metrics_s, key=key)
        return application_values(first, second, policy)

    return ask


def _newest(application: Application) -> Any:
    from aisle.errors import MonitoringError

    newest = application.monitor().records.latest()
    if newest is None:
        raise MonitoringError("There is no monitoring run yet.", hint="`aisle monitor run` makes one.")
    return newest
