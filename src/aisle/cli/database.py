"""`aisle database`: the schema."""

from typing import Annotated

import typer

from aisle.bootstrap import open_application
from aisle.cli.screen import say

app = typer.Typer(help="Migrate and check the database.", no_args_is_help=True)


@app.command("migrate")
def migrate() -> None:
    """Bring the schema to this version's; does nothing when it is there."""
    with open_application() as application:
        revision = application.unchecked_database.migrate()
        say(f"{application.unchecked_database.address} is at revision {revision}.")


@app.command("check")
def check() -> None:
    """Make sure that the database answers and that its schema is this version's."""
    with open_application() as application:
        application.unchecked_database.check()
        say(f"{application.unchecked_database.address} is ready.")


@app.command("revert")
def revert(
    revision: Annotated[str, typer.Argument(help="The revision to go back to; `base` drops everything.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the schema back to an earlier revision; what later ones added is lost."""
    with open_application() as application:
        database = application.unchecked_database
        if not yes:
            typer.confirm(f"Take {database.address} back to {revision} and lose what came later?", abort=True)
        database.revert(revision)
        say(f"{database.address} is at revision {revision}.")
