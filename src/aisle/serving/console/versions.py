"""Models: the versions and their reports, who was champion when and why, comparing two, promoting and going back."""

from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from aisle.errors import AisleError, InputError, StorageError
from aisle.review.effect import effects
from aisle.serving.console.pages import PATH, ConsoleRoute, Visit, fields, number_of, visit
from aisle.serving.problems import request_id, status_of

_MAX_REASON = 1_000
_MOST_VERSIONS, _MOST_EFFECTS, _MOST_REQUESTS = 40, 10, 5

router = APIRouter(prefix=f"{PATH}/models", route_class=ConsoleRoute, include_in_schema=False)


@router.get("")
async def show(request: Request) -> Response:
    """Show versions and history, and two versions beside each other."""
    return await _page(await visit(request))


@router.post("/promote")
async def promote(request: Request) -> Response:
    """Make a version champion, if the ledger still stands where the page showed it."""
    visitor = await visit(request, "admin")
    version, expected, reason = await fields(request, "version", "expected", "reason")
    ledger = visitor.service.records.ledger
    try:
        row = await visitor.service.desk.run(
            partial(
                ledger.promote,
                number_of(version),
                actor=visitor.session.name,
                reason=_words(reason),
                evidence={"console": request_id(request.scope)},
                expected=number_of(expected),
            )
        )
    except AisleError as error:
        return await _refused(visitor, "promote", version, error)
    await _note(visitor, "promote", f"version {row.version}", reason)
    return await _page(visitor, made=row.version)


@router.post("/rollback")
async def rollback(request: Request) -> Response:
    """Make the champion before the current one champion again, if the ledger still stands where the page showed it."""
    visitor = await visit(request, "admin")
    expected, reason = await fields(request, "expected", "reason")
    ledger = visitor.service.records.ledger
    go_back = partial(ledger.rollback, actor=visitor.session.name, expected=number_of(expected))
    try:
        row = await visitor.service.desk.run(partial(go_back, reason=_words(reason)))
    except AisleError as error:
        return await _refused(visitor, "rollback", "", error)
    await _note(visitor, "rollback", f"version {row.version}", reason)
    return await _page(visitor, made=row.version)


def _words(reason: str) -> str:
    words = reason.strip()
    if not words or len(words) > _MAX_REASON:
        raise InputError("A change of champion needs a reason.", hint=f"Say why, in at most {_MAX_REASON:,} characters.")
    return words


async def _refused(visitor: Visit, action: str, version: str, error: AisleError) -> Response:
    await _note(visitor, f"{action} refused", f"version {version}".strip(), str(error))
    return await _page(visitor, alert=str(error), status=status_of(error))


async def _note(visitor: Visit, action: str, subject: str, detail: str) -> None:
    await visitor.service.desk.run(partial(visitor.records.audit.add, visitor.session.name, action, subject, detail))


async def _page(visitor: Visit, *, alert: str = "", status: int = 200, made: int | None = None) -> Response:
    ledger = visitor.service.records.ledger
    found = await visitor.service.desk.run(
        lambda: (
            ledger.models(),
            ledger.history(),
            effects(visitor.records.database, limit=_MOST_EFFECTS),
            visitor.records.requests.all(limit=_MOST_REQUESTS),
        )
    )
    versions, history, led, requests = found
    in_force = history[-1] if history else None
    asked = [number_of(value) for value in visitor.request.query_params.getlist("version")[:2]]
    compared = [model for model in versions if model.version in asked]
    in_page = [*reversed(versions)][:_MOST_VERSIONS]
    in_page += [model for model in versions if in_force and model.version == in_force.version and model not in in_page]
    try:
        reported = await visitor.service.desk.run(
            lambda: {model.version for model in in_page if visitor.records.reports.has(model.bundle)}
        )
    except StorageError as error:
        # Promoting must be possible while the object store is away.
        reported, alert = set(), alert or str(error)
    names = sorted({name for model in compared for name, value in model.metrics.items() if isinstance(value, int | float)})
    return visitor.page(
        "models",
        "models",
        status=status,
        alert=alert,
        made=made,
        versions=in_page,
        hidden=len(versions) - len(in_page),
        reported=reported,
        history=list(reversed(history))[:50],
        champion=in_force.version if in_force else None,
        expected=in_force.seq if in_force else 0,
        compared=compared,
        effects=led,
        requests=requests,
        figures=names,
    )
