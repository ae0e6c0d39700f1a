"""Golden pairs: products and what the bundle answered to them when it was made, asked again at every load.

They catch what digests cannot: another release of a library, of the text normalisation or of the compiled code that
would answer otherwise.
"""

import binascii
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import islice
from typing import Any

import orjson

from aisle.catalog.product import Product
from aisle.errors import BundleError
from aisle.models.prediction import Prediction

Predict = Callable[[Sequence[Product]], list[Prediction]]

TOLERANCE = 1e-4
"""How far a probability may be from what it was: processors add in other orders."""

_CHOSEN = 24
_PICTURED = 8
_LONGEST = 1_000
_LARGEST_IMAGE = 60_000
_ODD = (
    Product("nothing"),
    Product("no text", title="  ", description="<p>&nbsp;</p>"),
    Product("description alone", description="Une description sans titre, avec <b>balises</b> et caract&egrave;res."),
    Product("empty description", title="Jeu-vidéo d'occasion n° 12", description=""),
    Product("mojibake", title="DÃ©co d¿Ã©tÃ© CÂ¿ur en bois", description="1,22 m x 80 cm"),
    Product("unseen", title="T\u200ba\u202eb\ufeffle ba\u0301sse \u2066en\u2069 bo\u00adis"),
    Product("scripts", title="ＬＥＧＯ ﬁgurine ㍿ Ωmega 漫画 настольная игра لعبة 🎮"),
    Product("long", title="lot de livres " * 60, brand="Éditions"),
    Product("broken image", title="Lampe de bureau", image=b"\xff\xd8\xff no picture"),
)


def choose_golden(products: Iterable[Product]) -> list[Product]:
    """Return up to 41 products: 24 of those given, by a hash of their texts, 8 with their images, and 9 odd ones.

    Of the 8 every second one comes without its texts, so that the image is asked for alone. The odd ones never change.
    """
    ranked = sorted(products, key=lambda product: (_rank(product), product.id))
    pictured = [product for product in ranked if product.image is not None and len(product.image) <= _LARGEST_IMAGE]
    chosen = [replace(_brief(product), image=None) for product in islice(ranked, _CHOSEN)]
    shown = [
        Product(product.id, image=product.image) if place % 2 else _brief(product)
        for place, product in enumerate(pictured[:_PICTURED])
    ]
    return [*chosen, *shown, *_ODD]


def write_golden(products: Sequence[Product], predict: Predict) -> bytes:
    """Return golden pairs as JSON Lines: each product's fields and what is answered to it now."""
    return b"".join(
        orjson.dumps(
            {"input": _input(product), "output": _output(prediction)},
            option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SORT_KEYS,
        )
        for product, prediction in zip(products, predict(products), strict=True)
    )


def replay_golden(data: bytes, predict: Predict) -> None:
    """Ask for every golden product again.

    Args:
        data: What `write_golden` returned.
        predict: The loaded model.

    Raises:
        BundleError: There are no pairs, or an answer is another than it was.
    """
    try:
        pairs = [orjson.loads(line) for line in data.splitlines()]
        products = [_product(pair["input"]) for pair in pairs]
        expected = [
            {
                "top": [[str(code), float(share)] for code, share in pair["output"]["top"]],
                "modalities": [str(name) for name in pair["output"]["modalities"]],
            }
            for pair in pairs
        ]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"golden.jsonl holds no pairs of input and output ({error}).", hint="Fetch the bundle again, or train again."
        ) from error
    if not products:
        raise BundleError("golden.jsonl is empty.", hint="Fetch the bundle again, or train again.")
    for product, before, prediction in zip(products, expected, predict(products), strict=True):
        if not _agree(before, _output(prediction)):
            raise BundleError(
                f"The golden product {product.id!r} is answered {_output(prediction)} now, but was {before} when the bundle"
                " was made.",
                hint="Use the library versions in its manifest.json, or train again with this release.",
            )


def _agree(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Return whether two answers are alike: each category as probable as it was, up to the tolerance.

    Categories as probable as each other may change places, and one at the end of the list may drop out.
    """
    if before["modalities"] != now["modalities"] or len(before["top"]) != len(now["top"]):
        return False
    old, new = dict(before["top"]), dict(now["top"])
    least = max(min(old.values()), min(new.values()))
    return all(abs(old.get(code, least) - new.get(code, least)) <= TOLERANCE for code in old | new)


def _rank(product: Product) -> bytes:
    text = "\0".join(part or "" for part in (product.title, product.description, product.brand))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _brief(product: Product) -> Product:
    return replace(product, title=_cut(product.title), description=_cut(product.description), brand=_cut(product.brand))


def _cut(text: str | None) -> str | None:
    # JSON has no lone surrogates.
    return None if text is None else text[:_LONGEST].encode("utf-8", "replace").decode()


def _input(product: Product) -> dict[str, Any]:
    texts = {"id": product.id, "title": product.title, "description": product.description, "brand": product.brand}
    if product.image is None:
        return texts
    return {**texts, "image": binascii.b2a_base64(product.image, newline=False).decode()}


def _product(told: dict[str, Any]) -> Product:
    image = told.pop("image", None)
    return Product(**told, image=None if image is None else binascii.a2b_base64(image, strict_mode=True))


def _output(prediction: Prediction) -> dict[str, Any]:
    return {
        "top": [[candidate.code, round(candidate.probability, 6)] for candidate in prediction.top],
        "modalities": list(prediction.modalities),
    }
