"""`POST /v1/models/…`: make a version champion, and go back."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from aisle.registry.records import Promotion
from aisle.serving import schemas
from aisle.serving.access import AdministratorDep
from aisle.serving.bodies import read_object
from aisle.serving.openapi import answer, problems
from aisle.serving.problems import request_id
from aisle.serving.service import Service, ServiceDep

_FOLLOW_UP = (
    "Servers take this version into service within {poll_s:g} s of seeing it; `/v1/models/champion` tells when this one has."
    " MLflow's alias `champion` follows when `aisle models reconcile` runs."
)
_PINNED = "This server is pinned to version {version} and stays with it; others follow the ledger."
_ROW = {
    "sequence": 8,
    "version": 3,
    "previous": 2,
    "action": "promote",
    "actor": "release",
    "reason": "Better on gold rows.",
}
_PROMOTED = {**_ROW, "created_at": "2026-01-31T12:00:00Z", "follow_up": _FOLLOW_UP.format(poll_s=5.0)}
_BACK = {"version": 2, "previous": 3, "action": "rollback", "reason": "Complaints about stationery."}


def _body(reason: str, expected: int) -> dict[str, Any]:
    example = {"summary": "After the row that was seen in force", "value": {"reason": reason, "expected": expected}}
    content = {"schema": {"$ref": "#/components/schemas/Decision"}, "examples": {"decision": example}}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


router = APIRouter(tags=["models"])


@router.post(
    "/v1/models/{version}/promote",
    operation_id="promote",
    summary="Make a version champion",
    response_model=None,
    responses={**answer("It is.", "PromotionAnswer", _PROMOTED), **problems(409, 415, 422, 503)},
    openapi_extra=_body("Better on gold rows.", 7),
)
async def promote(
    request: Request,
    service: ServiceDep,
    caller: AdministratorDep,
    version: Annotated[int, Path(ge=1, le=schemas.MAX_INTEGER, description="Number of a registered version.", examples=[3])],
) -> schemas.PromotionAnswer:
    """Make a version champion if the ledger still stands where you saw it, as `expected` says.

    A version that is champion already stays so, and its row is told. The ledger keeps the key's name as who decided.
    """
    ledger = service.records.ledger
    decision = await read_object(request, schemas.Decision)
    row = await service.desk.run(
        partial(
            ledger.promote,
            version,
            actor=caller.name,
            reason=decision.reason,
            evidence={"request_id": request_id(request.scope)},
            expected=decision.expected,
        )
    )
    return _told(service, row)


@router.post(
    "/v1/models/rollback",
    operation_id="rollback",
    summary="Go back to the champion before",
    response_model=None,
    responses={**answer("It is champion again.", "PromotionAnswer", {**_PROMOTED, **_BACK}), **problems(409, 415, 422, 503)},
    openapi_extra=_body("Complaints about stationery.", 8),
)
async def rollback(request: Request, service: ServiceDep, caller: AdministratorDep) -> schemas.PromotionAnswer:
    """Make the champion before the current one champion again, if the ledger still stands where you saw it."""
    ledger = service.records.ledger
    decision = await read_object(request, schemas.Decision)
    row = await service.desk.run(
        partial(ledger.rollback, actor=caller.name, reason=decision.reason, expected=decision.expected)
    )
    return _told(service, row)


def _told(service: Service, row: Promotion) -> schemas.PromotionAnswer:
    pinned = service.watch.version
    follow_up = _FOLLOW_UP.format(poll_s=service.options.poll_s) if pinned is None else _PINNED.format(version=pinned)
    return schemas.PromotionAnswer(
        sequence=row.seq,
        version=row.version,
        previous=row.previous,
        action=row.action,
        actor=row.actor,
        reason=row.reason,
        created_at=row.created_at,
        follow_up=follow_up,
    )
