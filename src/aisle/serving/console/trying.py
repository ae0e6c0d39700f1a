"""Trying it: a product in, its category out, with the reasons."""

import re
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.datastructures import UploadFile
from starlette.responses import Response

from aisle.catalog.categories import category_name
from aisle.catalog.product import Product
from aisle.errors import InvalidField
from aisle.features.normalise import normalise
from aisle.models.explain import Explanation
from aisle.models.prediction import Prediction
from aisle.serving.answering import Asked, answer
from aisle.serving.console.pages import PATH, ConsoleRoute, Visit, fields, visit
from aisle.serving.console.words import Language
from aisle.serving.intake import unfit, unusable
from aisle.serving.predictor import Champion, Model
from aisle.serving.problems import field_name, request_id

TOP, _TERMS = 9, 12
_AROUND = 50_000
_LEAST_CHARS = 3
_WORD = re.compile(r"\S+")

router = APIRouter(prefix=PATH, route_class=ConsoleRoute, include_in_schema=False)


@router.get("/try")
async def show(request: Request) -> Response:
    """Show the form."""
    return _page(await visit(request), Product("0", title="", description=""))


@router.post("/try")
async def classify(request: Request) -> Response:
    """Answer a product, and say why; it is logged as every answer is."""
    visitor = await visit(request)
    title, description = await fields(request, "title", "description")
    upload = (await request.form()).get("image")
    image = await upload.read() if isinstance(upload, UploadFile) else b""
    product = Product("0", title=title or None, description=description or None, image=image or None)
    options = visitor.service.options
    wrong = list(unfit(product, (), options))
    if product.image and (reason := unusable(product.image, options)):
        wrong.append(InvalidField(("image",), reason))
    if wrong:
        told = " ".join(f"{field_name(one.path)} {one.detail}" for one in wrong)
        return _page(visitor, product, status=422, alert=told)
    found: list[tuple[Champion, Prediction]] = []

    def read(champion: Champion) -> Asked:
        def spell(predictions: list[Prediction]) -> bytes:
            found[:] = [(champion, predictions[0])]
            return b""

        return Asked([product], TOP, spell, request_id(request.scope))

    await answer(visitor.service, request.scope, len(title) + len(description) + len(image), read)
    champion, prediction = found[0]
    why = await visitor.service.scorer.run(partial(champion.model.explain, product, terms=_TERMS))
    return _page(visitor, product, prediction=prediction, why=why, version=champion.ref.version)


def named(code: str | None, model: Model | None, language: Language) -> str:
    """Return what a category is called.

    Args:
        code: The category.
        model: Knows the names of its own.
        language: The language of the challenge's names.
    """
    if code is None:
        return ""
    name = category_name(code, language)
    return name if name != code or model is None else model.categories.get(code, code)


def marked(text: str | None, why: Explanation | None) -> Markup:
    """Return a text in which the words that spoke for the category are marked; everything in it is escaped."""
    shown = (text or "")[:4_000]
    telling = {
        term.ngram.strip("_ ")
        for share in (why.texts if why else ())
        for term in share.pro
        if len(term.ngram.strip("_ ")) >= _LEAST_CHARS
    }
    found, last = [Markup("<bdi>")], 0
    for word in _WORD.finditer(shown):
        plain = f" {normalise(word[0])} "
        found.append(Markup("{}").format(shown[last : word.start()]))
        hit = any(part in plain for part in telling)
        found.append((Markup("<mark>{}</mark>") if hit else Markup("{}")).format(word[0]))
        last = word.end()
    return Markup("").join([*found, Markup("{}</bdi>").format(shown[last:])])


def _page(visitor: Visit, product: Product, *, status: int = 200, alert: str = "", **found: Any) -> Response:
    champion = visitor.service.watch.champion
    told = {"prediction": None, "why": None, "version": None, **found}
    return visitor.page(
        "try",
        "try",
        status=status,
        alert=alert,
        product=product,
        # What stands around the file in the form takes a little.
        most=visitor.service.options.max_body_bytes - _AROUND,
        called=partial(named, model=champion.model if champion else None, language=visitor.language),
        marked=marked,
        **told,
    )
