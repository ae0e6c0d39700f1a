"""The gate: whether a challenger may become champion, judged on gold rows that neither has learnt from.

Both are scored now, on the same rows. The difference of their weighted F1 is judged by a paired bootstrap (Efron and
Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13): rows are drawn with replacement, both models are
scored on the draw, and the middle 95 % of the differences are the interval. A challenger passes

- where there is a champion: when the whole interval lies above 0 (it is better), or when it lies above `-margin` (it is
  not worse by more) and the challenger is surely smaller or faster by a stated share and surely not larger or slower by
  that share (`aisle.registry.costs`);
- where there is none: when it is better by more than `margin` than always answering the commonest category;

and in each case only if no category with enough rows has surely fallen by more than `class_floor`. Whatever is doubtful
(other rows, missing answers, too few rows, a figure that is no number) is a refusal that says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, cast

import numpy as np

from aisle.registry.costs import Cost, size_cost, time_cost
from aisle.registry.resample import Paired, PairedF1, interval

_POWER_Z = 1.959964 + 1.644854
"""Standard errors between no difference and one that 95 of 100 gold splits of this size would show (two-sided 5 %)."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What one model answered on the gold rows, and what it costs.

    Args:
        ids: The rows' ids, in the order of the answers.
        correct: The correct code of each row.
        predicted: The answered code of each row; `None` where the model gave no answer.
        size_bytes: Size of its bundle, where it is to count.
        seconds_per_product: Time that one product takes in each of several rounds, in which both models took turns;
            empty where it is not to count.
    """

    ids: Sequence[str]
    correct: Sequence[str]
    predicted: Sequence[str | None]
    size_bytes: float | None = None
    seconds_per_product: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the gate asks for, besides the margin.

    Args:
        benefit: Share by which a challenger has to be smaller or faster to pass without being better; 0 to 1.
        class_floor: F1 that a category may lose; 0 to 1.
        class_rows: Gold rows from which a category is looked at alone.
        minimum_rows: Gold rows below which nothing is decided.
        draws: Bootstrap draws, at least 100.
        seed: Seed of the draws.
    """

    benefit: float = 0.1
    class_floor: float = 0.1
    class_rows: int = 30
    minimum_rows: int = 100
    draws: int = 2_000
    seed: int = 2025


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to promote, every reason as a sentence, and the figures behind them as JSON."""

    promote: bool
    reasons: tuple[str, ...]
    evidence: Mapping[str, Any]


def decide(challenger: Scores, champion: Scores | None, *, margin: float, bounds: Bounds | None = None) -> Decision:
    """Judge a challenger against the champion, or against the commonest category where there is no champion.

    Args:
        challenger: The challenger's answers on the gold rows.
        champion: The champion's answers on the same rows, given now; nothing where there is no champion.
        margin: Weighted F1 by which a challenger that is smaller or faster may seem worse, and by which the first
            champion has to beat the commonest category; 0 to 1.
        bounds: What else the gate asks for.

    Returns:
        The decision. Its evidence holds the rows, both scores, the difference with its 95 % interval, and `detectable`:
        the smallest true difference that a gold split like this one would show 95 times in 100.
    """
    bounds = bounds or Bounds()
    if doubts := _doubts(challenger, champion, margin, bounds):
        return Decision(False, doubts, {"rows": len(challenger.ids), "doubts": len(doubts)})
    reference = champion.predicted if champion else [_commonest(challenger.correct)] * len(challenger.ids)
    # A missing answer is a doubt, so every one is a code here.
    paired = Paired.from_answers(challenger.correct, *(cast("Sequence[str]", p) for p in (challenger.predicted, reference)))
    scores, drawn = paired.scores(), paired.draws(bounds.draws, bounds.seed)
    low, high = interval(drawn.difference)
    falls = _falls(paired, scores, drawn, bounds)
    costs = _costs(challenger, champion) if champion else []
    benefits = [words for cost in costs if (words := cost.benefit(bounds.benefit))]
    drawbacks = [words for cost in costs if (words := cost.drawback(bounds.benefit))]
    first, second = scores.weighted
    evidence = {
        "against": "champion" if champion else "commonest category",
        "rows": paired.rows,
        "classes": len(paired.codes),
        "classes_looked_at": int((scores.support[0] >= bounds.class_rows).sum()),
        "margin": margin,
        "bounds": asdict(bounds),
        "weighted_f1": {"challenger": float(first[0]), "reference": float(second[0])},
        "difference": {"estimate": float(scores.difference[0]), "low": low, "high": high},
        "detectable": max(_POWER_Z * float(drawn.difference.std(ddof=1)), 1 / paired.rows),
        "falls": falls,
        "costs": [asdict(cost) for cost in costs],
        "benefits": benefits,
        "drawbacks": drawbacks,
    }
    passed, reason = _verdict(low, high, margin, benefits, drawbacks, first=champion is None)
    vetoes = tuple(
        f"Category {fall['code']} loses {-fall['difference']:.3f} of F1 on {fall['rows']} rows, surely more than the"
        f" {bounds.class_floor:g} that one may lose (95 % interval {fall['low']:+.3f} to {fall['high']:+.3f})."
        for fall in falls
    )
    return Decision(passed and not vetoes, (reason, *vetoes), evidence)


def _verdict(
    low: float, high: float, margin: float, benefits: Sequence[str], drawbacks: Sequence[str], *, first: bool
) -> tuple[bool, str]:
    if first and low > margin:
        passed, words = (
            True,
            f"There is no champion, and the challenger beats the commonest category by more than {margin:g}",
        )
    elif first:
        passed, words = (
            False,
            f"There is no champion, but the challenger is not shown to beat the commonest category by {margin:g}",
        )
    elif low > 0:
        passed, words = True, "The challenger is better"
    elif low > -margin and benefits and not drawbacks:
        passed, words = True, f"The challenger is not worse by {margin:g} or more, and it is {' and '.join(benefits)}"
    elif low > -margin and benefits:
        passed, words = (
            False,
            f"The challenger is not shown to be better, and though it is {' and '.join(benefits)}, it"
            f" {' and '.join(drawbacks)}",
        )
    elif low > -margin:
        passed, words = False, "The challenger is not shown to be better, and it is neither smaller nor faster"
    else:
        passed, words = False, f"The challenger is not shown to be better, and it may be worse by {margin:g} or more"
    return passed, f"{words} (95 % interval of the difference in weighted F1: {low:+.4f} to {high:+.4f})."


def _falls(paired: Paired, scores: PairedF1, drawn: PairedF1, bounds: Bounds) -> list[dict[str, Any]]:
    """Return the categories with enough rows whose whole interval lies below the floor."""
    falls = []
    for position in np.flatnonzero(scores.support[0] >= bounds.class_rows):
        low, high = interval(drawn.first[:, position] - drawn.second[:, position])
        if high < -bounds.class_floor:
            falls.append(
                {
                    "code": paired.codes[position],
                    "rows": int(scores.support[0, position]),
                    "difference": float(scores.first[0, position] - scores.second[0, position]),
                    "low": low,
                    "high": high,
                }
            )
    return falls


def _costs(challenger: Scores, champion: Scores) -> list[Cost]:
    """Return whatever both are known to cost."""
    costs = []
    if challenger.size_bytes is not None and champion.size_bytes is not None:
        costs.append(size_cost(challenger.size_bytes, champion.size_bytes))
    if challenger.seconds_per_product and champion.seconds_per_product:
        costs.append(time_cost(challenger.seconds_per_product, champion.seconds_per_product))
    return costs


def _commonest(correct: Sequence[str]) -> str:
    codes, counts = np.unique(np.asarray(correct, dtype=str), return_counts=True)
    return str(codes[counts.argmax()])


def _doubts(challenger: Scores, champion: Scores | None, margin: float, bounds: Bounds) -> tuple[str, ...]:
    """Return every reason for which nothing can be decided, as sentences."""
    doubts = [*_bound_doubts(margin, bounds), *_score_doubts("challenger", challenger)]
    if champion is not None:
        doubts += _score_doubts("champion", champion)
        if list(challenger.ids) != list(champion.ids):
            doubts.append("Challenger and champion were not scored on the same rows in the same order.")
        elif list(challenger.correct) != list(champion.correct):
            doubts.append("Challenger and champion were not held against the same correct codes.")
        if len(challenger.seconds_per_product) != len(champion.seconds_per_product):
            doubts.append("Challenger and champion were not timed in the same rounds.")
    if len(challenger.ids) < max(bounds.minimum_rows, 1):
        doubts.append(f"The gold split has {len(challenger.ids)} rows, and nothing is decided below {bounds.minimum_rows}.")
    return tuple(doubts)


def _bound_doubts(margin: float, bounds: Bounds) -> list[str]:
    doubts = [
        f"The {name} is {value}, which is no share between 0 and 1."
        for name, value in (("margin", margin), ("benefit", bounds.benefit), ("class floor", bounds.class_floor))
        if not 0 <= value < 1
    ]
    if bounds.draws < 100:
        doubts.append(f"{bounds.draws} bootstrap draws give no interval; 100 are the least.")
    return doubts


def _score_doubts(who: str, scores: Scores) -> list[str]:
    doubts = []
    rows = len(scores.ids)
    if len(scores.correct) != rows or len(scores.predicted) != rows:
        doubts.append(
            f"The {who} has {rows} ids, {len(scores.correct)} correct codes and {len(scores.predicted)} answers: one of"
            " each is needed for each row."
        )
    if len(set(scores.ids)) != rows:
        doubts.append(f"The {who} was scored on some rows twice.")
    for what, codes in (("correct code", scores.correct), ("answer", scores.predicted)):
        if missing := sum(not (isinstance(code, str) and code) for code in codes):
            doubts.append(f"The {who} has no {what} on {missing} of {rows} rows.")
    figures = [("size", scores.size_bytes), *(("time per product", seconds) for seconds in scores.seconds_per_product)]
    for what, figure in figures:
        if figure is not None and not (isfinite(figure) and figure > 0):
            doubts.append(f"The {who}'s {what} is {figure}, which is no positive number.")
    return doubts
