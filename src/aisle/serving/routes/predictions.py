"""`/v1/predictions`: products in, categories out."""

from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response
from starlette.types import Scope

from aisle.models.prediction import Prediction
from aisle.serving.answering import Asked, answer
from aisle.serving.form_intake import boundary_of, read_form
from aisle.serving.intake import read_products, require_json
from aisle.serving.openapi import REQUEST_KEY, problems
from aisle.serving.openapi import answer as answer_of
from aisle.serving.predictor import Champion
from aisle.serving.problems import request_id
from aisle.serving.schemas import PredictionQuery
from aisle.serving.service import Service, ServiceDep

FORM = "multipart/form-data"
"""The content type of a form."""

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
_DEFAULT_TOP: int = PredictionQuery.model_fields["top"].default
_SHAPES = [{"$ref": "#/components/schemas/Product"}, {"$ref": "#/components/schemas/ProductBatch"}]
_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": {"oneOf": _SHAPES}, "examples": _EXAMPLES},
        FORM: {"schema": {"$ref": "#/components/schemas/ProductForm"}},
    },
}
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

PATH = "/v1/predictions"
"""Where products are posted."""

router = APIRouter(tags=["predictions"])


@router.post(
    PATH,
    operation_id="predict",
    summary="Classify one product or many",
    responses={**answer_of("One prediction per product.", "PredictionAnswer", _ANSWER), **problems(408, 415, 422, 503)},
    openapi_extra={"requestBody": _BODY, **REQUEST_KEY},
)
async def predict(request: Request, service: ServiceDep, query: Annotated[PredictionQuery, Query()]) -> Response:
    """Send a product object, or `{"products": [...]}`; a form with an image file does for one product.

    The answer tells the category of each, in the same order.

    All products of a request are answered by one and the same model, which the answer names.
    """
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() == FORM and "content-encoding" not in request.headers:
        boundary, body = boundary_of(kind), await request.body()
        return Response(
            await answer(
                service, request.scope, len(body), partial(_read_form, service, body, boundary, query.top, request.scope)
            ),
            media_type="application/json",
        )
    require_json(request.headers)
    found = await answer_body(service, request.scope, await request.body(), query.top)
    return Response(found, media_type="application/json")


async def answer_body(service: Service, scope: Scope, body: bytes, top: int | None) -> bytes:
    """Return the answer to a body of JSON, as JSON.

    Args:
        service: What answers.
        scope: The request's ASGI scope.
        body: The request's body.
        top: How many categories are told per product; as many as the query has by default when `None`.

    Raises:
        InvalidRequest: The body is not what it should be.
        NotReady: No model is in service.
        Overloaded: Too many requests are waiting.
    """
    read = partial(_read, service, body, _DEFAULT_TOP if top is None else top, scope)
    return await answer(service, scope, len(body), read)


def _read(service: Service, body: bytes, top: int, scope: Scope, champion: Champion) -> Asked:
    products = read_products(body, service.options)
    identity = request_id(scope)
    return Asked(products, top, partial(spell, champion, identity), identity)


def _read_form(service: Service, body: bytes, boundary: bytes, top: int, scope: Scope, champion: Champion) -> Asked:
    identity = request_id(scope)
    return Asked(read_form(body, boundary, service.options), top, partial(spell, champion, identity), identity)


def spell(champion: Champion, identity: str, predictions: list[Prediction]) -> bytes:
    """Return predictions as the JSON of an answer.

    Args:
        champion: Who made them.
        identity: The request's id.
        predictions: The predictions.
    """
    model = {"version": champion.ref.version, "bundle": champion.ref.bundle}
    return orjson.dumps({"predictions": predictions, "model": model, "request_id": identity})
