"""What is kept of an answer: which model gave it, how sure it was, and what the product looked like from outside.

The text itself is kept only where that was asked for. Without it there are its digest, by which equal inputs are told, and
its properties, by which a change of the catalogue shows.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aisle.catalog.product import Product
from aisle.digest import json_digest, sha256
from aisle.errors import ImageProblem
from aisle.features.marks import ImageLook, image_look
from aisle.features.properties import ImageProperties, describe
from aisle.models.prediction import Prediction

_TEXTS = ("title", "description", "brand")


@dataclass(frozen=True, slots=True)
class Answered:
    """One request's products and what a model said of them, as they were: nothing is computed yet.

    Args:
        request_id: The request's id.
        at: When it was answered.
        seconds: How long that took.
        version: The model's version.
        bundle: Digest of its bundle.
        products: The products.
        predictions: One answer for each, in their order.
        positions: Their places in the request, if they are not 0, 1, 2 and so on.
    """

    request_id: str
    at: datetime
    seconds: float
    version: int
    bundle: str
    products: Sequence[Product]
    predictions: Sequence[Prediction]
    positions: Sequence[int] | None = None

    @property
    def weight(self) -> int:
        """About how many bytes its inputs hold."""
        return sum(
            len(p.image or b"") + len(p.title or "") + len(p.description or "") + len(p.brand or "") + 500
            for p in self.products
        )


class LookBudget:
    """How many images may still be looked at: so many a second, and a minute's worth at once.

    Looking at an image means decoding it, small; it is the one thing about the log that would cost as much as answers do.
    Which images are looked at hangs on when they come alone, never on what they show.

    Args:
        per_second: Images a second; 0 for none.
    """

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._left = self._most = 60 * per_second
        self._since = time.monotonic()

    def take(self) -> bool:
        """Take one look from the budget, and return whether there was one left."""
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._since) * self._per_second)
        self._since = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def answer_rows(answers: Iterable[Answered], *, keep_text: bool, looks: LookBudget | None = None) -> list[dict[str, Any]]:
    """Return what is kept of some answers, one row a product, as the table `predictions` takes it.

    Args:
        answers: The answers.
        keep_text: Whether title, description and brand are kept as well.
        looks: How many images may be looked at; none by default.
    """
    return [
        _row(answer, position, product, prediction, keep_text=keep_text, looks=looks)
        for answer in answers
        for position, product, prediction in zip(
            range(len(answer.products)) if answer.positions is None else answer.positions,
            answer.products,
            answer.predictions,
            strict=True,
        )
    ]


def _row(
    answer: Answered,
    position: int,
    product: Product,
    prediction: Prediction,
    *,
    keep_text: bool,
    looks: LookBudget | None,
) -> dict[str, Any]:
    image = None if product.image is None else ImageProperties.of(product.image)
    look = _look(product.image, looks)
    properties = describe(product, image)
    second = prediction.top[1] if len(prediction.top) > 1 else None
    texts = {name: getattr(product, name) for name in _TEXTS}
    return {
        "request_id": answer.request_id,
        "position": position,
        "product_id": _storable(product.id),
        "answered_at": answer.at,
        "seconds": answer.seconds,
        "version": answer.version,
        "bundle": answer.bundle,
        "code": prediction.code,
        "confidence": prediction.confidence,
        "second_code": second.code if second else None,
        "second_confidence": second.probability if second else None,
        "set_size": len(prediction.prediction_set),
        "review": prediction.review,
        "modalities": ",".join(prediction.modalities),
        "image_problem": _storable(prediction.image_problem),
        "text_sha256": json_digest(texts),
        "image_sha256": None if product.image is None else sha256(product.image),
        "title_chars": properties.title_chars,
        "description_chars": properties.description_chars,
        "title_words": properties.title_words,
        "missing_description": properties.missing_description,
        "html_residue": properties.html_residue,
        "language": properties.language,
        "image_bytes": image.size if image else None,
        "image_aspect": image.aspect if image and image.height else None,
        "title_marks": properties.title_marks,
        "image_brightness": look.brightness if look else None,
        "image_white": look.white if look else None,
        "image_sketch": look.sketch if look else None,
        **{name: _storable(text) if keep_text else None for name, text in texts.items()},
    }


def _look(data: bytes | None, looks: LookBudget | None) -> ImageLook | None:
    if data is None or looks is None or not looks.take():
        return None
    try:
        return image_look(data)
    except ImageProblem:
        return None  # the answer has the problem already


def _storable(text: str | None) -> str | None:
    # PostgreSQL's text holds no NUL.
    return text if text is None or "\0" not in text else text.replace("\0", "\ufffd")
