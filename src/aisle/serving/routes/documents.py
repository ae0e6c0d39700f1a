"""`/openapi.json` and `/docs`: what the server offers, for programs and for people."""

import orjson
from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import Response

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Return the OpenAPI document."""
    return Response(orjson.dumps(request.app.openapi()), media_type="application/json")


@router.get("/docs")
async def docs(request: Request) -> Response:
    """Return a page to try the routes out on; the browser fetches its script from a public address."""
    return get_swagger_ui_html(openapi_url="openapi.json", title=request.app.title)
