"""An answer: what a bundle says of one product.

A catalogue's answers are made by the hundred thousand: these are structures that cost a fraction of a dataclass to make, and
that the garbage collector need not look through, since nothing in them can lead back to them.
"""

from typing import Literal, TypeAlias

import msgspec

Review: TypeAlias = Literal["nothing to go by", "not confident"]
"""Why a person should look at an answer."""


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One category and the probability that the product belongs to it, between 0 and 1."""

    code: str
    name: str
    probability: float


class Prediction(msgspec.Struct, frozen=True, gc=False):
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

    def brief(self, top: int) -> "Prediction":
        """Return the same answer with so many of its most probable categories at most.

        Args:
            top: How many.
        """
        return self if len(self.top) <= top else msgspec.structs.replace(self, top=self.top[:top])
