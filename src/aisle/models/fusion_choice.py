"""Which form the weights of some components take: by the rows there are, and by the log loss on rows held back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.models.confidence import ConfidenceMap, fit_confidence, held_back_error
from aisle.models.family import Floats, Labels
from aisle.models.fusion import Form, log_probabilities, softmax_in_place
from aisle.models.fusion_forms import Doubles, Targets, fit_rich, fit_scalars

# A richer form may be tried from so many rows per class on; whether it is taken is for the rows held back to say.
_ROWS_PER_CLASS: dict[Form, int] = {"scalar": 0, "vector": 20, "matrix": 50}
# Multiplications of one pass over the rows: beyond, as with matrices for hundreds of classes, a fit would take minutes.
_MOST_WORK = 1_000_000_000
# Numbers that the form is chosen by: with hundreds of classes 20,000 rows would take minutes.
_TUNING_NUMBERS = 8_000_000
# Standard errors by which a richer form has to be better.
_CLEAR = 2.0
_LEAST = 1e-7

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class FusionOptions:
    """What the fit is steered by; the defaults were chosen by cross-validation.

    Args:
        form: The form of every pattern; by default each pattern's own, by its log loss on rows held back.
        folds: Parts that are held back in turn, at least 2.
        min_rows: A pattern of fewer rows has no weights of its own.
        tuning_rows: So many rows at most choose the form and the calibration.
        vector_penalties: Penalties tried for numbers per class.
        matrix_penalties: Penalties tried for matrices.
        seed: Of the choice of rows and folds.
    """

    form: Form | None = None
    folds: int = 5
    min_rows: int = 10
    tuning_rows: int = 12_000
    vector_penalties: tuple[float, ...] = (10.0, 100.0)
    matrix_penalties: tuple[float, ...] = (100.0, 300.0, 1_000.0)
    seed: int = 1


@dataclass(frozen=True)
class Weights:
    """Fitted weights of some components.

    Args:
        form: How they weigh.
        places: Which of the components count, rising.
        weights: As `aisle.models.fusion.PatternWeights` has them, of those components.
        offsets: What is added for each class, (classes,).
    """

    form: Form
    places: tuple[int, ...]
    weights: Floats
    offsets: Floats

    def fused(self, scaled: Sequence[Floats], logs: Sequence[Floats]) -> Floats:
        """Return the weighed sum, (rows, classes), of every component's scaled scores or log-probabilities."""
        total = np.zeros_like(scaled[0]) + self.offsets
        for weight, place in zip(self.weights, self.places, strict=True):
            if self.form == "scalar":
                total += scaled[place] * weight
            else:
                total += logs[place] * weight if self.form == "vector" else logs[place] @ weight
        return total


@dataclass(frozen=True)
class Choice:
    """The weights that were chosen, and what rows held back say of them.

    Args:
        weights: Fitted on all rows.
        confidence: The calibration, fitted on answers to rows held back.
        log_loss: Mean surprise of those answers before that calibration, in nats.
        calibration_error: Of those answers, each calibrated by a map that was fitted without it.
    """

    weights: Weights
    confidence: ConfidenceMap
    log_loss: float
    calibration_error: float


def choose(scaled: Sequence[Floats], labels: Labels, prior: Floats, options: FusionOptions) -> Choice:
    """Choose a form for some components, and fit it.

    Each richer form has to beat the plainer ones by two standard errors of the rows' differences in log loss.

    Args:
        scaled: Each component's scores over its temperature, (rows, classes) each; at least one component and row.
        labels: Each row's class, (rows,).
        prior: Share of each class, (classes,).
        options: What the fit is steered by.
    """
    rows, classes = scaled[0].shape
    logs = [log_probabilities(own, 1.0) for own in scaled]
    few = drawn(rows, min(options.tuning_rows, max(_TUNING_NUMBERS // (len(scaled) * classes), 1)), options.seed)
    candidates = _candidates(rows, classes, len(scaled), options)
    held = _held_back([own[few] for own in scaled], [own[few] for own in logs], labels[few], prior, candidates, options)
    surprise = {candidate: _surprise(fused, labels[few]) for candidate, fused in held.items()}
    best = candidates[0]
    for form in ("vector", "matrix"):
        own = [candidate for candidate in candidates if candidate[0] == form]
        if own:
            rival = min(own, key=lambda candidate: float(surprise[candidate].mean()))
            if best[0] == form or clearly_less(surprise[rival], surprise[best]):
                best = rival
    targets = Targets(labels, prior)
    weights = _fit(scaled, logs, targets, fit_scalars(scaled, targets), best)
    answers = softmax_in_place(held[best])
    confidence = fit_confidence(answers, labels[few])
    error = held_back_error(answers, labels[few], _folds(few.size, options))
    return Choice(weights, confidence, float(surprise[best].mean()), error)


def clearly_less(first: Doubles, second: Doubles) -> bool:
    """Return whether losses are less than others on the same rows by two standard errors of their mean difference."""
    gain = second - first
    error = float(gain.std()) / max(len(gain), 1) ** 0.5
    return float(gain.mean()) > _CLEAR * error and float(gain.mean()) > 0


def drawn(rows: int, most: int, seed: int) -> Rows:
    """Return the places of at most so many rows, rising; all where there are no more."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).permutation(rows)[:most])


def _candidates(rows: int, classes: int, components: int, options: FusionOptions) -> list[tuple[Form, float]]:
    """Return the forms to try with their penalties, the plainest first."""
    every: dict[Form, tuple[float, ...]] = {
        "scalar": (0.0,),
        "vector": options.vector_penalties,
        "matrix": options.matrix_penalties,
    }
    if options.form is not None:
        return [(options.form, penalty) for penalty in every[options.form]]
    work = {"scalar": 0, "vector": 0, "matrix": rows * components * classes * classes}
    return [
        (form, penalty)
        for form, penalties in every.items()
        if rows >= _ROWS_PER_CLASS[form] * classes and work[form] <= _MOST_WORK
        for penalty in penalties
    ]


def _held_back(
    scaled: Sequence[Floats],
    logs: Sequence[Floats],
    labels: Labels,
    prior: Floats,
    candidates: Sequence[tuple[Form, float]],
    options: FusionOptions,
) -> dict[tuple[Form, float], Floats]:
    """Return each candidate's fused scores, (rows, classes), each row's by a fit without it."""
    held = {candidate: np.zeros_like(scaled[0]) for candidate in candidates}
    for learnt, away in _folds(len(labels), options):
        targets = Targets(labels[learnt], prior)
        own_scaled, own_logs = [own[learnt] for own in scaled], [own[learnt] for own in logs]
        other_scaled, other_logs = [own[away] for own in scaled], [own[away] for own in logs]
        scalars = fit_scalars(own_scaled, targets)
        for candidate in candidates:
            weights = _fit(own_scaled, own_logs, targets, scalars, candidate)
            held[candidate][away] = weights.fused(other_scaled, other_logs)
    return held


def _folds(rows: int, options: FusionOptions) -> Iterator[tuple[Rows, Rows]]:
    if rows < 2:
        yield np.arange(rows), np.arange(rows)
        return
    fold = np.random.default_rng(options.seed).permutation(rows) % options.folds
    for place in range(min(options.folds, rows)):
        yield np.flatnonzero(fold != place), np.flatnonzero(fold == place)


def _fit(
    scaled: Sequence[Floats], logs: Sequence[Floats], targets: Targets, scalars: Doubles, candidate: tuple[Form, float]
) -> Weights:
    """Fit one form on the components whose scalar weight is not 0."""
    form, penalty = candidate
    places = tuple(np.flatnonzero(scalars > 0).tolist())
    if form == "scalar":
        offsets = np.zeros(scaled[0].shape[1], np.float32)
        return Weights(form, places, scalars[list(places)].astype(np.float32), offsets)
    weights, offsets = fit_rich([logs[place] for place in places], targets, scalars[list(places)], form, penalty)
    return Weights(form, places, weights, offsets)


def _surprise(fused: Floats, labels: Labels) -> Doubles:
    """Return -ln of each row's correct class, (rows,)."""
    chances = softmax_in_place(fused.copy())[np.arange(len(labels)), labels]
    return -np.log(np.maximum(chances.astype(np.float64), _LEAST))
