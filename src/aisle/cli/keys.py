"""`aisle keys`: who may ask a server for what."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from aisle.bootstrap import open_application
from aisle.cli.screen import ERR, JSON, OUT, say, say_json, table
from aisle.cli.spans import parse_span
from aisle.registry.keys import SCOPES, ApiKey

app = typer.Typer(help="Make, list, rotate and revoke the API keys of the server.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(help="Whose it is: a person's name or a program's.")]


@app.command("create")
def create(
    name: _Name,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it is for: predict, review or admin; may be given several times.  [default: predict]"),
    ] = None,
    requests_per_minute: Annotated[
        int, typer.Option(min=0, max=10_000_000, help="How often it may ask each server process; 0 for no limit.")
    ] = 600,
    expires: Annotated[str | None, typer.Option(help="Span after which it ends, as 90d.  [default: never]")] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Make a key and print it. It is shown this once: nobody can read it again, not even in the database.

    The key alone goes to standard output, what is said about it to standard error: `KEY=$(aisle keys create shop)`.
    """
    with open_application() as application:
        key, secret = application.keys.create(
            name,
            scopes=scope or [SCOPES[0]],
            requests_per_minute=requests_per_minute or None,
            expires_at=None if expires is None else datetime.now(UTC) + parse_span(expires),
        )
        _hand_over(key, secret, json=json, poll_s=application.settings.serving.poll_s)


@app.command("list")
def list_keys(json: Annotated[bool, JSON] = False) -> None:
    """List every key that there ever was; the prefix is how a key begins, and no secret."""
    with open_application() as application:
        known = application.keys.all()
    if json:
        say_json([_told(key) for key in known])
        return
    now = datetime.now(UTC)
    rows = [
        (
            key.name,
            key.state(now),
            f"aisle_{key.prefix}…",
            _scopes(key),
            "no limit" if key.requests_per_minute is None else key.requests_per_minute,
            key.created_at,
            key.revoked_at or key.expires_at,
            key.last_used_at,
        )
        for key in known
    ]
    columns = ("name", "state", "key", "scopes", "per minute", "created", "ends", "last used")
    table("API keys", columns, rows, numbers=("per minute",))


@app.command("rotate")
def rotate(
    name: _Name,
    grace: Annotated[
        str, typer.Option(help="Span for which the old key goes on working, as 30m or 1d; 0 to end it.")
    ] = "1d",
    json: Annotated[bool, JSON] = False,
) -> None:
    """Make a new key like the current one, and end the old one after a while."""
    with open_application() as application:
        key, secret = application.keys.rotate(name, grace=parse_span(grace))
        _hand_over(key, secret, json=json, poll_s=application.settings.serving.poll_s)
    if not json:
        ERR.print(f"The old key ends {'now' if grace.strip() == '0' else f'in {escape(grace)}'}.")


@app.command("revoke")
def revoke(name: _Name) -> None:
    """End every key of a name now; servers notice at their next look, within AISLE_SERVING_POLL_S."""
    with open_application() as application:
        ended = application.keys.revoke(name)
    say(f"Revoked {ended} {'key' if ended == 1 else 'keys'} of {escape(name)}.")


def _hand_over(key: ApiKey, secret: str, *, json: bool, poll_s: float) -> None:
    if json:
        say_json({**_told(key), "key": secret})
        return
    # Not by `say`: a key is no markup, and stands alone for `$(…)`.
    OUT.file.write(f"{secret}\n")
    rate = "without limit" if key.requests_per_minute is None else f"{key.requests_per_minute:,} times a minute"
    ERR.print(f"Key of {escape(key.name)}: {_scopes(key)}, {rate}. Keep it now: it is not shown again.")
    ERR.print(f"Servers take it within {poll_s:g} s: curl -H 'Authorization: Bearer KEY' …")


def _scopes(key: ApiKey) -> str:
    return ", ".join(scope for scope in SCOPES if scope in key.scopes)


def _told(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "state": key.state(datetime.now(UTC)),
        "prefix": key.prefix,
        "scopes": [scope for scope in SCOPES if scope in key.scopes],
        "requests_per_minute": key.requests_per_minute,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "replaced_at": key.replaced_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
