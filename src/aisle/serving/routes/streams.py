"""`/v1/predictions/stream`: a product a line in, a prediction a line out, for as long as the client likes."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from aisle.errors import UnsupportedContent
from aisle.serving.openapi import REQUEST_KEY, problems
from aisle.serving.schemas import PredictionQuery
from aisle.serving.service import ServiceDep
from aisle.serving.streaming import KINDS, NDJSON, StreamedPredictions

PATH = "/v1/predictions/stream"
"""Where streams are posted; the limit on bodies does not hold here, one on lines does."""

_EXAMPLE = '{"id": "A-17", "title": "Piscine hors sol ronde 3,66 m"}\n{"title": "Manette sans fil"}\n'
_BODY = {"required": True, "content": {NDJSON: {"schema": {"type": "string"}, "example": _EXAMPLE}}}
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A line for each: `line`, and `prediction` with `model`, or `problem`.",
        "headers": {"X-Request-ID": {"description": "The request's id.", "schema": {"type": "string"}}},
        "content": {NDJSON: {"schema": {"$ref": "#/components/schemas/StreamLine"}}},
    }
}

router = APIRouter(tags=["predictions"])


class _Streamed(Response):
    """A response that runs the stream with the request's own `receive`."""

    def __init__(self, stream: StreamedPredictions) -> None:
        super().__init__()
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._stream(scope, receive, send)


@router.post(
    PATH,
    operation_id="predict_stream",
    summary="Classify any number of products, a line each",
    response_class=Response,
    responses={**_ANSWER, **problems(408, 415, 422, 503)},
    openapi_extra={"requestBody": _BODY, **REQUEST_KEY},
)
async def predict_stream(request: Request, service: ServiceDep, query: Annotated[PredictionQuery, Query()]) -> Response:
    """Send a product object on each line; the answers come a line each, in the same order, while you are still sending.

    A line that is wrong is answered by a problem, and the others are answered all the same. Read while you send: what you
    do not read keeps the server from reading on. A model that is promoted meanwhile answers the lines from then on.
    """
    service.champion()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in KINDS:
        raise UnsupportedContent(f"The body must be {NDJSON}.", hint=f"Send the header Content-Type: {NDJSON}.")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedContent("Compressed bodies are not read.", hint="Leave Content-Encoding out.")
    return _Streamed(StreamedPredictions(service, query.top))
