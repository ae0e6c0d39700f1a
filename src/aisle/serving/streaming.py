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
from aisle.serving.answering import TOLD, Asked, keep
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
        champion = self._service.champion()
        job = asyncio.ensure_future(self._scored(partial(_answer_block, self._service, champion, self._top, scope, block)))
        await asyncio.wait({job})
        if not job.exception():
            return job.result()
        # One product has broken the model, which takes no other along: each is asked by itself.
        return b"".join([await self._alone(scope, champion, line) for line in block])

    async def _alone(self, scope: Scope, champion: Champion, line: Line) -> bytes:
        job = asyncio.ensure_future(self._scored(partial(_answer_block, self._service, champion, self._top, scope, [line])))
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


def _answer_block(service: Service, champion: Champion, top: int, scope: Scope, block: Sequence[Line]) -> bytes:
    found = [_read(service, line) for line in block]
    products = [one.product for one in found if one.product is not None]
    started = time.perf_counter()
    predictions = champion.model.predict(products, top=max(top, TOLD)) if products else []
    asked = Asked(products, top, orjson.dumps, request_id(scope))
    predictions = keep(service, champion, asked, predictions, started) if products else []
    model = {"version": champion.ref.version, "bundle": champion.ref.bundle}
    answers = iter(predictions)
    return b"".join(
        _problem_line(scope, one.line.number, one.error) if one.error else _line(one.line, next(answers), model)
        for one in found
    )


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


def _line(line: Line, prediction: Prediction, model: dict[str, Any]) -> bytes:
    return _spelled({"line": line.number, "prediction": prediction, "model": model})


def _problem_line(scope: Scope, number: int, error: AisleError) -> bytes:
    return _spelled({"line": number, "problem": orjson.Fragment(aisle_problem(scope, error).body)})


def _spelled(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
