"""Ten drifts of a moderate strength, done to products on purpose: for the demo, and to measure what monitoring sees.

A drift of a share turns that share of the rows into what it is about and leaves the others; which rows is drawn.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from PIL import Image

from aisle.catalog.product import Product
from aisle.features.language import detect_language

Change = Callable[[Product, np.random.Generator], Product]
Choice = Callable[[Product, str, Sequence[str]], bool]

_NEW_WORDS = tuple(
    f"{first}{second}"
    for first in ("zor", "quel", "vax", "brim", "tuk")
    for second in ("bax", "dine", "ola", "ium", "etto", "fly", "card", "meo")
)
_WINE = (
    "vin rouge, vin blanc, rosé, bordeaux, bourgogne, champagne brut, millésime, château, grand cru, domaine, cépage,"
    " merlot, syrah, cabernet, sauvignon, bouteille, magnum, caisse, cave, tonneau, vendange, tannins, arômes, dégustation"
)


@dataclass(frozen=True)
class Drift:
    """One drift.

    Args:
        name: What it is called.
        summary: What happens to the rows, as a phrase.
        share: Share of the rows that it happens to.
        change: What becomes of one of them, where it is changed itself.
        choice: Which products take their places, where others come instead: told a product, its category, and the
            categories, the commonest first.
    """

    name: str
    summary: str
    share: float
    change: Change | None = None
    choice: Choice | None = None


def _halved(product: Product, _: np.random.Generator) -> Product:
    title = product.title or ""
    return replace(product, title=title[: max(1, len(title) // 2)])


def _without_description(product: Product, _: np.random.Generator) -> Product:
    return replace(product, description=None)


def _dark(product: Product, _: np.random.Generator) -> Product:
    return _redrawn(product, lambda image: image.point(lambda value: value // 2))


def _cropped(product: Product, _: np.random.Generator) -> Product:
    def middle(image: Image.Image) -> Image.Image:
        width, height = image.size
        return image.crop((width // 5, height // 5, width - width // 5, height - height // 5))

    return _redrawn(product, middle)


def _with_new_words(product: Product, draw: np.random.Generator) -> Product:
    words = draw.choice(_NEW_WORDS, 2, replace=False).tolist()
    return replace(product, title=" ".join([product.title or "", *words]).strip())


def _with_broken_html(product: Product, _: np.random.Generator) -> Product:
    return replace(product, description=f"{product.description or ''} &amp;lt;p&amp;gt;&lt;br&gt;&eacute;")


def _swapped(product: Product, _: np.random.Generator) -> Product:
    if not (product.description or "").strip():
        return product
    return replace(product, title=product.description, description=product.title)


def _wine(product: Product, draw: np.random.Generator) -> Product:
    words = draw.choice(_WINE.split(", "), 12, replace=False).tolist()
    return replace(product, title=" ".join(words[:5]), description=" ".join(words[5:]))


def _is_common(_: Product, code: str, commonest: Sequence[str]) -> bool:
    return code in commonest[:2]


def _is_foreign(product: Product, _code: str, _commonest: Sequence[str]) -> bool:
    return detect_language(f"{product.title or ''} {product.description or ''}") in {"en", "de"}


DRIFTS: Mapping[str, Drift] = {
    drift.name: drift
    for drift in (
        Drift("class_mix", "a quarter of the rows come from the two commonest categories", 0.25, choice=_is_common),
        Drift("language", "a fifth of the rows are English or German", 0.20, choice=_is_foreign),
        Drift("length", "a third of the titles lose their second half", 0.33, change=_halved),
        Drift("missing_descriptions", "a quarter of the rows lose their description", 0.25, change=_without_description),
        Drift("dark_images", "a quarter of the images are half as light", 0.25, change=_dark),
        Drift("cropped_images", "a third of the images are cut to their middle three fifths", 0.33, change=_cropped),
        Drift("new_vocabulary", "a third of the titles get two of forty words never seen", 0.33, change=_with_new_words),
        Drift("html_broken", "a fifth of the descriptions get tags that were escaped twice", 0.20, change=_with_broken_html),
        Drift("swapped_fields", "a fifth of the rows have title and description swapped", 0.20, change=_swapped),
        Drift("new_category", "a seventh of the rows are wine, which was never sold here", 0.15, change=_wine),
    )
}
"""By name."""


def drifted(drift: Drift, products: Sequence[Product], codes: Sequence[str], draw: np.random.Generator) -> list[Product]:
    """Return products with a drift among them.

    Args:
        drift: The drift.
        products: Products as they were.
        codes: Their categories.
        draw: Chooses the rows that it happens to.
    """
    result, happens = list(products), draw.random(len(products)) < drift.share
    places = [] if drift.choice is None else chosen(drift.choice, products, codes)
    for place in np.flatnonzero(happens).tolist():
        if drift.change is not None:
            result[place] = drift.change(result[place], draw)
        elif places:
            other = products[places[int(draw.integers(len(places)))]]
            result[place] = replace(other, id=result[place].id)
    return result


def chosen(choice: Choice, products: Sequence[Product], codes: Sequence[str]) -> list[int]:
    """Return the places of the products that a drift chooses.

    Args:
        choice: The drift's choice.
        products: Products.
        codes: Their categories.
    """
    names, counts = np.unique(np.asarray(codes), return_counts=True)
    commonest = names[np.argsort(-counts, kind="stable")].tolist()
    every = zip(products, codes, strict=True)
    return [place for place, (product, code) in enumerate(every) if choice(product, code, commonest)]


def _redrawn(product: Product, change: Callable[[Image.Image], Image.Image]) -> Product:
    if product.image is None:
        return product
    stream = BytesIO()
    change(Image.open(BytesIO(product.image)).convert("RGB")).save(stream, "JPEG", quality=85)
    return replace(product, image=stream.getvalue())
