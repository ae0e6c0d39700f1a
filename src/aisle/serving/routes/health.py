"""`/health`: is the process alive, and may it be sent requests."""

from fastapi import APIRouter

from aisle.serving import schemas, variant_schemas
from aisle.serving.openapi import answer, problems
from aisle.serving.routes.variants import refusal, states
from aisle.serving.service import ServiceDep

_MODEL = {"version": 3, "bundle": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}

_VARIANT = {"variant": "shadow", "version": 4, "state": "live", "refused": None}
_REFUSED = {"reason": "weights/linear.npz is not what the manifest says.", "version": 4, "bundle": "60303ae22b998861"}

router = APIRouter(tags=["health"])


@router.get(
    "/health/live",
    operation_id="live",
    summary="Is the process alive",
    response_model=None,
    responses={**answer("It is.", "Alive", {"status": "alive"}), **problems()},
)
async def live() -> schemas.Alive:
    """Answer as long as the process can: without a model, and while it is stopping."""
    return schemas.Alive(status="alive")


@router.get(
    "/health/ready",
    operation_id="ready",
    summary="May requests be sent here",
    response_model=None,
    responses={
        **answer(
            "They may.",
            "Ready",
            {"status": "ready", "model": _MODEL, "pinned": False, "refused": _REFUSED, "variants": [_VARIANT]},
        ),
        **problems(503),
    },
)
async def ready(service: ServiceDep) -> variant_schemas.Ready:
    """Answer whether a verified model is in service and the server is not stopping.

    If a newer champion could not be taken into service, the old one goes on and `refused` says why. A canary or shadow that
    cannot be used makes no server unready: `variants` tells of it.
    """
    champion = service.ready()
    return variant_schemas.Ready(
        status="ready",
        model=schemas.ModelRef(version=champion.ref.version, bundle=champion.ref.bundle),
        pinned=service.watch.version is not None,
        refused=refusal(service.watch.trouble),
        variants=states(service),
    )
