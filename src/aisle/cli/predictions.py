"""`aisle predictions`: the log of what servers answered."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from aisle.bootstrap import open_application
from aisle.cli.screen import say
from aisle.cli.spans import parse_span

app = typer.Typer(help="Look after the log of what servers answered.", no_args_is_help=True)


@app.callback()
def _predictions() -> None:
    pass


@app.command("prune")
def prune(
    older_than: Annotated[
        str | None, typer.Option(help="Age from which answers are deleted, as 90d.  [default: AISLE_SERVING_KEEP_DAYS]")
    ] = None,
) -> None:
    """Delete old answers in small batches, while servers go on writing; run it once a day."""
    with open_application() as application:
        days = application.settings.serving.keep_days
        age = timedelta(days=days) if older_than is None else parse_span(older_than)
        before = datetime.now(UTC) - age
        deleted = application.prediction_log.prune(before)
    say(f"Deleted {deleted:,} {'answer' if deleted == 1 else 'answers'} from before {before:%Y-%m-%d %H:%M:%S} UTC.")
