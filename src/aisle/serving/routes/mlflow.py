"""`/ping`, `/health`, `/version` and `/invocations`: what clients of `mlflow models serve` ask."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from aisle.errors import UnsupportedContent
from aisle.serving.answering import Asked, answer
from aisle.serving.intake import require_json
from aisle.serving.mlflow_scoring import VERSION, read_csv, read_scoring, spell_scoring
from aisle.serving.openapi import REQUEST_KEY, problems
from aisle.serving.openapi import answer as answer_of
from aisle.serving.predictor import Champion
from aisle.serving.problems import request_id
from aisle.serving.service import Service, ServiceDep

_ROW = {"title": "Piscine hors sol ronde 3,66 m", "description": None}
_EXAMPLES: dict[str, Any] = {
    "records": {"summary": "A list of rows", "value": {"dataframe_records": [_ROW]}},
    "split": {
        "summary": "Columns and rows",
        "value": {"dataframe_split": {"columns": ["id", "title"], "data": [["A-17", "Piscine"], ["A-18", "Roman"]]}},
    },
    "inputs": {"summary": "Columns", "value": {"inputs": {"title": ["Piscine", "Roman"]}}},
    "instances": {"summary": "Rows", "value": {"instances": [_ROW]}},
}
_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/Scoring"}, "examples": _EXAMPLES},
        "text/csv": {"schema": {"type": "string"}, "example": "title,brand\nPiscine hors sol,Intex\n"},
    },
}
_ANSWER = {"predictions": [{"code": "2583", "name": "Swimming pools and accessories", "confidence": 0.97}]}

router = APIRouter(tags=["mlflow"])


@router.post(
    "/invocations",
    operation_id="invocations",
    summary="Classify the rows of a data frame (MLflow's scoring protocol)",
    responses={
        **answer_of("One prediction per row.", "ScoringAnswer", _ANSWER),
        **problems(408, 415, 422, 503, shape="ScoringProblem"),
    },
    openapi_extra={"requestBody": _BODY, **REQUEST_KEY},
)
async def invocations(request: Request, service: ServiceDep) -> Response:
    """Answer as `mlflow models serve` does with the champion: the same bodies, the same answers.

    Exactly one of `dataframe_split`, `dataframe_records`, `inputs` and `instances`, or CSV. A row with nothing to go by is
    answered with the categories' shares. An error is a problem that also has `error_code` and `message`.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/csv":
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise UnsupportedContent("Compressed bodies are not read.", hint="Leave Content-Encoding out.")
    else:
        require_json(request.headers)
    body = await request.body()
    return Response(
        await answer(service, request.scope, len(body), partial(_read, service, body, kind, request_id(request.scope))),
        media_type="application/json",
    )


def _read(service: Service, body: bytes, kind: str, identity: str, _: Champion) -> Asked:
    read = read_csv if kind == "text/csv" else read_scoring
    return Asked(read(body, service.options), 1, spell_scoring, identity)


@router.get("/ping", include_in_schema=False)
@router.get("/health", include_in_schema=False)
async def ping(service: ServiceDep) -> Response:
    """Answer 200 while a model is in service."""
    service.ready()
    return Response("\n", media_type="application/json")


@router.get("/version", include_in_schema=False)
async def version() -> Response:
    """Return the release of MLflow whose protocol is spoken, as its own server does."""
    return Response(VERSION, media_type="application/json")
