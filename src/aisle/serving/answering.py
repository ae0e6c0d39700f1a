"""From a request's body to its answer, whatever the protocol: what is small in the event loop, the rest in a thread."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from aisle.catalog.product import Product
from aisle.errors import ModelError
from aisle.models.prediction import Prediction
from aisle.monitoring.answers import Answered
from aisle.serving.batching import MAX_BYTES
from aisle.serving.predictor import Champion
from aisle.serving.service import Service

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
    """

    products: Sequence[Product]
    top: int
    spell: Callable[[list[Prediction]], bytes]
    identity: str


async def answer(service: Service, body_bytes: int, read: Callable[[Champion], Asked]) -> bytes:
    """Return the answer to a request; all of it comes from one champion.

    Args:
        service: What answers.
        body_bytes: How large the body is.
        read: Reads the request; called in the event loop if the body is small, else in a thread.

    Raises:
        InvalidRequest: What was read is not what it should be.
        NotReady: No model is in service.
        Overloaded: Too many requests are waiting.
    """
    started, champion = time.perf_counter(), service.champion()
    if body_bytes <= MAX_BYTES and champion.seconds * 1000 <= service.options.inline_ms:
        asked = read(champion)
        if len(asked.products) <= _FEW and all(product.image is None for product in asked.products):
            found = await service.batcher.score(champion, asked.products, max(asked.top, TOLD))
            if found is not None:
                return asked.spell(keep(service, champion, asked, found, started))
    return await service.scorer.run(partial(_answer, service, champion, read, started))


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
        Answered(asked.identity, datetime.now(UTC), seconds, ref.version, ref.bundle, asked.products, found)
    )
    if service.shadow is not None:
        service.shadow.offer(champion, asked.products, found)
    return found if asked.top >= TOLD else [replace(one, top=one.top[: asked.top]) for one in found]


def _answer(service: Service, champion: Champion, read: Callable[[Champion], Asked], started: float) -> bytes:
    # All of it in a scoring thread: reading ten megabytes of JSON would hold up the event loop just as scoring does.
    asked = read(champion)
    predictions = champion.model.predict(asked.products, top=max(asked.top, TOLD))
    if len(predictions) != len(asked.products):
        given = f"{len(predictions)} answers for {len(asked.products)} products"
        raise ModelError(f"Version {champion.ref.version} gave {given}.")
    return asked.spell(keep(service, champion, asked, predictions, started))
