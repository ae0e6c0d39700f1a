"""`aisle pipeline`: the main job, whole or step by step."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import orjson
import typer
from rich.markup import escape

from aisle.bootstrap import open_application
from aisle.cli.screen import OUT, progress, say, table
from aisle.cli.train import Budget
from aisle.errors import PipelineError

if TYPE_CHECKING:
    # The steps bring all of training with them, which takes a second or two to import.
    from aisle.pipeline.local import StepResult

app = typer.Typer(help="Run the main job, whole or step by step.", no_args_is_help=True)


@app.command("run")
def run(
    source: Annotated[Path, typer.Argument(help="The folder that holds the catalogue's files; never modified.")],
    name: Annotated[str | None, typer.Option(help="The name to keep it under.  [default: the folder's]")] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="A `catalog.toml`, for another catalogue than the challenge's.")
    ] = None,
    share: Annotated[float, typer.Option(help="Share of each file's rows to have in the end.")] = 0.2,
    next_rows: Annotated[
        int | None, typer.Option("--next", min=1, help="Instead of a share, take so many rows more.")
    ] = None,
    sample: Annotated[
        Literal["head", "stratified"], typer.Option(help="Rows as they stand, or in the classes' shares.")
    ] = "head",
    only: Annotated[bool, typer.Option("--only", help="Learn from this catalogue alone, not from all there are.")] = False,
    level: Annotated[int | None, typer.Option(min=1, help="Levels of a multi-level label to learn.")] = None,
    budget: Budget = None,
    on_request: Annotated[
        bool, typer.Option("--on-request", help="Only if a retraining was asked for; what becomes of it is kept.")
    ] = False,
    taker: Annotated[
        str | None, typer.Option("--as", help="Who takes the request; after a kill the same name goes on with it.")
    ] = None,
) -> None:
    """Take a catalogue from its files to a champion: ingest, snapshot, train, evaluate, register, promote.

    What is up to date is passed over; after a kill it goes on where it was. With --on-request it takes the open retrain
    request (`aisle monitor requests`), and leaves it failed, trained_not_promoted or promoted.
    """
    from aisle.catalog.source import open_source

    sources = [open_source(source, name=name, mapping=mapping).name] if only else None
    given = {
        "folder": source.resolve(),
        "name": name,
        "mapping": mapping.resolve() if mapping else None,
        "share": share,
        "next_rows": next_rows,
        "sample": sample,
        "sources": sources,
        "level": level,
        "budget": budget,
    }
    if on_request:
        _run_on_request(given, taker)
    else:
        summarise(run_with_progress(given))


@app.command("step")
def step(
    name: Annotated[
        str, typer.Argument(help="One of: ingest, snapshot, train, evaluate, register, promote, target, holdings, due.")
    ],
    given: Annotated[
        str, typer.Argument(metavar="JSON", help="The step's input, or `-` to read it from standard input.")
    ] = "{}",
    schema: Annotated[bool, typer.Option("--schema", help="Print the shape of the step's input, and do nothing.")] = False,
    pick: Annotated[
        bool,
        typer.Option("--pick", help="Take only the fields that the step knows: what others returned may be sent whole."),
    ] = False,
) -> None:
    """Run one step: takes a small JSON object, prints one; this is what an orchestrator calls."""
    from aisle.pipeline.local import run_step
    from aisle.pipeline.plan import step_named

    if schema:
        OUT.print_json(orjson.dumps(step_named(name).takes.model_json_schema()).decode())
        return
    text = typer.get_text_stream("stdin").read() if given == "-" else given
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise PipelineError(
            f"The step's input is no JSON: {error}.", hint='Write an object, as {"snapshot": "…"}.'
        ) from None
    if not isinstance(content, dict):
        raise PipelineError("The step's input is no JSON object.", hint='Write an object, as {"snapshot": "…"}.')
    if pick:
        content = {field: value for field, value in content.items() if field in step_named(name).takes.model_fields}
    with open_application() as application, progress() as report:
        result = run_step(application.context(report), name, content)
    typer.echo(orjson.dumps(result.output).decode())


@app.command("plan")
def plan() -> None:
    """Show the steps in order, and what each takes."""
    from aisle.pipeline.plan import ERRANDS, STEPS

    for title, steps in (("Steps", STEPS), ("Beside them", ERRANDS)):
        table(title, ("step", "does", "takes"), [(s.name, s.summary, ", ".join(s.takes.model_fields)) for s in steps])


@app.command("failed")
def failed(
    dag: Annotated[str, typer.Argument(help="The DAG's id.")],
    task: Annotated[str, typer.Argument(help="The task's id.")],
) -> None:
    """Tell the metrics that a task of an orchestrator has failed for good; this is what its failure callback calls.

    AISLE_PUSH_URL names the Pushgateway; without it nothing is told.
    """
    from aisle.telemetry import push_failure

    with open_application() as application:
        address = application.settings.workspace.push_url
    if address is None:
        say("AISLE_PUSH_URL is not set: nobody was told.")
        return
    push_failure(address, dag, task)
    say(f"Told {escape(address)}.")


def _run_on_request(given: dict[str, Any], taker: str | None) -> None:
    from aisle.pipeline.on_request import run_on_request

    with open_application() as application, progress() as report:
        context = application.context(report)
        done = run_on_request(context, given, who=taker, on_step=lambda step: report(step.summary, 0, 0))
    if done is None:
        say("No retraining is asked for: there is nothing to do.    aisle monitor requests")
        return
    summarise(done.results, next_steps=False)
    request = done.request
    say(f"Retrain request {request.id}: [bold]{request.state}[/]. {escape(request.outcome)}")


def run_with_progress(given: dict[str, Any]) -> "list[StepResult]":
    """Run the main job, saying each step as it begins."""
    from aisle.pipeline.local import run_pipeline

    with open_application() as application, progress() as report:
        context = application.context(report)
        return run_pipeline(context, given, on_step=lambda step: report(step.summary, 0, 0))


def summarise(results: "list[StepResult]", *, next_steps: bool = True) -> None:
    """Print what became of each step, why the gate decided as it did, and how to go on."""
    rows = [(r.name, "on record" if r.skipped else f"{r.seconds:.1f} s", _outcome(r)) for r in results]
    table("Pipeline", ("step", "took", "outcome"), rows)
    for reason in results[-1].output["reasons"]:
        say(escape(reason))
    if next_steps:
        say("Next: aisle serve --open    aisle models list    aisle predict --split test --out submission.csv")


def _outcome(result: "StepResult") -> str:
    output = result.output
    match result.name:
        case "ingest":
            return (
                f"{output['source']}: {sum(output['rows'].values()):,} products, {sum(output['images'].values()):,} images"
            )
        case "snapshot":
            return f"{output['snapshot'][:12]}: {output['rows']:,} products, {output['classes']:,} classes"
        case "train":
            return f"bundle {output['bundle'][:12]}, weighted F1 {output['metrics']['weighted_f1']:.4f}"
        case "evaluate":
            return _judgement(output)
        case "register":
            return f"version {output['version']}"
        case _:
            return f"champion is version {output['champion']}" if output["champion"] else "no champion"


def _judgement(output: dict[str, Any]) -> str:
    if output["in_force"]:
        return f"is version {output['champion']}, the champion"
    against = f"version {output['champion']}" if output["champion"] else "no champion"
    return f"{'passed' if output['promote'] else 'refused'} against {against}"
