"""From a request's body to its answer, whatever the protocol: what is small in the event loop, the rest in a thread."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from starlette.types import Scope

from aisle.catalog.product import Product
from aisle.models.prediction import Prediction
from aisle.monitoring.answers import Answered
from aisle.serving.attempt import Attempt
from aisle.serving.batching import MAX_BYTES
from aisle.serving.canary import Split
from aisle.serving.grouping import MAX_BYTES as GROUP_BYTES
from aisle.serving.grouping import Prepared
from aisle.serving.predictor import Champion
from aisle.serving.service import Service
from aisle.serving.trace import Trace, trace_of

TOLD = 2
"""Categories that a model is asked for at least: how close the second one came is kept on record."""

_FEW = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks.

    Args:
        products: What to classify, in order.
        top: How many categories each answer holds.
        spell: Makes the answer's bytes of the predictions.
        identity: The request's id.
        positions: The products' places in the request, if they are not 0, 1, 2 and so on.
    """

    products: Sequence[Product]
    top: int
    spell: Callable[[list[Prediction]], bytes]
    identity: str
    positions: Sequence[int] | None = None


async def answer(
    service: Service, scope: Scope, body_bytes: int, read: Callable[[Champion], Asked], only: Champion | None = None
) -> bytes:
    """Return the answer to a request; all of it comes from one version.

    Args:
        service: What answers.
        scope: The request's ASGI scope.
        body_bytes: How large the body is.
        read: Reads the request for whoever answers; called in the event loop if the body is small, else in a thread.
        only: Who is to answer, if that is not for the server to say.

    Raises:
        InvalidRequest: What was read is not what it should be.
        NotReady: No model is in service.
        Overloaded: Too many requests are waiting.
    """
    started, trace = time.perf_counter(), trace_of(scope)
    split = None if only or service.canary is None else service.canary.split(scope)
    champion = only or (split.champion if split else service.champion())
    if body_bytes <= MAX_BYTES and champion.seconds * 1000 <= service.options.inline_ms:
        who, asked = _read(read, champion, split)
        if len(asked.products) <= _FEW and all(product.image is None for product in asked.products):
            quick = who is champion or who.seconds * 1000 <= service.options.inline_ms
            timed = None if trace is None else partial(_tell, trace, who, time.perf_counter())
            found = await service.batcher.score(who, asked.products, max(asked.top, TOLD), timed) if quick else None
            if found is not None:
                return asked.spell(keep(service, who, asked, found, started))
    if split is None and body_bytes <= GROUP_BYTES:
        return await service.grouper.run(champion, partial(_prepare, service, champion, read, started, trace))
    return await service.scorer.run(partial(_answer, service, champion, split, read, started, trace))


def _tell(trace: Trace, who: Champion, since: float, began: float, ended: float) -> None:
    trace.span("wait", since, began)
    trace.span("score", began, ended, version=who.ref.version)


def keep(service: Service, champion: Champion, asked: Asked, found: list[Prediction], started: float) -> list[Prediction]:
    """Count answers, take them aside for the prediction log, and return them with as many categories as were asked for.

    Args:
        service: What answers.
        champion: Who answered.
        asked: What was asked.
        found: The answers, with `TOLD` categories at least.
        started: When the request was taken up, by `time.perf_counter`.
    """
    service.count(found)
    ref = champion.ref
    seconds = time.perf_counter() - started
    service.journal.offer(
        Answered(asked.identity, datetime.now(UTC), seconds, ref.version, ref.bundle, asked.products, found, asked.positions)
    )
    if service.canary is not None:
        service.canary.count(champion, found, seconds)
    if service.shadow is not None:
        service.shadow.offer(champion, asked.products, found)
    return found if asked.top >= TOLD else [one.brief(asked.top) for one in found]


def _read(read: Callable[[Champion], Asked], champion: Champion, split: Split | None) -> tuple[Champion, Asked]:
    """Return who answers a request, and what it asks of them."""
    asked = read(champion)
    who = champion if split is None else split.of(asked.products[0])
    return who, asked if who is champion else read(who)


def _prepare(
    service: Service, champion: Champion, read: Callable[[Champion], Asked], started: float, trace: Trace | None
) -> Prepared:
    """Return a request as a group of them takes it."""
    taken = time.perf_counter()
    asked = read(champion)
    done = time.perf_counter()

    def finish(found: list[Prediction], began: float, ended: float) -> bytes:
        if trace is not None:
            trace.span("wait", started, taken)
            trace.span("read", taken, done)
            trace.span("score", began, ended, version=champion.ref.version)
        return asked.spell(keep(service, champion, asked, found, started))

    return Prepared(asked.products, max(asked.top, TOLD), finish)


def _answer(
    service: Service,
    champion: Champion,
    split: Split | None,
    read: Callable[[Champion], Asked],
    started: float,
    trace: Trace | None,
) -> bytes:
    # All of it in a scoring thread: reading ten megabytes of JSON would hold up the event loop just as scoring does.
    taken = time.perf_counter()
    who, asked = _read(read, champion, split)
    began, found = time.perf_counter(), None
    if split is not None and who is split.canary:
        found = score_by_canary(service, who, asked)
        if found is None:
            who, asked = champion, read(champion)
    if found is None:
        found = score(who, asked)
    if trace is not None:
        trace.span("wait", started, taken)
        trace.span("read", taken, began)
        trace.span("score", began, time.perf_counter(), version=who.ref.version)
    return asked.spell(keep(service, who, asked, found, started))


def score(who: Champion, asked: Asked) -> list[Prediction]:
    """Return the answers to what is asked, with `TOLD` categories at least.

    Args:
        who: Who answers.
        asked: What is asked.

    Raises:
        ModelError: There are not as many as there are products.
    """
    return who.predict(asked.products, max(asked.top, TOLD))


def score_by_canary(service: Service, canary: Champion, asked: Asked) -> list[Prediction] | None:
    """Return the canary's answers to what is asked, or `None` where it failed, which is counted: then ask the champion."""
    with Attempt() as made:
        return score(canary, asked)
    if made.error is not None and service.canary is not None:
        service.canary.fail(made.error)
    return None
