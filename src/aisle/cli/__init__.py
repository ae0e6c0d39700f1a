"""The command line: one file per noun, every command a thin skin over the library."""

import sys
from typing import Annotated

import typer

from aisle import __version__
from aisle.cli import catalog, config, database, keys, models, monitor, objects, pipeline, predictions, review, train
from aisle.cli.backup import backup, restore
from aisle.cli.demo import demo
from aisle.cli.doctor import doctor
from aisle.cli.predict import predict
from aisle.cli.screen import complain
from aisle.cli.serve import serve
from aisle.errors import AisleError

app = typer.Typer(
    name="aisle",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Puts every product of a shop in the right aisle.

    A catalogue goes in (`aisle catalog ingest`), is frozen (`snapshot`), learnt, judged, registered and promoted
    (`aisle pipeline run` does it all), and the champion answers over HTTP (`aisle serve`) or on files (`aisle predict`).

    New here? `aisle demo` shows the whole way on made-up products in under a minute.
    """,
)
app.add_typer(catalog.app, name="catalog")
app.add_typer(pipeline.app, name="pipeline")
app.add_typer(train.app, name="train")
app.add_typer(models.app, name="models")
app.add_typer(keys.app, name="keys")
app.add_typer(predictions.app, name="predictions")
app.add_typer(monitor.app, name="monitor")
app.add_typer(review.app, name="review")
app.add_typer(config.app, name="config")
app.add_typer(database.app, name="database")
app.add_typer(objects.app, name="objects")
app.command("backup")(backup)
app.command("restore")(restore)
app.command("doctor")(doctor)
app.command("demo")(demo)
app.command("predict")(predict)
app.command("serve")(serve)
app.command("trace")(review.trace)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"aisle {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; an error of ours ends it with a sentence and status 1, a usage error with status 2."""
    try:
        app(prog_name="aisle")
    except AisleError as error:
        complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
