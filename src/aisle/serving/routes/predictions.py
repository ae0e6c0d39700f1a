"""`/v1/predictions`: products in, categories out."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from aisle.errors import ModelError
from aisle.models.prediction import Prediction
from aisle.monitoring.answers import Answered
from aisle.serving.intake import read_products, require_json
from aisle.serving.openapi import answer, problems
from aisle.serving.predictor import Champion
from aisle.serving.problems import request_id
from aisle.serving.schemas import PredictionQuery
from aisle.serving.service import Service, ServiceDep

_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
_POOL = {"title": "Piscine hors sol ronde 3,66 m", "description": "<p>Avec pompe et b&acirc;che.</p>", "id": "A-17"}
_EXAMPLES: dict[str, Any] = {
    "one": {"summary": "One product", "value": _POOL},
    "title only": {
        "summary": "A product without a description",
        "value": {"title": "Manette sans fil", "description": None},
    },
    "many": {
        "summary": "Several products",
        "value": {"products": [_POOL, {"id": "A-18", "title": "Harry Potter et la coupe de feu", "brand": "Gallimard"}]},
    },
    "image": {"summary": "A product with its image", "value": {"title": "Coussin velours 40 x 40", "image": _PIXEL}},
}
_SHAPES = [{"$ref": "#/components/schemas/Product"}, {"$ref": "#/components/schemas/ProductBatch"}]
_BODY = {"required": True, "content": {"application/json": {"schema": {"oneOf": _SHAPES}, "examples": _EXAMPLES}}}
_NAMED = {"code": "2583", "name": "Swimming pools and accessories"}
_ANSWER = {
    "predictions": [
        {
            "id": "A-17",
            **_NAMED,
            "confidence": 0.97,
            "top": [{**_NAMED, "probability": 0.97}, {"code": "2582", "name": "Garden furniture", "probability": 0.01}],
            "modalities": ["text"],
            "prediction_set": ["2583"],
            "review": None,
            "image_problem": None,
        }
    ],
    "model": {"version": 3, "bundle": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    "request_id": "4f9c2b1e8d5a4e0f9a7b6c5d4e3f2a1b",
}

router = APIRouter(tags=["predictions"])


@router.post(
    "/v1/predictions",
    operation_id="predict",
    summary="Classify one product or many",
    responses={**answer("One prediction per product.", "PredictionAnswer", _ANSWER), **problems(415, 422, 503)},
    openapi_extra={"requestBody": _BODY},
)
async def predict(request: Request, service: ServiceDep, query: Annotated[PredictionQuery, Query()]) -> Response:
    """Send a product object, or `{"products": [...]}`. The answer tells the category of each, in the same order.

    All products of a request are answered by one and the same model, which the answer names.
    """
    started = time.perf_counter()
    champion = service.champion()
    require_json(request.headers)
    body = await request.body()
    job = partial(_answer, service, champion, body, query.top, request_id(request.scope), started)
    return Response(await service.scorer.run(job), media_type="application/json")


def _answer(service: Service, champion: Champion, body: bytes, top: int, identity: str, started: float) -> bytes:
    # All of it in a scoring thread: reading ten megabytes of JSON would hold up the event loop just as scoring does.
    products = read_products(body, service.options)
    # Two at least: how close the second category came is kept on record.
    found = champion.model.predict(products, top=max(top, 2))
    predictions = found if top > 1 else [replace(prediction, top=prediction.top[:1]) for prediction in found]
    if len(predictions) != len(products):
        raise ModelError(f"Version {champion.ref.version} gave {len(predictions)} answers for {len(products)} products.")
    _count(service, predictions)
    answered_at, seconds = datetime.now(UTC), time.perf_counter() - started
    ref = champion.ref
    service.journal.offer(Answered(identity, answered_at, seconds, ref.version, ref.bundle, products, found))
    model = {"version": champion.ref.version, "bundle": champion.ref.bundle}
    return orjson.dumps({"predictions": predictions, "model": model, "request_id": identity})


def _count(service: Service, predictions: list[Prediction]) -> None:
    products = service.telemetry.counter("aisle_products_total")
    confidence = service.telemetry.histogram("aisle_confidence")
    for prediction in predictions:
        products.labels(prediction.code).inc()
        confidence.observe(prediction.confidence)
