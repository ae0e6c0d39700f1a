"""The five families behind one shape: how each is fitted, which options are worth a try, and what a fit costs.

What fits is imported when it is asked for: to list the families costs nothing.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from numpy import int64
from numpy.typing import NDArray

from aisle.errors import ModelError, TrainingError
from aisle.models import candidates, costs
from aisle.models.component import MODALITIES, Modality
from aisle.models.deep import options as deep
from aisle.models.deep.torch_import import refuse_without_torch
from aisle.models.family import Labels, Matrix, Scorer
from aisle.models.options import BoostingOptions, ForestOptions, LogisticOptions, SvmOptions


@dataclass(frozen=True)
class Family:
    """One family of classifiers.

    Args:
        name: What it is called on the command line and in reports.
        options: The class of its options.
        modalities: What of a product it suits.
        optional: Whether it is only tried where it is named, for it needs what most do without.
    """

    name: str
    options: type[Any]
    modalities: tuple[Modality, ...]
    _module: str = field(repr=False)
    _candidates: Callable[[Modality, int, int], tuple[Any, ...]] = field(repr=False)
    _seconds: Callable[[int, int, int, Any], float] = field(repr=False)
    _bytes: Callable[[int, int, int, int, Any], int] = field(repr=False)
    optional: bool = False
    _micros: Callable[[Modality, int, Any], float] | None = field(default=None, repr=False)

    def fit(
        self,
        matrix: Matrix,
        labels: Labels,
        classes: int,
        options: Any,
        *,
        seed: int,
        jobs: int,
        names: NDArray[int64] | None = None,
    ) -> Scorer:
        """Fit a classifier of the family; the same input gives the same bytes.

        Args:
            matrix: Features, (rows, columns).
            labels: Each row's class, (rows,), from 0.
            classes: How many classes there are.
            options: An instance of `options`.
            seed: Of whatever is random.
            jobs: How many threads may be used; only boosting's last digits depend on it.
            names: What each column is, as `deep.names.column_names` says, (columns,); needed for a checkpoint only.

        Raises:
            TrainingError: It cannot be fitted on these rows.
        """
        if classes < 2 or not len(labels):
            raise TrainingError(
                f"There are {len(labels)} rows of {classes} classes to learn from.",
                hint="Train on rows of two classes or more.",
            )
        more = {"names": names} if self.optional else {}
        module = importlib.import_module(self._module)
        scorer: Scorer = module.fit(matrix, labels, classes, options, seed=seed, jobs=jobs, **more)
        return scorer

    def refuse_missing(self) -> None:
        """Say before anything is done that the family cannot be fitted here.

        Raises:
            TrainingError: What it needs is not installed.
        """
        if self.optional:
            refuse_without_torch()

    def candidates(self, modality: Modality, rows: int, classes: int) -> tuple[Any, ...]:
        """Return the options worth a try, the best known first: a small budget takes the first few.

        Args:
            modality: What of a product is looked at.
            rows: How many rows there are to learn from.
            classes: How many classes there are.
        """
        return self._candidates(modality, rows, classes)

    def cost(self, rows: int, nonzeros: int, classes: int, options: Any) -> float:
        """Return about how many seconds a fit takes one core; a machine may be twice as fast or slow.

        Args:
            rows: How many rows there are to learn from.
            nonzeros: How many values of the matrix are stored: rows times columns of a dense one.
            classes: How many classes there are.
            options: An instance of `options`.
        """
        return self._seconds(rows, nonzeros, classes, options)

    def memory(self, rows: int, nonzeros: int, columns: int, classes: int, options: Any) -> int:
        """Return about how many bytes a fit takes at its peak beside the matrix that it is given.

        Args:
            rows: How many rows there are to learn from.
            nonzeros: How many values of the matrix are stored: rows times columns of a dense one.
            columns: How many columns the matrix has.
            classes: How many classes there are.
            options: An instance of `options`.
        """
        return self._bytes(rows, nonzeros, columns, classes, options)

    def answer_micros(self, modality: Modality, classes: int, options: Any) -> float:
        """Return about how many microseconds of one core an answer takes more with such a component; 0 where it is unknown.

        Args:
            modality: What of a product is looked at.
            classes: How many classes there are.
            options: An instance of `options`.
        """
        return self._micros(modality, classes, options) if self._micros is not None else 0.0


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.name: family
        for family in (
            Family(
                "logistic",
                LogisticOptions,
                MODALITIES,
                "aisle.models.logistic_fit",
                candidates.logistic,
                costs.logistic_seconds,
                costs.logistic_bytes,
                _micros=costs.linear_micros,
            ),
            Family(
                "svm",
                SvmOptions,
                MODALITIES,
                "aisle.models.svm_fit",
                candidates.svm,
                costs.svm_seconds,
                costs.svm_bytes,
                _micros=costs.linear_micros,
            ),
            Family(
                "forest",
                ForestOptions,
                MODALITIES,
                "aisle.models.forest_fit",
                candidates.forest,
                costs.forest_seconds,
                costs.forest_bytes,
                _micros=costs.forest_micros,
            ),
            Family(
                "boosting",
                BoostingOptions,
                MODALITIES,
                "aisle.models.boosting_fit",
                candidates.boosting,
                costs.boosting_seconds,
                costs.boosting_bytes,
                _micros=costs.boosting_micros,
            ),
            Family(
                "deep",
                deep.DeepOptions,
                MODALITIES,
                "aisle.models.deep.fit",
                deep.candidates,
                deep.seconds,
                deep.memory,
                optional=True,
            ),
        )
    }
)
"""Every family by its name, the quickest first; those that are optional last."""


def family_named(name: str) -> Family:
    """Return a family.

    Raises:
        ModelError: There is none of that name.
    """
    if name not in FAMILIES:
        close = get_close_matches(name, FAMILIES, n=1)
        meant = f"Did you mean {close[0]}? " if close else ""
        raise ModelError(f"There is no family {name!r}.", hint=f"{meant}The families are {', '.join(FAMILIES)}.")
    return FAMILIES[name]
