"""Prediction sets that hold the correct class as often as was asked for: split conformal prediction.

The threshold is a quantile of how badly the correct class did on rows that the model has not learnt from, with the
correction for a finite number of rows (Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005). For
rows drawn like those, sets then hold the correct class with at least the chosen probability, whatever the model is. Rows
predicted out of fold come from several models instead of the final one: that is no proof any more, but holds well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from aisle.errors import BundleError, ModelError
from aisle.models.family import Floats, Labels

Method: TypeAlias = Literal["lac", "aps", "raps"]
"""How badly a class did.

- `lac`: 1 - its probability (Sadinle, Lei and Wasserman 2019): the smallest sets on average.
- `aps`: the probability of all likelier classes (Romano, Sesia and Candès 2020): larger sets for harder products. Its own
  probability is not added: the answer, with nothing before it, would drop out of its own set when it is sure, and putting
  it back covers far too much (99 % for 90 %, with 9 classes instead of 2).
- `raps`: the same, and a penalty for every class beyond some (Angelopoulos et al. 2021): shorter tails than `aps`.
"""

EVERYTHING = 1e9
"""The threshold that every class is under, where the rows are too few to leave any out."""

_AGAIN = "Fetch the bundle again, or train again."


@dataclass(frozen=True)
class Conformal:
    """Makes sets of classes from probabilities.

    Args:
        method: How badly a class did is measured.
        coverage: How often sets hold the correct class, between 0 and 1.
        thresholds: A class is in the set when it did no worse than that, (classes,).
        penalty: With `raps`, what each class beyond `free` adds.
        free: With `raps`, so many classes add nothing.
    """

    method: Method
    coverage: float
    thresholds: NDArray[np.float64]
    penalty: float = 0.0
    free: int = 0

    def sets(self, probabilities: Floats) -> tuple[NDArray[np.intp], ...]:
        """Return each row's classes, the most probable first; never none, since the answer itself is always there.

        Args:
            probabilities: (rows, classes).
        """
        ranked, ends = self.ranked(probabilities)
        return tuple(ranked[start:end] for start, end in zip([0, *ends], ends, strict=False))

    def ranked(self, probabilities: Floats) -> tuple[NDArray[np.intp], list[int]]:
        """Return the classes of every row's set one row after the other, and where each row's end.

        Args:
            probabilities: (rows, classes).
        """
        inside = _badness(probabilities, self.method, self.penalty, self.free) <= self.thresholds
        inside[np.arange(len(probabilities)), probabilities.argmax(axis=1)] = True
        rows, classes = np.nonzero(inside)
        # Sorting the few that are inside, instead of every class of every row; of equals the first class comes first.
        order = np.lexsort((classes, -probabilities[rows, classes], rows))
        return classes[order], np.cumsum(inside.sum(axis=1)).tolist()

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "method": self.method,
            "coverage": self.coverage,
            "thresholds": self.thresholds.tolist(),
            "penalty": self.penalty,
            "free": self.free,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], classes: int) -> "Conformal":
        """Return what `to_json` wrote.

        Args:
            value: The JSON object.
            classes: How many classes there are.

        Raises:
            BundleError: It is not such as `to_json` writes.
        """
        try:
            thresholds = np.asarray(value["thresholds"], dtype=np.float64)
            made = cls(value["method"], float(value["coverage"]), thresholds, float(value["penalty"]), int(value["free"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"The bundle's prediction sets cannot be read ({error!r}).", hint=_AGAIN) from error
        sound = 0 < made.coverage < 1 and np.isfinite(thresholds).all() and np.isfinite(made.penalty)
        if made.method not in get_args(Method) or thresholds.shape != (classes,) or not sound:
            raise BundleError(
                f"The bundle's prediction sets are of the method {made.method!r}, of coverage {made.coverage:g} and have"
                f" {thresholds.size} thresholds for {classes} classes.",
                hint=_AGAIN,
            )
        return made


def fit_conformal(
    probabilities: Floats,
    labels: Labels,
    *,
    coverage: float = 0.95,
    method: Method = "lac",
    per_class_rows: int | None = None,
    penalty: float = 0.01,
    free: int = 3,
) -> Conformal:
    """Choose the thresholds for a coverage.

    Args:
        probabilities: Of rows that the model has not learnt from, (rows, classes).
        labels: Each row's class, (rows,).
        coverage: How often sets are to hold the correct class, between 0 and 1.
        method: How badly a class did is measured.
        per_class_rows: A class of so many rows gets a threshold of its own, and the coverage on its own rows (Mondrian);
            the others share one. By default all do.
        penalty: With `raps`, what each class beyond `free` adds.
        free: With `raps`, so many classes add nothing.

    Raises:
        ModelError: The coverage or the method is none.
    """
    if not 0 < coverage < 1 or method not in get_args(Method):
        raise ModelError(
            f"Prediction sets of the method {method!r} cannot have a coverage of {coverage}.",
            hint=f"Give a coverage between 0 and 1, and one of {', '.join(get_args(Method))}.",
        )
    penalty, free = (penalty, free) if method == "raps" else (0.0, 0)
    classes = probabilities.shape[1]
    badness = _badness(probabilities, method, penalty, free)[np.arange(len(labels)), labels]
    thresholds = np.full(classes, _quantile(badness, coverage))
    if per_class_rows is not None:
        for label in np.flatnonzero(np.bincount(labels, minlength=classes) >= max(per_class_rows, 1)):
            thresholds[label] = _quantile(badness[labels == label], coverage)
    return Conformal(method, coverage, thresholds, penalty, free)


def covered(sets: tuple[NDArray[np.intp], ...], labels: Labels) -> NDArray[np.bool_]:
    """Return whether each set holds its row's class, (rows,)."""
    return np.fromiter((label in own for own, label in zip(sets, labels, strict=True)), np.bool_, len(labels))


def _badness(probabilities: Floats, method: Method, penalty: float, free: int) -> NDArray[np.float64]:
    """Return how badly each class did in each row, (rows, classes)."""
    exact = probabilities.astype(np.float64)
    if method == "lac":
        return 1 - exact
    order = np.argsort(-exact, axis=1, kind="stable")
    sums = np.zeros_like(exact)
    np.cumsum(np.take_along_axis(exact, order, axis=1)[:, :-1], axis=1, out=sums[:, 1:])
    if method == "raps":
        sums += penalty * np.maximum(np.arange(1, exact.shape[1] + 1) - free, 0)
    badness = np.empty_like(sums)
    np.put_along_axis(badness, order, sums, axis=1)
    return badness


def _quantile(badness: NDArray[np.float64], coverage: float) -> float:
    """Return the ceil((rows + 1) * coverage)-th least value; `EVERYTHING` where there are not so many."""
    # The product may miss a whole number by a rounding error upwards, which would ask for a row too many.
    place = ceil((len(badness) + 1) * coverage - 1e-9)
    return float(np.sort(badness)[place - 1]) if place <= len(badness) else EVERYTHING
