"""`/metrics`: everything that is counted, for Prometheus."""

from fastapi import APIRouter
from starlette.responses import Response

from aisle.serving.openapi import problems
from aisle.serving.service import ServiceDep

_ANSWER = {"description": "Every metric.", "content": {"text/plain": {"schema": {"type": "string"}}}}

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: _ANSWER, **problems()},
)
async def metrics(service: ServiceDep) -> Response:
    """Return every metric in Prometheus's text format."""
    return Response(service.telemetry.exposition(), media_type=service.telemetry.exposition_type)
