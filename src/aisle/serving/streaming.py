"""Predictions line by line: a block of lines is read, scored in a thread and sent before the next one is read.

So memory is bounded and a client that reads slowly is read from slowly. A line that is wrong is answered by a problem, and
the others are answered all the same.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson
import structlog
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from aisle.catalog.product import Product
from aisle.errors import AisleError, ContentTooLarge, Overloaded
from aisle.models.prediction import Prediction
from aisle.serving.answering import Asked, keep, score, score_by_canary
from aisle.serving.canary import Split
from aisle.serving.intake import read_products
from aisle.serving.lines import Line, blocks
from aisle.serving.predictor import Champion
from aisle.serving.problems import aisle_problem, internal_problem, request_id
from aisle.serving.service import Service

NDJSON = "application/x-ndjson"
"""The content type of a stream of lines."""

KINDS = (NDJSON, "application/ndjson", "application/jsonl")
"""The content types that are read as one."""

_PATIENCE_S = 0.05
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Read:
    line: Line
    product: Product | None
    error: AisleError | None


class StreamedPredictions:
    """The answer to a stream, as an ASGI application that reads and writes by turns.

    Args:
        service: What answers.
        top: How many categories are told per product.
    """

    def __init__(self, service: Service, top: int) -> None:
        self._service = service
        self._top = top

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = False

        async def tell(body: bytes, *, more: bool) -> None:
            nonlocal started
            if not started:
                headers = [(b"content-type", NDJSON.encode()), (b"x-accel-buffering", b"no")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                started = True
            await send({"type": "http.response.body", "body": body, "more_body": more})

        number = 0
        try:
            async for block in blocks(receive, self._service.options.max_line_bytes):
                await tell(await self._answer(scope, block), more=True)
                number = block[-1].number
        except ClientDisconnect:
            _log.info("client left its stream", lines=number)
            return
        except AisleError as error:
            if not started:
                raise
            # Too late for a status: the last line says why there are no more.
            await tell(_problem_line(scope, number + 1, error), more=True)
        await tell(b"", more=False)

    async def _answer(self, scope: Scope, block: Sequence[Line]) -> bytes:
        split = self._service.canary.split(scope) if self._service.canary else None
        champion = split.champion if split else self._service.champion()
        answer = partial(_answer_block, self._service, champion, split, self._top, scope)
        job = asyncio.ensure_future(self._scored(partial(answer, block)))
        await asyncio.wait({job})
        if not job.exception():
            return job.result()
        # One product has broken the model, which takes no other along: each is asked by itself.
        return b"".join([await self._alone(scope, partial(answer, [line]), line) for line in block])

    async def _alone(self, scope: Scope, answer: "partial[bytes]", line: Line) -> bytes:
        job = asyncio.ensure_future(self._scored(answer))
        await asyncio.wait({job})
        if error := job.exception():
            _log.error("line failed", line=line.number, exc_info=error)
            return _spelled({"line": line.number, "problem": internal_problem(scope)})
        return job.result()

    async def _scored(self, job: "partial[bytes]") -> bytes:
        while True:
            try:
                return await self._service.scorer.run(job)
            except Overloaded:
                # Those who wait for an answer go first; a stream has time.
                await asyncio.sleep(_PATIENCE_S)


def _answer_block(
    service: Service, champion: Champion, split: Split | None, top: int, scope: Scope, block: Sequence[Line]
) -> bytes:
    read = [_read(service, line) for line in block]
    started = time.perf_counter()
    scored = [_score(service, champion, who, _asked(own, top, scope)) for who, own in _sides(champion, split, read)]
    told = {one.line.number: _problem_line(scope, one.line.number, one.error) for one in read if one.error}
    # Kept when all are there: if one breaks the model, the block is asked again line by line.
    for who, asked, found in scored:
        model = {"version": who.ref.version, "bundle": who.ref.bundle}
        for position, prediction in zip(asked.positions or (), keep(service, who, asked, found, started), strict=True):
            told[position + 1] = _spelled({"line": position + 1, "prediction": prediction, "model": model})
    return b"".join(told[line.number] for line in block)


def _sides(champion: Champion, split: Split | None, read: Sequence[_Read]) -> list[tuple[Champion, list[_Read]]]:
    """Return who answers, and which lines with a product each does."""
    lines = [one for one in read if one.product is not None]
    if split is None:
        return [(champion, lines)] if lines else []
    taken = [split.of(one.product, one.line.number - 1) is split.canary for one in lines if one.product is not None]
    sides = [
        (champion, [one for one, canary in zip(lines, taken, strict=True) if not canary]),
        (split.canary, [one for one, canary in zip(lines, taken, strict=True) if canary]),
    ]
    return [(who, own) for who, own in sides if own]


def _asked(own: Sequence[_Read], top: int, scope: Scope) -> Asked:
    products = [one.product for one in own if one.product is not None]
    # A product's place is its line's, so that feedback can name it by what the answer told.
    return Asked(products, top, orjson.dumps, request_id(scope), [one.line.number - 1 for one in own])


def _score(service: Service, champion: Champion, who: Champion, asked: Asked) -> tuple[Champion, Asked, list[Prediction]]:
    if who is not champion and (found := score_by_canary(service, who, asked)) is not None:
        return who, asked, found
    return champion, asked, score(champion, asked)


def _read(service: Service, line: Line) -> _Read:
    limit = service.options.max_line_bytes
    if line.content is None:
        hint = "Send smaller images."
        return _Read(line, None, ContentTooLarge(f"The line has more than {limit:,} bytes, which is the limit.", hint=hint))
    try:
        (product, *more) = read_products(line.content, service.options)
    except AisleError as error:
        return _Read(line, None, error)
    if more:
        hint = "Put each product on a line of its own."
        return _Read(line, None, ContentTooLarge("The line holds more than one product.", hint=hint))
    unnamed = product.id == "0" and b'"id"' not in line.content
    return _Read(line, replace(product, id=str(line.number - 1)) if unnamed else product, None)


def _problem_line(scope: Scope, number: int, error: AisleError) -> bytes:
    return _spelled({"line": number, "problem": orjson.Fragment(aisle_problem(scope, error).body)})


def _spelled(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
