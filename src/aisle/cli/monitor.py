"""`aisle monitor`: what the answers and their inputs are like, and whether that has changed."""

import typer

from aisle.cli.exporter import export

app = typer.Typer(help="Watch data, drift and performance.", no_args_is_help=True)
app.command("export")(export)


@app.callback()
def _monitor() -> None:
    pass
