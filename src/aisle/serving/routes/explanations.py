"""`/v1/explanations`: what spoke for a category and against it."""

from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from aisle.serving.intake import read_explanation, require_json
from aisle.serving.openapi import answer, problems
from aisle.serving.predictor import Champion
from aisle.serving.problems import request_id
from aisle.serving.service import Service, ServiceDep

_POOL = {"id": "A-17", "title": "Piscine hors sol ronde 3,66 m"}
_EXAMPLES: dict[str, Any] = {
    "answered": {"summary": "Why the answered category", "value": {"product": _POOL}},
    "other": {"summary": "Why not another", "value": {"product": _POOL, "code": "3", "terms": 5}},
}
_SHAPE = {"$ref": "#/components/schemas/ExplanationRequest"}
_BODY = {"required": True, "content": {"application/json": {"schema": _SHAPE, "examples": _EXAMPLES}}}
_ANSWER = {
    "explanation": {
        "id": "A-17",
        "code": "2583",
        "name": "Swimming pools and accessories",
        "probability": 0.97,
        "answered": "2583",
        "pattern": ["text-logistic"],
        "score": 4.2,
        "offset": 0.1,
        "components": [
            {"name": "text-logistic", "family": "logistic", "modality": "text", "counts": True, "contribution": 4.1}
        ],
        "modalities": [{"modality": "text", "probability_without": 0.05}],
        "texts": [
            {
                "component": "text-logistic",
                "score": 3.9,
                "bias": -0.2,
                "pro": [{"ngram": "piscine", "value": 0.5, "weight": 7.0, "contribution": 3.5}],
                "contra": [{"ngram": "_rond", "value": 0.1, "weight": -1.0, "contribution": -0.1}],
                "rest": 0.7,
            }
        ],
    },
    "model": {"version": 3, "bundle": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    "request_id": "4f9c2b1e8d5a4e0f9a7b6c5d4e3f2a1b",
}

router = APIRouter(tags=["predictions"])


@router.post(
    "/v1/explanations",
    operation_id="explain",
    summary="What spoke for a category and against it",
    responses={**answer("The reasons.", "ExplanationAnswer", _ANSWER), **problems(408, 415, 422, 503)},
    openapi_extra={"requestBody": _BODY},
)
async def explain(request: Request, service: ServiceDep) -> Response:
    """Tell the n-grams that spoke for a category and against it, and what each component and modality contributed.

    The category is the answered one, or the one whose `code` is given. Contributions add up: n-grams, bias and rest to a
    component's score, components and offset to the fused score. What a modality is worth is told by leaving it out.
    """
    champion = service.champion()
    require_json(request.headers)
    job = partial(_explain, service, champion, await request.body(), request_id(request.scope))
    return Response(await service.scorer.run(job), media_type="application/json")


def _explain(service: Service, champion: Champion, body: bytes, identity: str) -> bytes:
    product, code, terms = read_explanation(body, service.options)
    found = champion.model.explain(product, code, terms=terms)
    model = {"version": champion.ref.version, "bundle": champion.ref.bundle}
    return orjson.dumps({"explanation": found, "model": model, "request_id": identity})
