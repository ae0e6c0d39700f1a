"""The HTTP application, made by one factory.

`uvicorn aisle.serving.app:create_app --factory` calls it without arguments. What the server is made from then comes from
the entry point `wiring` of the group `aisle.serving`, so that this room need not know the rooms above it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import entry_points

import structlog
from fastapi import FastAPI

from aisle import __version__
from aisle.errors import SettingsError
from aisle.serving import problems
from aisle.serving.access import Access, require_loopback_if_open
from aisle.serving.batching import Batcher
from aisle.serving.canary import Canary
from aisle.serving.champions import ChampionWatch
from aisle.serving.console import entrance, insight, reports, reviewing, trying, versions
from aisle.serving.console.pages import refused
from aisle.serving.console.sessions import Sessions
from aisle.serving.express import Express
from aisle.serving.grouping import Grouper
from aisle.serving.journal import Journal
from aisle.serving.keyring import Keyring
from aisle.serving.limits import Admission, BodyLimit
from aisle.serving.observation import Observation
from aisle.serving.openapi import Documented
from aisle.serving.predictor import ChampionSource, Scorer
from aisle.serving.records import Records
from aisle.serving.routes import (
    documents,
    explanations,
    feedback,
    health,
    metrics,
    mlflow,
    models,
    open_inference,
    predictions,
    promotions,
    streams,
    variants,
)
from aisle.serving.saturation import Saturation
from aisle.serving.service import Parts, Service
from aisle.serving.shadow import Shadow
from aisle.serving.traces import Traced, Tracing
from aisle.settings import Serving
from aisle.telemetry import Telemetry

_log = structlog.get_logger(__name__)
_DESKS, _QUEUE = 2, 32
"""Threads for requests that ask the database, and how many requests may wait for one."""
_DESCRIPTION = """Puts every product in the right aisle.

Every error is a problem document (RFC 9457). Every answer carries `X-Request-ID`.

A key goes into `Authorization: Bearer KEY` or `X-API-Key: KEY`."""


def create_app(
    *,
    options: Serving | None = None,
    champions: ChampionSource | None = None,
    telemetry: Telemetry | None = None,
    records: Records | None = None,
) -> FastAPI:
    """Return the application; nothing is connected, loaded or started before its lifespan begins.

    Args:
        options: How it listens and what it accepts.
        champions: Where the model comes from.
        telemetry: Where it counts. Each of the three is taken from the entry point where it is not given.
        records: What it keeps on record. If the three are given, a server may go without: it then knows no API key.

    Raises:
        SettingsError: Something is not given, and the package is not installed with its entry point. Or the server would
            be open to other machines.
    """
    if options is None or champions is None or telemetry is None:
        wired = _wired()
        options, champions, telemetry = options or wired.options, champions or wired.champions, telemetry or wired.telemetry
        records = records or wired.records
    require_loopback_if_open(options)
    keyring = Keyring(records.keys if records else None, poll_s=options.poll_s, telemetry=telemetry)
    app = Documented(
        options=options,
        title="aisle",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=_lifespan,
        openapi_url=None,
        redirect_slashes=False,
        # What is traced and counted is `Traced`'s and `Observation`'s to say, once.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    scorer = Scorer(threads=options.threads, max_waiting=options.max_waiting, max_wait_s=options.max_wait_s)
    watch = partial(ChampionWatch, champions, poll_s=options.poll_s, telemetry=telemetry)
    service = Service(
        options=options,
        telemetry=telemetry,
        watch=watch(version=options.pin),
        scorer=scorer,
        batcher=Batcher(telemetry=telemetry, max_waiting=options.max_concurrent),
        grouper=Grouper(scorer, telemetry=telemetry),
        keyring=keyring,
        journal=Journal(records.answers if records else None, options=options, telemetry=telemetry),
        desk=Scorer(threads=_DESKS, max_waiting=_QUEUE),
        kept=records,
    )
    if options.canary is not None:
        service.canary = Canary(
            watch(version=options.canary, role="canary"), service.watch, share=options.canary_share, telemetry=telemetry
        )
    if options.shadow is not None:
        service.shadow = Shadow(
            watch(version=options.shadow, role="shadow"),
            service.watch,
            max_products=options.shadow_queue,
            telemetry=telemetry,
        )
    if options.traces_endpoint:
        service.tracing = Tracing(options.traces_endpoint)
    app.state.service = service
    problems.install(app)
    # The last one added is the outermost: what is refused is observed as well, and a key is proved before a body is read.
    app.add_middleware(Express, path=predictions.PATH, answer=partial(predictions.answer_body, service))
    app.add_middleware(
        BodyLimit,
        max_bytes=options.max_body_bytes,
        receive_s=options.receive_s,
        streams=[streams.PATH],
        refuse=refused,
    )
    app.add_middleware(Access, options=options, keyring=keyring, telemetry=telemetry)
    app.add_middleware(Admission, max_concurrent=options.max_concurrent)
    if service.tracing is not None:
        app.add_middleware(Traced, tracing=service.tracing)
    app.add_middleware(Observation, telemetry=telemetry, max_lines=options.log_lines)
    rooms = (
        predictions,
        streams,
        explanations,
        feedback,
        models,
        variants,
        promotions,
        open_inference,
        mlflow,
        health,
        metrics,
        documents,
    )
    for room in rooms:
        app.include_router(room.router)
    app.state.sessions = Sessions(keyring)
    for part in (entrance, trying, reviewing, versions, reports, insight):
        app.include_router(part.router)
    app.include_router(entrance.elsewhere)
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    variants = [variant for variant in (service.canary and service.canary.watch, service.shadow) if variant]
    await asyncio.gather(service.watch.start(), service.keyring.start(), *(variant.start() for variant in variants))
    service.journal.start()
    saturation = Saturation(service.scorer, service.batcher, service.telemetry)
    saturation.start()
    _say_who_may_ask(service)
    try:
        yield
    finally:
        service.drain()
        await asyncio.gather(service.watch.stop(), service.keyring.stop(), *(variant.stop() for variant in variants))
        await saturation.stop()
        service.scorer.close()
        service.desk.close()
        await service.journal.stop(service.options.log_stop_s)
        if service.tracing is not None:
            await asyncio.to_thread(service.tracing.close)


def _say_who_may_ask(service: Service) -> None:
    if service.options.open:
        _log.warning("open: whoever is on this machine may ask, without a key")
    elif service.keyring.is_empty:
        hint = "`aisle keys create NAME --scope predict` makes one; or serve this machine alone with `aisle serve --open`."
        _log.warning("no API keys: every request is refused", hint=hint)


def _wired() -> Parts:
    found = entry_points(group="aisle.serving", name="wiring")
    if not found:
        raise SettingsError(
            "aisle is not installed with its entry point `wiring`, so there is nothing to serve with.",
            hint="Install the package (`pip install .`) instead of only putting its folder on the path.",
        )
    wiring = next(iter(found)).load()
    return Parts(*wiring())
