"""From the bytes of a small request to the one object that it must be, or to a refusal that names every wrong field."""

from typing import TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ValidationError

from aisle.errors import InvalidField
from aisle.serving.intake import require_json
from aisle.serving.problems import invalid_request

_Shape = TypeVar("_Shape", bound=BaseModel)


async def read_object(request: Request, shape: type[_Shape]) -> _Shape:
    """Return the object in a request's body.

    Args:
        request: The request; its body is JSON in UTF-8.
        shape: What it must be.

    Raises:
        UnsupportedContent: It says that it is no plain JSON.
        InvalidRequest: It is no JSON, or another object; the error names each field that is wrong.
    """
    require_json(request.headers)
    try:
        content = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        detail = f"The body is no JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        raise invalid_request([InvalidField((), detail)]) from None
    if not isinstance(content, dict):
        raise invalid_request([InvalidField((), "The body must be an object.")])
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        known = ", ".join(shape.model_fields)
        raise invalid_request(
            [
                InvalidField(
                    found["loc"],
                    f"is no known field; known are {known}."
                    if found["type"] == "extra_forbidden"
                    else f"is not valid: {found['msg']}.",
                )
                for found in error.errors(include_url=False, include_input=False)
            ]
        ) from None
