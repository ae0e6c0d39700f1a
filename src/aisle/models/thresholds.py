"""From which confidence on an answer stands by itself, class by class; below it a person should look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from aisle.errors import BundleError, ModelError
from aisle.models.family import Floats, Labels

Rule: TypeAlias = Literal["precision", "cost"]
"""What the thresholds were chosen by."""

ALWAYS = 2.0
"""The threshold that no confidence reaches: every such answer is reviewed."""


@dataclass(frozen=True)
class Thresholds:
    """The least confidence of an answer that needs no review.

    Args:
        rule: What they were chosen by.
        least: For each answered class, (classes,); `ALWAYS` where no confidence is enough.
        own: Whether a class's threshold comes from its own rows, (classes,); otherwise from all.
    """

    rule: Rule
    least: NDArray[np.float64]
    own: NDArray[np.bool_]

    def review(self, classes: Labels, confidence: Floats) -> NDArray[np.bool_]:
        """Return which answers a person should look at, (rows,).

        Args:
            classes: The answered classes, (rows,).
            confidence: Their calibrated probabilities, (rows,).
        """
        return np.asarray(confidence, np.float64) < self.least[classes]

    def to_json(self) -> dict[str, Any]:
        """Return them as a JSON object."""
        return {"rule": self.rule, "least": self.least.tolist(), "own": self.own.tolist()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], classes: int) -> "Thresholds":
        """Return what `to_json` wrote.

        Args:
            value: The JSON object.
            classes: How many classes there are.

        Raises:
            BundleError: It is not such as `to_json` writes.
        """
        again = "Fetch the bundle again, or train again."
        try:
            made = cls(value["rule"], np.asarray(value["least"], np.float64), np.asarray(value["own"], np.bool_))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"The bundle's review thresholds cannot be read ({error!r}).", hint=again) from error
        if (
            made.rule not in get_args(Rule)
            or made.least.shape != (classes,)
            or made.own.shape != (classes,)
            or not ((made.least >= 0) & (made.least <= ALWAYS)).all()
        ):
            raise BundleError(
                f"The bundle's review thresholds are by {made.rule!r} and {made.least.size} for {classes} classes.",
                hint=again,
            )
        return made


def thresholds_by_cost(classes: int, *, wrong: float | Sequence[float], review: float) -> Thresholds:
    """Return thresholds under which an answer is expected to cost more than a review: (1 - confidence) * wrong > review.

    Args:
        classes: How many classes there are.
        wrong: What a wrong answer costs, one number or one for each answered class; positive.
        review: What a review costs, not negative, in the same unit.

    Raises:
        ModelError: A cost makes no sense.
    """
    costs = np.asarray(wrong, dtype=np.float64)
    if (
        costs.shape not in {(), (classes,)}
        or not np.isfinite(costs).all()
        or (costs <= 0).any()
        or not (np.isfinite(review) and review >= 0)
    ):
        raise ModelError(
            f"A wrong answer cannot cost {wrong} and a review {review}.",
            hint=f"Give one positive cost of a wrong answer, or one for each of {classes} classes, and that of a review.",
        )
    least = np.maximum(1 - review / np.broadcast_to(costs, (classes,)), 0)
    return Thresholds("cost", least, np.full(classes, costs.shape != ()))
