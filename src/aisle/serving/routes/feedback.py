"""`POST /v1/feedback`: the right category of a product that was answered, or that lies in the catalogue."""

import uuid
from typing import Any

from fastapi import APIRouter, Request

from aisle.digest import json_digest
from aisle.errors import InvalidField
from aisle.monitoring.feedback import Feedback, StoredFeedback, same_as_before
from aisle.serving import schemas
from aisle.serving.access import ReviewerDep
from aisle.serving.bodies import read_object
from aisle.serving.openapi import answer, problems
from aisle.serving.problems import invalid_request
from aisle.serving.records import FeedbackStore
from aisle.serving.service import Service, ServiceDep

_SETTLE_S = 2.0
_REQUEST = "4f9c2b1e8d5a4e0f9a7b6c5d4e3f2a1b"
_EXAMPLES: dict[str, Any] = {
    "one": {"summary": "Of a request with one product", "value": {"request_id": _REQUEST, "code": "2583"}},
    "position": {
        "summary": "Of a request with several, by place, to be sent again safely",
        "value": {"id": "ticket-381", "request_id": _REQUEST, "position": 0, "code": "2583", "reason": "It is a pool."},
    },
    "id": {
        "summary": "Of a request with several, by your own id",
        "value": {"request_id": _REQUEST, "product_id": "A-17", "code": "2583"},
    },
    "catalogue": {
        "summary": "Of a product of the catalogue",
        "value": {"product": {"id": "A-17", "source": "shop", "split": "train"}, "code": "2583"},
    },
}
_BODY = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Feedback"}, "examples": _EXAMPLES}}}
_KEPT = {
    "id": "ticket-381",
    "author": "zoe",
    "code": "2583",
    "predicted": "2582",
    "version": 3,
    "verdict": "corrected",
    "repeated": False,
    "created_at": "2026-01-31T12:00:00Z",
}

router = APIRouter(tags=["feedback"])


@router.post(
    "/v1/feedback",
    operation_id="feedback",
    summary="Say what the right category is",
    response_model=None,
    responses={**answer("It is kept.", "FeedbackAnswer", _KEPT), **problems(409, 415, 422, 503)},
    openapi_extra={"requestBody": {"required": True, **_BODY}},
)
async def feedback(request: Request, service: ServiceDep, caller: ReviewerDep) -> schemas.FeedbackAnswer:
    """Send the right category's code with a request's id, or with a product of the catalogue.

    Of a request with several products say which by `position` or `product_id`. With an `id` of your own it may be sent again
    if the answer got lost: it is kept once. Nothing changes at once; people and trainings read it later.
    """
    store, categories = service.records.feedback, service.categories()
    sent = await read_object(request, schemas.Feedback)
    identity = sent.id or uuid.uuid4().hex
    digest = json_digest(sent.model_dump(exclude={"id"}))
    before = None if sent.id is None else await service.desk.run(lambda: store.known(caller.name, identity))
    if before is not None:
        return _told(same_as_before(before, digest), new=False)
    if sent.code not in categories:
        raise _wrong(("code",), "is no category of the model in service; /v1/categories lists them.")
    about = await _about_answer(service, store, sent) if sent.request_id else await _about_product(service, store, sent)
    said = Feedback(author=caller.name, client_id=identity, digest=digest, code=sent.code, reason=sent.reason or "", **about)
    kept, new = await service.desk.run(lambda: store.add(said))
    if new:
        service.telemetry.counter("aisle_feedback_total").labels(said.verdict).inc()
    return _told(kept, new=new)


async def _about_answer(service: Service, store: FeedbackStore, sent: schemas.Feedback) -> dict[str, Any]:
    request_id = sent.request_id or ""
    if sent.product is not None:
        raise _wrong(("product",), "is one thing too many: the feedback is about a request already.")

    async def look() -> Any:
        return await service.desk.run(lambda: store.answer(request_id, sent.position, sent.product_id))

    found = await look()
    if found is None:
        # Whoever is quick may ask before the answer has been written.
        await service.journal.settle(_SETTLE_S)
        found = await look()
    if found is None:
        detail = "is in no answer of the prediction log, with that product; it may have been pruned or dropped."
        raise _wrong(("request_id",), detail)
    if sent.position is None and sent.product_id is None and found.position > 0:
        raise _wrong(("position",), f"is needed: the request had {found.position + 1:,} products. Or give product_id.")
    return {
        "request_id": request_id,
        "position": found.position,
        "product_id": found.product_id,
        "predicted": found.code,
        "version": found.version,
    }


async def _about_product(service: Service, store: FeedbackStore, sent: schemas.Feedback) -> dict[str, Any]:
    named = sent.product
    for field in ("position", "product_id"):
        if getattr(sent, field) is not None:
            raise _wrong((field,), "says which product of a request, and there is no request_id.")
    if named is None:
        raise _wrong(("request_id",), "is missing; give it, or a product of the catalogue.")
    found = await service.desk.run(lambda: store.products(named.id, named.source, named.split))
    if not found:
        raise _wrong(("product", "id"), "is no product of the catalogue, with that source and split.")
    if len(found) > 1:
        field = "source" if found[0].source != found[1].source else "split"
        raise _wrong(("product", field), "is needed: the catalogue has several products of that id.")
    return {"source": found[0].source, "split": found[0].split, "product_id": found[0].id}


def _wrong(path: tuple[str, ...], detail: str) -> Exception:
    return invalid_request([InvalidField(path, detail)])


def _told(kept: StoredFeedback, *, new: bool) -> schemas.FeedbackAnswer:
    said = kept.feedback
    return schemas.FeedbackAnswer(
        id=said.client_id,
        author=said.author,
        code=said.code,
        predicted=said.predicted,
        version=said.version,
        verdict=said.verdict,
        repeated=not new,
        created_at=kept.created_at,
    )
