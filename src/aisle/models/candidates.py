"""The options that are worth a try for each family and modality, the best known first; nothing in them is random."""

from dataclasses import replace

from aisle.models.component import Modality
from aisle.models.options import BoostingOptions, ForestOptions, LogisticOptions, SvmOptions


def logistic(modality: Modality, rows: int, classes: int) -> tuple[LogisticOptions, ...]:
    """Return options of logistic regression; how strong the penalty is matters most."""
    del rows, classes
    first = LogisticOptions(penalty=0.1 if modality == "image" else 0.13)
    stronger, weaker = replace(first, penalty=first.penalty * 2), replace(first, penalty=first.penalty / 2)
    return (
        first,
        weaker,
        stronger,
        replace(first, balance=0.25),
        replace(first, smoothing=0.05),
        replace(first, balance=0.75),
        replace(weaker, smoothing=0.2),
        replace(weaker, balance=0.25),
        replace(first, smoothing=0.0),
    )


def svm(modality: Modality, rows: int, classes: int) -> tuple[SvmOptions, ...]:
    """Return options of the linear support vector machine; the cost matters most."""
    del rows, classes
    first = SvmOptions(cost=0.1 if modality == "image" else 0.5)
    return (
        first,
        replace(first, cost=first.cost * 2),
        replace(first, cost=first.cost / 2),
        replace(first, balance=0.25),
        replace(first, balance=0.75),
        replace(first, cost=first.cost * 2, balance=0.25),
        replace(first, cost=first.cost / 4),
        replace(first, cost=first.cost * 4),
    )


def forest(modality: Modality, rows: int, classes: int) -> tuple[ForestOptions, ...]:
    """Return options of the forest; of texts, leaves may be single rows, of images they may not."""
    del rows, classes
    first = ForestOptions() if modality == "text" else ForestOptions(leaf=3)
    return (
        first,
        replace(first, columns=6_000) if modality != "image" else replace(first, tries=30),
        replace(first, tries=250),
        replace(first, leaf=first.leaf + 2),
        replace(first, balance=0.25),
        replace(first, trees=200),
        replace(first, balance=1.0),
    )


def boosting(modality: Modality, rows: int, classes: int) -> tuple[BoostingOptions, ...]:
    """Return options of gradient boosting; with many classes, whose trees add up, fewer rounds come first."""
    del rows
    rounds = 60 if classes <= 50 else 20
    first = BoostingOptions(rounds=rounds, depth=4 if modality == "image" else 6)
    return (
        first,
        replace(first, rounds=rounds // 2),
        replace(first, rounds=2 * rounds, rate=0.15),
        replace(first, columns=6_000) if modality != "image" else replace(first, bins=64),
        replace(first, depth=first.depth + 2),
        replace(first, balance=0.25),
        replace(first, rounds=4 * rounds, patience=10),
    )
