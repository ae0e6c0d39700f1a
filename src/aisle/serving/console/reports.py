"""Reports in the console: pages that were made elsewhere, each in an origin of its own.

A report shows what a catalogue says, and brings a script that sorts its tables. It is sent so that the browser gives it an
origin that nobody shares: whatever it held, it could read no cookie, ask this server nothing and send nothing anywhere.
"""

import re
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from aisle.errors import ObjectNotFound
from aisle.serving.console.pages import PATH, ConsoleRoute, number_of, visit

_HASH = re.compile(rb"'sha256-[A-Za-z0-9+/]{43}='")
_HEAD = 2_000
_POLICY = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {};"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

router = APIRouter(prefix=PATH, route_class=ConsoleRoute, include_in_schema=False)


@router.get("/models/{version}/report")
async def training_report(request: Request, version: str) -> Response:
    """Open the report of a version's training."""
    visitor = await visit(request)
    service, records = visitor.service, visitor.records
    known = {model.version: model.bundle for model in await service.desk.run(service.records.ledger.models)}
    bundle = known.get(number_of(version))
    page = None if bundle is None else await service.desk.run(partial(records.reports.read, bundle))
    if page is None:
        raise ObjectNotFound(
            f"There is no report of version {version[:20]}.",
            hint="A training writes one; what came from elsewhere has none.",
        )
    return apart(page)


@router.get("/drift/report")
async def monitoring_report(request: Request) -> Response:
    """Open the report of the last monitoring run."""
    visitor = await visit(request)
    service, records = visitor.service, visitor.records
    run = await service.desk.run(records.monitoring.latest)
    key = None if run is None else run.report
    page = None if key is None else await service.desk.run(partial(records.reports.read_key, key))
    if page is None:
        raise ObjectNotFound("There is no report of the last monitoring run.", hint="`aisle monitor run` writes one.")
    return apart(page)


def apart(page: bytes) -> Response:
    """Return a report so that it can do nothing to whoever looks at it.

    Args:
        page: The report. Its own script runs where its head names the script's digest, before anything from a catalogue.
    """
    named = _HASH.search(page[:_HEAD])
    headers = {
        "Content-Security-Policy": _POLICY.format(named[0].decode() if named else "'none'"),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return Response(page, media_type="text/html", headers=headers)
