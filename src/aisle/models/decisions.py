"""What follows from a classifier's probabilities: the set that likely holds the correct category, and who looks at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aisle.models.conformal import Conformal
from aisle.models.thresholds import Thresholds


@dataclass(frozen=True)
class Decisions:
    """The rules that a bundle decides by.

    Args:
        conformal: Makes prediction sets.
        thresholds: From which confidence on an answer stands by itself.
    """

    conformal: Conformal
    thresholds: Thresholds

    def to_json(self) -> dict[str, Any]:
        """Return them as a JSON object."""
        return {"prediction_sets": self.conformal.to_json(), "review": self.thresholds.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], classes: int) -> "Decisions":
        """Return what `to_json` wrote.

        Args:
            value: The JSON object.
            classes: How many classes there are.

        Raises:
            BundleError: They are not such as `to_json` writes.
            KeyError: One is missing.
        """
        return cls(Conformal.from_json(value["prediction_sets"], classes), Thresholds.from_json(value["review"], classes))
