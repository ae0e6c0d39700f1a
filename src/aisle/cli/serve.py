"""`aisle serve`: the champion over HTTP."""

from typing import Annotated

import typer

from aisle.bootstrap import open_application


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [default: AISLE_SERVING_HOST]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.  [default: AISLE_SERVING_PORT]")
    ] = None,
) -> None:
    """Answer `POST /v1/predictions` with the champion; follows promotions and rollbacks without a restart.

    `/docs` describes the interface, `/health/ready` tells whether a champion is loaded, `/metrics` is for Prometheus.
    """
    from aisle.serving.app import create_app
    from aisle.serving.server import run

    changes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    with open_application() as application:
        options = application.settings.serving.model_copy(update=changes)
        run(create_app(options=options, champions=application.champions, telemetry=application.telemetry), options)
