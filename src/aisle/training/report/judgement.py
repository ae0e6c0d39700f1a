"""All that a report tells: what was trained, and how it answered the gold rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from aisle.training.metrics import Scores
from aisle.training.report.wording import printable
from aisle.training.rows import ImageReader

RARE_ROWS = 20
"""Categories with fewer training rows than this count as rare."""


@dataclass(frozen=True)
class ComponentScore:
    """How well one component of the model answers by itself; what is not known is left out.

    Args:
        name: What it is called in the bundle.
        modality: What it looks at.
        family: Kind of classifier, such as `logistic`.
        part: The rows on which it was scored.
        weighted_f1: From 0 to 1.
        macro_f1: From 0 to 1.
        log_loss: Mean surprise in nats; lower is better.
        seconds: What its fitting took.
        bytes: What it weighs in the bundle.
    """

    name: str
    modality: Literal["text", "image", "both"]
    family: str
    part: Literal["validation", "gold"]
    weighted_f1: float
    macro_f1: float | None = None
    log_loss: float | None = None
    seconds: float | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class PredictionSets:
    """How conformal prediction sets did on the gold rows.

    Args:
        wanted: Share of rows whose set was to hold the correct category.
        coverage: Share of rows whose set does.
        mean_size: Categories in a set, on average.
    """

    wanted: float
    coverage: float
    mean_size: float


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from.

    Args:
        snapshot: Digest of the data version.
        commit: Commit of the code.
        bundle: Digest of the bundle.
        configuration: What the training was steered by, as JSON.
        libraries: Version of each library that took part.
    """

    snapshot: str
    commit: str
    bundle: str
    configuration: Mapping[str, Any] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """What a report is made of; whatever is left empty is left out of it.

    Args:
        gold: The model's answers to the gold rows, at least one.
        rows: The gold rows in the same order, with the columns of a snapshot.
        categories: Name of each code that the model can answer.
        provenance: Where the model comes from.
        seed: Seed of the bootstrap.
        level: How many levels of the labels were learnt; all where there is none.
        parts: Rows of each part: `train`, `validation`, `gold`.
        training_rows: Rows that the model learnt from, by code; tells which categories are rare.
        training_sources: Sources that it learnt from; others count as new sellers.
        rare: What was done about each category too rare to be learnt as the others are, as a short phrase.
        sets: How prediction sets did.
        thresholds: Confidence below which an answer is sent to review, by answered code.
        components: The components' scores, each by itself.
        baseline: Name of the component that stands for the simplest model worth comparing with.
        trials: The search's trials in the order in which they ended. Any columns are shown; `finished_s` (seconds since
            the search began) and `score` (higher is better) are drawn, and a trial without a score has failed.
        n_grams: The heaviest n-grams of each code with their weights, heaviest first.
        images: Gives the images of rows; without it the worst errors are shown without pictures.
        seconds: How long each stage took.

    Raises:
        ValueError: The gold answers and the rows are not of the same number, or there are none.
    """

    gold: Scores
    rows: pl.DataFrame
    categories: Mapping[str, str]
    provenance: Provenance
    seed: int
    level: int | None = None
    parts: Mapping[str, int] = field(default_factory=dict)
    training_rows: Mapping[str, int] = field(default_factory=dict)
    training_sources: frozenset[str] = frozenset()
    rare: Mapping[str, str] = field(default_factory=dict)
    sets: PredictionSets | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    components: Sequence[ComponentScore] = ()
    baseline: str | None = None
    trials: Sequence[Mapping[str, Any]] = ()
    n_grams: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    images: ImageReader | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.gold.ids or len(self.gold.ids) != self.rows.height:
            raise ValueError(f"{len(self.gold.ids):,} gold answers were given with {self.rows.height:,} rows")

    def name(self, code: str) -> str:
        """Return what a category is called, or its code where nobody named it."""
        return printable(self.categories.get(code, code))


def code_order(code: str) -> tuple[bool, int, str]:
    """Return a key that puts codes that are whole numbers in their order, and before the others.

    >>> sorted(["2583", "40", "Toys > Games"], key=code_order)
    ['40', '2583', 'Toys > Games']
    """
    return (False, int(code), code) if code.isascii() and code.isdecimal() else (True, 0, code)
