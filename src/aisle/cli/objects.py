"""`aisle objects`: the buckets."""

from typing import Annotated

import typer

from aisle.bootstrap import open_application
from aisle.cli.screen import say

app = typer.Typer(help="Make the buckets.", no_args_is_help=True)


@app.command("create")
def create(
    bucket: Annotated[
        list[str] | None, typer.Option("--bucket", help="A further bucket, as MLflow's; may be repeated.")
    ] = None,
) -> None:
    """Make the buckets for images and artefacts where they are missing."""
    with open_application() as application:
        options = application.settings.objects
        for name in (options.image_bucket, options.artifact_bucket, *(bucket or ())):
            made = application.objects.create_bucket(name)
            say(f"Bucket {name} {'was made' if made else 'is there'}.")
