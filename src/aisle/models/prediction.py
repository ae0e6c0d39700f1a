"""An answer: what a bundle says of one product."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Review: TypeAlias = Literal["nothing to go by", "not confident"]
"""Why a person should look at an answer."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One category and the probability that the product belongs to it, between 0 and 1."""

    code: str
    name: str
    probability: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a bundle says of one product.

    Args:
        id: The product's id, as it came.
        code: The most probable category's code.
        name: Its name for people.
        confidence: The calibrated probability of that category, between 0 and 1.
        top: The most probable categories, best first; the first is the answer.
        modalities: What the answer rests on, of `text` and `image`; empty when nothing could be used.
        prediction_set: Codes among which the correct one is as often as the bundle's coverage says, best first.
        review: Why a person should look at it; `None` where nobody needs to.
        image_problem: Why the product's image could not be used; `None` where it could, or where there was none.
    """

    id: str
    code: str
    name: str
    confidence: float
    top: tuple[Candidate, ...]
    modalities: tuple[str, ...]
    prediction_set: tuple[str, ...] = ()
    review: Review | None = None
    image_problem: str | None = None
