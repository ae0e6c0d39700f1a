"""`aisle serve`: the champion over HTTP."""

import gc
from typing import Annotated

import typer

from aisle.bootstrap import open_application
from aisle.errors import SettingsError


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [default: AISLE_SERVING_HOST]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.  [default: AISLE_SERVING_PORT]")
    ] = None,
    open_: Annotated[
        bool | None,
        typer.Option("--open/--keys", help="Answer without API keys, on this machine only.  [default: AISLE_SERVING_OPEN]"),
    ] = None,
    pin: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="VERSION", help="Serve this version, whatever the ledger says.  [default: AISLE_SERVING_PIN]"
        ),
    ] = None,
    shadow: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="VERSION",
            help="Have this version score live traffic too, to compare; it never answers.  [default: AISLE_SERVING_SHADOW]",
        ),
    ] = None,
    canary: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="VERSION",
            help="Have this version answer a share of the requests.  [default: AISLE_SERVING_CANARY]",
        ),
    ] = None,
    canary_share: Annotated[
        float | None,
        typer.Option(help="Share of the request keys that it answers, as 0.05.  [default: AISLE_SERVING_CANARY_SHARE]"),
    ] = None,
) -> None:
    """Answer `POST /v1/predictions` with the champion; follows promotions and rollbacks without a restart.

    Requests need an API key (`aisle keys create`) unless the server is open. `/docs` describes the interface,
    `/health/ready` tells whether a champion is loaded, `/metrics` is for Prometheus.
    """
    # A tenth of a server's start would go into looking for garbage among what is being imported.
    gc.disable()
    try:
        from aisle.serving.app import create_app
        from aisle.serving.server import run
    finally:
        gc.enable()

    given = {"host": host, "port": port, "open": open_, "pin": pin, "shadow": shadow}
    tried = {"canary": canary, "canary_share": canary_share}
    changes = {name: value for name, value in {**given, **tried}.items() if value is not None}
    if canary_share is not None and not 0 < canary_share < 1:
        raise SettingsError("The share of a canary (--canary-share) lies between 0 and 1.", hint="Try 0.05.")
    with open_application() as application:
        options = application.settings.serving.model_copy(update=changes)
        application.require_versions(options)
        app = create_app(
            options=options,
            champions=application.champions,
            telemetry=application.telemetry,
            records=application.records,
        )
        run(app, options)
