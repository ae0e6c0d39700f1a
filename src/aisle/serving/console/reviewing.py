"""Reviewing: one product a page, decided with a key."""

from contextlib import suppress
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from aisle.catalog.product import Product
from aisle.errors import AisleError, NotReady, ObjectNotFound
from aisle.models.explain import Explanation
from aisle.models.prediction import Candidate
from aisle.review.desk import Outcome
from aisle.review.effect import Effect, effect
from aisle.review.items import ReviewedProduct, ReviewItem
from aisle.serving.console.pages import PATH, ConsoleRoute, Visit, fields, number_of, visit
from aisle.serving.console.tree import children, matches, parts
from aisle.serving.console.trying import TOP, marked, named
from aisle.serving.problems import status_of

_FOUND, _WORDS = 20, 100
_KINDS = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"GI": "image/gif", b"RI": "image/webp"}

router = APIRouter(prefix=f"{PATH}/review", route_class=ConsoleRoute, include_in_schema=False)


@router.get("")
async def show(request: Request) -> Response:
    """Show the product that is worth most."""
    return await _page(await visit(request, "reviewer"))


@router.post("/decide")
async def decide(request: Request) -> Response:
    """Take a category, and show the next product."""
    visitor = await visit(request, "reviewer")
    item, code, reason = await fields(request, "item", "code", "reason")
    desk, name = visitor.records.desk, visitor.session.name

    def decided() -> Outcome:
        known = visitor.records.reviews.categories()
        with suppress(NotReady):
            known |= visitor.service.categories()
        return desk.decide(number_of(item, 15), name, code, reason, categories=known)

    try:
        outcome = await visitor.service.desk.run(decided)
    except AisleError as error:
        return await _page(visitor, alert=str(error), status=status_of(error))
    await _note(visitor, "review", f"item {item}", code)
    done = "Labelled" if outcome.label_seq else "Kept; others will look as well."
    return await _page(visitor, note=done, code=code if outcome.label_seq else "")


@router.post("/skip")
async def skip(request: Request) -> Response:
    """Pass a product on, and show the next one."""
    visitor = await visit(request, "reviewer")
    item, reason = await fields(request, "item", "reason")
    try:
        await visitor.service.desk.run(partial(visitor.records.desk.skip, number_of(item, 15), visitor.session.name, reason))
    except AisleError as error:
        return await _page(visitor, alert=str(error), status=status_of(error))
    await _note(visitor, "skip", f"item {item}")
    return await _page(visitor, note="Passed on.")


@router.post("/undo")
async def undo(request: Request) -> Response:
    """Take the last decision back, and show its product again."""
    visitor = await visit(request, "reviewer")
    try:
        item = await visitor.service.desk.run(partial(visitor.records.desk.undo, visitor.session.name))
    except AisleError as error:
        return await _page(visitor, alert=str(error), status=status_of(error))
    await _note(visitor, "undo", f"item {item.id}")
    return await _page(visitor, note="Taken back.")


@router.get("/categories")
async def categories(request: Request) -> Response:
    """Show what is searched for among the categories, or what lies under a branch of them."""
    visitor = await visit(request, "reviewer")
    asked = request.query_params
    wanted, path, start = asked.get("q", "").strip()[:_WORDS], asked.get("path", ""), number_of(asked.get("from", ""))
    names = await _names(visitor)
    under = parts(path) if path else ()
    found = matches(names, wanted, most=_FOUND) if wanted else children(names, under, start=start)
    return visitor.page("categories", "review", found=found, wanted=wanted, path=path, start=start)


@router.get("/{item_id}/image")
async def image(request: Request, item_id: int) -> Response:
    """Return the image of a product under review."""
    visitor = await visit(request, "reviewer")

    def read() -> bytes | None:
        product = visitor.records.desk.product(visitor.records.desk.item(item_id))
        return visitor.records.images.get(product.image_key) if product and product.image_key else None

    try:
        data = await visitor.service.desk.run(read)
    except ObjectNotFound:
        data = None
    kind = _KINDS.get((data or b"")[:2])
    if data is None or kind is None:
        return Response(status_code=404)
    policy = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"}
    return Response(data, media_type=kind, headers={**policy, "Cache-Control": "private, max-age=600"})


async def _names(visitor: Visit) -> list[tuple[str, str]]:
    """Return code and name of every category: those that the champion knows, or without one those that labels have."""
    try:
        model = visitor.service.champion().model
    except NotReady:
        return [(code, code) for code in await visitor.service.desk.run(visitor.records.reviews.categories)]
    return [(code, named(code, model, visitor.language)) for code in model.categories]


async def _note(visitor: Visit, action: str, subject: str, detail: str = "") -> None:
    add = partial(visitor.records.audit.add, visitor.session.name, action, subject, detail)
    await visitor.service.desk.run(add)


async def _page(visitor: Visit, *, alert: str = "", note: str = "", status: int = 200, code: str = "") -> Response:
    desk = visitor.records.desk

    def look() -> tuple[ReviewItem | None, ReviewedProduct | None, int, Effect | None]:
        item = desk.next(visitor.session.name)
        waiting = visitor.records.reviews.open_items()
        champion = visitor.service.records.ledger.champion()
        led = None if champion is None else effect(visitor.records.database, champion.version)
        return item, None if item is None else desk.product(item), waiting, led

    item, product, waiting, led = await visitor.service.desk.run(look)
    try:
        model = visitor.service.champion().model
    except NotReady:
        model = None
    top: list[Candidate] = []
    why: Explanation | None = None
    if item is not None and product is not None and model is not None:
        asked = Product("review", title=product.title, description=product.description, brand=product.brand)
        top = list((await visitor.service.scorer.run(partial(model.predict, [asked], top=TOP)))[0].top)
        if item.blind:
            # In the order of their names: nothing tells which one was answered.
            top.sort(key=lambda one: named(one.code, model, visitor.language))
        else:
            why = await visitor.service.scorer.run(partial(model.explain, asked))
    return visitor.page(
        "review",
        "review",
        status=status,
        alert=alert,
        note=note,
        item=item,
        product=product,
        waiting=waiting,
        led=led,
        top=top,
        why=why,
        code=code,
        found=None if item is None else children(await _names(visitor)),
        wanted="",
        path="",
        start=0,
        marked=marked,
        called=partial(named, model=model, language=visitor.language),
    )
