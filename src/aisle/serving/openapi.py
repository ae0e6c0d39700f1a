"""The OpenAPI document: what the routes declare, the shapes they read by themselves, and every problem they may answer."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from aisle.serving import protocol_schemas, schemas, variant_schemas
from aisle.serving.access import needed
from aisle.serving.problems import PROBLEM_TYPE, InferenceProblem, Problem, ScoringProblem
from aisle.settings import Serving

_PROBLEMS: dict[int, str] = {
    401: "No usable API key came with the request.",
    403: "The API key has not the scope that this needs.",
    404: "Nothing lies at that path, or there is no such version.",
    405: "The path does not take that method.",
    408: "The body did not arrive within the time that it may take.",
    409: "It does not go with what is on record: somebody else was first, or an id is taken.",
    413: "The body is too large.",
    415: "The body is no plain JSON.",
    422: "The request is not valid; `errors` names each field.",
    429: "The API key has used up its requests; `Retry-After` says when to ask again.",
    500: "Something went wrong inside; the log has it under the request's id.",
    503: "No model is ready, or too many requests are waiting; `Retry-After` says when to ask again.",
}
_EVERYWHERE = (404, 405, 413, 500)
_REQUEST_ID = {
    "description": "The request's id: your own if you sent a usable one.",
    "schema": {"type": "string"},
}
_CHALLENGE = {"description": "How to send a key, and what is wrong with this one.", "schema": {"type": "string"}}
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, as `Authorization: Bearer KEY`."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}
_RETRY_AFTER = {"description": "Seconds after which to ask again.", "schema": {"type": "integer"}}


REQUEST_KEY: dict[str, Any] = {
    "parameters": [
        {
            "name": "X-Request-Key",
            "in": "header",
            "required": False,
            "description": "Whose request it is, as a shop: while a canary is tried, one key is answered by one version."
            " Without it the first product's id or content decides.",
            "schema": {"type": "string"},
        }
    ]
}
"""The header that says who of champion and canary answers, for a route's `openapi_extra`."""


def problems(*statuses: int, shape: str = "Problem") -> dict[int | str, dict[str, Any]]:
    """Return the declarations of a route's problems: those that any route has, and these.

    Args:
        statuses: Those that not every route has.
        shape: Name of their shape in `aisle.serving.problems`.
    """
    return {status: _declaration(status, shape) for status in sorted({*_EVERYWHERE, *statuses})}


def answer(description: str, model: str, example: Any) -> dict[int | str, dict[str, Any]]:
    """Return the declaration of a route's good answer.

    Args:
        description: What it tells.
        model: Name of its shape in `aisle.serving.schemas`.
        example: One such answer.
    """
    content = {"schema": {"$ref": f"#/components/schemas/{model}"}, "example": example}
    headers = {"X-Request-ID": _REQUEST_ID}
    return {200: {"description": description, "headers": headers, "content": {"application/json": content}}}


def document(app: FastAPI, options: Serving) -> dict[str, Any]:
    """Return the OpenAPI document of an application, with the limits that hold in it.

    Args:
        app: The application.
        options: Where the limits are taken from.
    """
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    shapes = schemas.component_schemas(
        schemas.Product,
        schemas.ProductBatch,
        schemas.PredictionAnswer,
        schemas.StreamLine,
        schemas.ProductForm,
        schemas.ExplanationRequest,
        schemas.ExplanationAnswer,
        schemas.CategoryList,
        schemas.ChampionAnswer,
        variant_schemas.CanaryAnswer,
        variant_schemas.ShadowAnswer,
        schemas.ModelList,
        schemas.Decision,
        schemas.PromotionAnswer,
        schemas.Feedback,
        schemas.FeedbackAnswer,
        schemas.Alive,
        variant_schemas.Ready,
        protocol_schemas.InferenceRequest,
        protocol_schemas.InferenceAnswer,
        protocol_schemas.InferenceLive,
        protocol_schemas.InferenceReady,
        protocol_schemas.InferenceServer,
        protocol_schemas.InferenceModel,
        protocol_schemas.InferenceModelReady,
        protocol_schemas.Scoring,
        protocol_schemas.ScoringAnswer,
        Problem,
        InferenceProblem,
        ScoringProblem,
    )
    for name in ("title", "description", "brand"):
        shapes["Product"]["properties"][name]["anyOf"][0]["maxLength"] = options.max_text_chars
    shapes["ProductBatch"]["properties"]["products"]["maxItems"] = options.max_products
    made["components"] = {"schemas": dict(sorted(shapes.items())), "securitySchemes": _SECURITY}
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            _protect(operation, needed(method.upper(), path))
    return made


def _protect(operation: dict[str, Any], need: str) -> None:
    if need == "nothing":
        operation["security"] = []
        return
    operation["security"] = [{name: []} for name in _SECURITY]
    # As the route's own problems are shaped: some protocols add members of their own.
    shape = operation["responses"]["500"]["content"][PROBLEM_TYPE]["schema"]["$ref"].rpartition("/")[2]
    operation["responses"] |= {str(status): _declaration(status, shape) for status in (401, 403, 429)}
    operation["responses"] = dict(sorted(operation["responses"].items()))
    scope = "Any key may ask." if need == "any" else f"The key needs the scope `{need}`."
    operation["description"] = f"{operation['description']}\n\n{scope}"


class Documented(FastAPI):
    """An application whose OpenAPI document is `document`.

    Args:
        options: Where the document takes the limits from.
        settings: What FastAPI takes.
    """

    def __init__(self, *, options: Serving, **settings: Any) -> None:
        super().__init__(**settings)
        self._options = options

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, made at the first call."""
        if self.openapi_schema is None:
            self.openapi_schema = document(self, self._options)
        return self.openapi_schema


def _declaration(status: int, shape: str) -> dict[str, Any]:
    headers = {"X-Request-ID": _REQUEST_ID}
    if status in (429, 503):
        headers["Retry-After"] = _RETRY_AFTER
    if status == 401:
        headers["WWW-Authenticate"] = _CHALLENGE
    content = {PROBLEM_TYPE: {"schema": {"$ref": f"#/components/schemas/{shape}"}}}
    return {"description": _PROBLEMS[status], "headers": headers, "content": content}
