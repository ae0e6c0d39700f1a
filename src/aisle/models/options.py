"""What the fits of the four families are steered by; the defaults are the best on products' titles in 27 classes."""

from dataclasses import dataclass, fields
from typing import Any

from aisle.errors import ModelError


@dataclass(frozen=True, slots=True)
class LogisticOptions:
    """What the logistic regression is steered by.

    Args:
        penalty: Weight of half the squared norm of the weights, in mean squared lengths of a row, against the sum of the
            rows' losses: features that are all twice as large ask for the same number.
        balance: 0 counts every row alike, 1 every class alike; between them, rows count (rows of their class)**-balance.
        smoothing: Share of each row's target that is spread over all classes, against wrong labels; 0 to 1.
        passes: How often each row is taken at most.

    Raises:
        ModelError: A number makes no sense.
    """

    penalty: float = 0.13
    balance: float = 0.5
    smoothing: float = 0.1
    passes: int = 20

    def __post_init__(self) -> None:
        within(self, penalty=(1e-9, 1e9), balance=(0, 1), smoothing=(0, 0.99), passes=(1, 10_000))


@dataclass(frozen=True, slots=True)
class SvmOptions:
    """What the linear support vector machine is steered by.

    Args:
        cost: What a row's squared error costs beside half the squared norm of the weights, divided by the mean squared
            length of a row: features that are all twice as large ask for the same number.
        balance: 0 counts every row alike, 1 every class alike.
        passes: How often each row is taken at most.

    Raises:
        ModelError: A number makes no sense.
    """

    cost: float = 0.5
    balance: float = 0.5
    passes: int = 10

    def __post_init__(self) -> None:
        within(self, cost=(1e-9, 1e9), balance=(0, 1), passes=(1, 10_000))


@dataclass(frozen=True, slots=True)
class ForestOptions:
    """What the forest is steered by.

    Args:
        trees: How many trees.
        tries: How many candidates are drawn for each split.
        leaf: A leaf holds so many rows at least.
        columns: So many sparse columns at most, those that tell most of the classes; dense ones are all taken.
        balance: 0 counts every row alike, 1 every class alike.

    Raises:
        ModelError: A number makes no sense.
    """

    trees: int = 100
    tries: int = 100
    leaf: int = 1
    columns: int = 15_000
    balance: float = 0.5

    def __post_init__(self) -> None:
        within(self, trees=(1, 10_000), tries=(1, 100_000), leaf=(1, 1_000_000), columns=(1, 60_000), balance=(0, 1))


@dataclass(frozen=True, slots=True)
class BoostingOptions:
    """What gradient boosting is steered by.

    Args:
        rounds: How many rounds; each adds a tree per class.
        depth: How many splits a tree has one below the other at most.
        rate: What a round counts.
        columns: So many sparse columns at most, those that tell most of the classes; dense ones are all taken.
        column_share: Share of the columns that each tree looks at.
        bins: Into so many bins the values of a column are sorted.
        balance: 0 counts every row alike, 1 every class alike.
        patience: Rounds without improvement on a tenth of the rows, held back, after which no more are added; 0 holds
            back nothing and always adds all rounds.

    Raises:
        ModelError: A number makes no sense.
    """

    rounds: int = 60
    depth: int = 6
    rate: float = 0.3
    columns: int = 3_000
    column_share: float = 0.3
    bins: int = 16
    balance: float = 0.5
    patience: int = 0

    def __post_init__(self) -> None:
        within(
            self,
            rounds=(1, 100_000),
            depth=(1, 16),
            rate=(1e-6, 1),
            columns=(1, 1_000_000),
            column_share=(1e-6, 1),
            bins=(2, 65_536),
            balance=(0, 1),
            patience=(0, 100_000),
        )


def within(options: Any, **limits: tuple[float, float]) -> None:
    """Refuse options of which a number is beyond its limits, or none; a whole number passes where a fraction may stand.

    Args:
        options: An instance of a data class.
        limits: The least and the largest value of each number that is checked.

    Raises:
        ModelError: A number makes no sense.
    """
    kinds = {field.name: field.type for field in fields(options)}
    for name, (low, high) in limits.items():
        value = getattr(options, name)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole or (kinds[name] is float and isinstance(value, float))) or not low <= value <= high:
            raise ModelError(f"The option {name} is {value!r}.", hint=f"Give a number between {low:,} and {high:,}.")
