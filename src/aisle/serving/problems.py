"""Every error as one kind of answer: `application/problem+json` (RFC 9457)."""

import math
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Scope

from aisle.errors import (
    AccessError,
    AisleError,
    ContentTooLarge,
    FeedbackConflict,
    Forbidden,
    InputError,
    InvalidField,
    InvalidRequest,
    LedgerConflict,
    NotReady,
    ObjectNotFound,
    Overloaded,
    PromotionRefused,
    RateLimited,
    RegistryError,
    ReviewConflict,
    ReviewError,
    ServingError,
    StorageError,
    TooSlow,
    TrackingError,
    Unauthenticated,
    UnsupportedContent,
    VersionNotFound,
)

PROBLEM_TYPE = "application/problem+json"
MAX_FIELDS = 50
CLIENT_CLOSED = 499
"""The status by which metrics and log know a request whose client left before it had sent everything."""

_MAX_NAME = 100
_PARTS: dict[str, Literal["query", "path"]] = {"query": "query", "path": "path"}
_BEARER = 'Bearer realm="aisle"'
_log = structlog.get_logger(__name__)

_ANSWERS: dict[type[AisleError], tuple[HTTPStatus, str]] = {
    AccessError: (HTTPStatus.FORBIDDEN, "The request is not allowed"),
    Unauthenticated: (HTTPStatus.UNAUTHORIZED, "An API key is needed"),
    RateLimited: (HTTPStatus.TOO_MANY_REQUESTS, "The key has used up its requests"),
    InputError: (HTTPStatus.UNPROCESSABLE_ENTITY, "The request cannot be answered"),
    InvalidRequest: (HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not valid"),
    ContentTooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large"),
    TooSlow: (HTTPStatus.REQUEST_TIMEOUT, "The request came too slowly"),
    UnsupportedContent: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The request's format is not supported"),
    FeedbackConflict: (HTTPStatus.CONFLICT, "The id names something else already"),
    ServingError: (HTTPStatus.SERVICE_UNAVAILABLE, "The server cannot do its work"),
    NotReady: (HTTPStatus.SERVICE_UNAVAILABLE, "No model is ready"),
    Overloaded: (HTTPStatus.SERVICE_UNAVAILABLE, "Too many requests are waiting"),
    ObjectNotFound: (HTTPStatus.NOT_FOUND, "There is no such thing"),
    RegistryError: (HTTPStatus.CONFLICT, "The registry does not allow that"),
    VersionNotFound: (HTTPStatus.NOT_FOUND, "There is no such version"),
    LedgerConflict: (HTTPStatus.CONFLICT, "Somebody else was first"),
    ReviewConflict: (HTTPStatus.CONFLICT, "Somebody else was first"),
    ReviewError: (HTTPStatus.UNPROCESSABLE_ENTITY, "The review is not possible"),
    PromotionRefused: (HTTPStatus.CONFLICT, "The promotion was refused"),
    StorageError: (HTTPStatus.SERVICE_UNAVAILABLE, "A store cannot be reached"),
    TrackingError: (HTTPStatus.SERVICE_UNAVAILABLE, "The model registry cannot be reached"),
    AisleError: (HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong inside"),
}

_MLFLOW_CODES = {
    **dict.fromkeys((400, 405, 408, 413, 415, 422), "BAD_REQUEST"),
    404: "ENDPOINT_NOT_FOUND",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
}


class FieldProblem(BaseModel):
    """One field that is wrong."""

    model_config = ConfigDict(extra="forbid")
    detail: str = Field(description="What is wrong with it.")
    part: Literal["body", "query", "path"] = Field(description="Where in the request the field is.")
    field: str = Field(description="The field as one would write it; empty for the whole.", examples=["products[3].title"])
    pointer: str = Field(description="The field as a JSON pointer.", examples=["#/products/3/title"])


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    model_config = ConfigDict(extra="forbid")
    type: str = Field(description="The problem's kind; stable.", examples=["urn:aisle:problem:invalid-request"])
    title: str = Field(description="The kind in words; the same each time.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="What happened this time, and how to mend it.")
    instance: str = Field(description="This occurrence: it names the request's id.", examples=["urn:aisle:request:4f9c"])
    errors: list[FieldProblem] = Field([], description="Each field that is wrong, the first fifty.")


class InferenceProblem(Problem):
    """A problem under `/v2`, with the one member that clients of the Open Inference Protocol read."""

    error: str = Field(description="The same as `detail`.")


class ScoringProblem(Problem):
    """A problem of MLflow's scoring protocol, with the two members that its clients read."""

    error_code: str = Field(description="The kind as MLflow spells it.", examples=["BAD_REQUEST"])
    message: str = Field(description="The same as `detail`.")


def field_name(path: Sequence[str | int]) -> str:
    """Return the way to a field as one would write it in a program.

    >>> field_name(("products", 3, "title"))
    'products[3].title'
    """
    parts = (f"[{step}]" if isinstance(step, int) else f".{step[:_MAX_NAME]}" for step in path)
    return "".join(parts).removeprefix(".")


def field_pointer(path: Sequence[str | int]) -> str:
    """Return the way to a field as a JSON pointer (RFC 6901) in a URI fragment.

    >>> field_pointer(("products", 3, "a/b"))
    '#/products/3/a~1b'
    """
    return "#" + "".join(f"/{str(step)[:_MAX_NAME].replace('~', '~0').replace('/', '~1')}" for step in path)


def invalid_request(fields: Sequence[InvalidField]) -> InvalidRequest:
    """Return the error for some fields that are wrong; its sentence tells the first and how many there are.

    >>> str(invalid_request([InvalidField(("products", 0, "title"), "is too long."), InvalidField((), "is odd.")]))
    'products[0].title is too long. 1 more is wrong.'
    """
    message = f"{field_name(fields[0].path)} {fields[0].detail}".lstrip()
    others = len(fields) - 1
    more = f" {others:,} more {'is' if others == 1 else 'are'} wrong." if others else ""
    return InvalidRequest(message + more, fields=fields)


def request_id(scope: Scope) -> str:
    """Return the id that `Observation` gave to the request."""
    identity: str = scope["state"]["request_id"]
    return identity


def problem(
    scope: Scope,
    *,
    status: int,
    kind: str,
    title: str,
    detail: str,
    fields: Sequence[InvalidField] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem as an answer.

    Args:
        scope: The request's ASGI scope.
        status: The HTTP status.
        kind: The problem's stable name in kebab case.
        title: The kind in words.
        detail: What happened this time.
        fields: Each field that is wrong; only the first fifty are told.
        headers: Further headers of the answer.
    """
    body: dict[str, Any] = {
        "type": f"urn:aisle:problem:{kind}",
        "title": title,
        "status": int(status),
        "detail": detail,
        "instance": f"urn:aisle:request:{request_id(scope)}",
        "errors": [
            {"detail": f.detail, "part": f.part, "field": field_name(f.path), "pointer": field_pointer(f.path)}
            for f in fields[:MAX_FIELDS]
        ],
    }
    body |= _foreign(scope.get("path", ""), int(status), detail)
    return Response(orjson.dumps(body), int(status), dict(headers or {}), PROBLEM_TYPE)


def _foreign(path: str, status: int, detail: str) -> dict[str, str]:
    """Return what clients of other protocols look for in an error, beside what ours say: both can read every problem."""
    if path == "/v2" or path.startswith("/v2/"):
        return {"error": detail}
    if path == "/invocations":
        return {"error_code": _MLFLOW_CODES.get(status, "INTERNAL_ERROR"), "message": detail}
    return {}


def aisle_problem(scope: Scope, error: AisleError) -> Response:
    """Return an error of aisle as an answer; the words of an inner fault stay in the log."""
    status, title = next(_ANSWERS[base] for base in type(error).__mro__ if base in _ANSWERS)
    detail, headers = str(error), _headers(error)
    if not isinstance(error, ServingError) and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request failed", reason=str(error), exc_info=error)
        detail = "The server's log has the reason under this request's id."
    if isinstance(error, TooSlow):
        # What still comes of the body would be taken for the next request.
        headers["Connection"] = "close"
    fields = error.fields if isinstance(error, InvalidRequest) else ()
    return problem(scope, status=status, kind=error.code, title=title, detail=detail, fields=fields, headers=headers)


def status_of(error: AisleError) -> int:
    """Return the HTTP status that tells of an error."""
    return int(next(_ANSWERS[base] for base in type(error).__mro__ if base in _ANSWERS)[0])


def _headers(error: AisleError) -> dict[str, str]:
    match error:
        case ServingError():
            return {"Retry-After": str(math.ceil(error.retry_after_s))}
        case RateLimited():
            return {"Retry-After": str(math.ceil(error.retry_after_s)), **error.headers}
        case Unauthenticated():
            # RFC 6750: a request without a key is told how to send one, not what is wrong with it.
            return {"WWW-Authenticate": f'{_BEARER}, error="invalid_token"' if error.sent else _BEARER}
        case Forbidden(scope=scope) if scope:
            return {"WWW-Authenticate": f'{_BEARER}, error="insufficient_scope", scope="{scope}"'}
    return {}


def install(app: FastAPI) -> None:
    """Make every error of an application a problem."""

    @app.exception_handler(AisleError)
    async def _(request: Request, error: AisleError) -> Response:
        return aisle_problem(request.scope, error)

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> Response:
        fields = [
            InvalidField(tuple(found["loc"][1:]), f"is not valid: {found['msg']}.", _PARTS.get(str(found["loc"][0]), "body"))
            for found in error.errors()
        ]
        return aisle_problem(request.scope, invalid_request(fields))

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        return _http_problem(request, error)

    @app.exception_handler(ClientDisconnect)
    async def _(_request: Request, _error: ClientDisconnect) -> Response:
        # Nobody reads this answer; its status tells metrics and log that the client left before it had sent everything.
        return Response(status_code=CLIENT_CLOSED)

    @app.exception_handler(Exception)
    async def _(request: Request, _error: Exception) -> Response:
        # Starlette raises the error again after this answer, so the server logs its trace. The answer goes out beside
        # the observing middleware, hence the header here.
        body, headers = internal_problem(request.scope), {"X-Request-ID": request_id(request.scope)}
        return Response(orjson.dumps(body), 500, headers, PROBLEM_TYPE)


def internal_problem(scope: Scope) -> dict[str, Any]:
    """Return the problem that nobody foresaw; it tells nothing of its cause."""
    answer = problem(
        scope,
        status=500,
        kind="internal",
        title="Something went wrong inside",
        detail="The server's log has the reason under this request's id.",
    )
    found: dict[str, Any] = orjson.loads(answer.body)
    return found


def _http_problem(request: Request, error: HTTPException) -> Response:
    phrase = HTTPStatus(error.status_code).phrase
    detail = str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = "Nothing lies at this path. /openapi.json lists what there is."
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "")
        detail = f"This path takes {allowed}." if allowed else "This path does not take that method."
    kind = re.sub(r"\W+", "-", phrase.lower())
    return problem(request.scope, status=error.status_code, kind=kind, title=phrase, detail=detail, headers=error.headers)
