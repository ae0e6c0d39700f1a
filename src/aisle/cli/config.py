"""`aisle config`: every setting, its value and where it came from."""

import typer

from aisle.cli.screen import say, table
from aisle.configuration import load_settings, shown_value
from aisle.settings import CONCERNS, variable

app = typer.Typer(help="Look at the settings.", no_args_is_help=True)


@app.command("show")
def show() -> None:
    """Print each setting with its value and where it came from; secrets are masked.

    Sources, high to low: the environment, `.env`, files in `AISLE_SECRETS_DIR`, `aisle.toml`, the default.
    """
    settings = load_settings()
    for concern in CONCERNS:
        values = getattr(settings, concern.__name__.lower())
        rows = [
            (
                variable(concern, name),
                shown_value(getattr(values, name)),
                settings.origins[variable(concern, name)],
                info.description,
            )
            for name, info in concern.model_fields.items()
        ]
        table(concern.__name__, ("setting", "value", "from", "meaning"), rows)
    say("Write `url` under `[database]` in aisle.toml for AISLE_DATABASE_URL, and so on.")
