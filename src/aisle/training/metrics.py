"""How good answers are: F1 with intervals, classes one by one, calibration, confusion, and the baseline to beat."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.models.calibration import calibration_error
from aisle.registry.resample import Paired, PairedF1, interval

_DRAWS = 1_000
_LEAST = 1e-7
"""Probabilities are told apart down to the resolution of float32: no surprise counts more than 16."""


@dataclass(frozen=True)
class Scores:
    """What a model answered on rows whose categories are known.

    Args:
        ids: Each row as `source/split/id`.
        correct: Each row's correct code.
        predicted: Each row's answered code.
        codes: Every code that the model can answer, in the order of the probabilities.
        probabilities: (rows, codes), float32.
    """

    ids: tuple[str, ...]
    correct: tuple[str, ...]
    predicted: tuple[str, ...]
    codes: tuple[str, ...]
    probabilities: NDArray[np.float32]


def summarise(scores: Scores, *, seed: int) -> dict[str, Any]:
    """Return every figure about some answers, as JSON.

    `weighted_f1`, `macro_f1` and `accuracy` each hold the value and its bootstrap 95 % interval; the macro average is
    taken over the categories that occur among the correct codes.

    Args:
        scores: The answers, of at least one row.
        seed: Seed of the bootstrap.
    """
    correct, predicted = np.asarray(scores.correct), np.asarray(scores.predicted)
    hits = correct == predicted
    confidence = scores.probabilities.max(axis=1).astype(np.float64)
    per_class = class_figures(scores.correct, scores.predicted)
    return {
        "rows": len(correct),
        **_averages(scores.correct, scores.predicted, hits, seed),
        "log_loss": _log_loss(scores),
        "calibration_error": calibration_error(confidence, hits),
        "mean_confidence": float(confidence.mean()),
        "per_class": per_class,
        "confusion": [
            {"correct": truth, "predicted": answer, "rows": rows}
            for (truth, answer), rows in sorted(Counter(zip(scores.correct, scores.predicted, strict=True)).items())
        ],
        "unknown_rows": int((~np.isin(correct, np.asarray(scores.codes))).sum()),
        "baseline": _baseline(scores.correct),
    }


def class_figures(correct: Sequence[str], predicted: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return precision, recall, F1 and support of each code that is correct or answered somewhere; 0 stands for 0/0."""
    support, answers = Counter(correct), Counter(predicted)
    hits = Counter(truth for truth, answer in zip(correct, predicted, strict=True) if truth == answer)
    return {
        code: {
            "precision": hits[code] / answers[code] if answers[code] else 0.0,
            "recall": hits[code] / support[code] if support[code] else 0.0,
            "f1": 2 * hits[code] / (support[code] + answers[code]),
            "support": support[code],
        }
        for code in sorted(support | answers)
    }


def _averages(correct: Sequence[str], predicted: Sequence[str], hits: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    paired = Paired.from_answers(correct, predicted, predicted)
    rows, draws = paired.scores(), paired.draws(_DRAWS, seed)
    # A draw of the rows is, for the accuracy alone, a binomial draw of hits.
    accuracy = np.array([hits.mean()])
    drawn = np.random.default_rng(seed).binomial(len(hits), accuracy[0], size=_DRAWS) / len(hits)
    return {
        "weighted_f1": _figure(rows.weighted[0], draws.weighted[0]),
        "macro_f1": _figure(_macro(rows), _macro(draws)),
        "accuracy": _figure(accuracy, drawn),
    }


def _macro(f1: PairedF1) -> NDArray[np.float64]:
    there = f1.support > 0
    macro: NDArray[np.float64] = (f1.first * there).sum(axis=1) / there.sum(axis=1)
    return macro


def _figure(value: NDArray[np.float64], draws: NDArray[np.float64]) -> dict[str, float]:
    low, high = interval(draws)
    return {"value": float(value[0]), "low": low, "high": high}


def _log_loss(scores: Scores) -> float:
    place = {code: position for position, code in enumerate(scores.codes)}
    given = [
        float(row[place[code]]) if code in place else 0.0
        for row, code in zip(scores.probabilities, scores.correct, strict=True)
    ]
    return float(-np.log(np.maximum(given, _LEAST)).mean())


def _baseline(correct: Sequence[str]) -> dict[str, Any]:
    """Return how always answering the commonest code would score."""
    code, rows = min(Counter(correct).items(), key=lambda item: (-item[1], item[0]))
    share = rows / len(correct)
    return {"code": code, "accuracy": share, "weighted_f1": share * 2 * rows / (rows + len(correct))}
