"""Fitting the weights of one pattern of components: a temperature, one number each, or numbers per class.

All are multinomial logistic regressions on the components' log-probabilities ("stacking", Wolpert 1992), each pulled
towards the plainer one: the matrices and vectors towards the scalars, the scalars towards equal parts. Every target
keeps 1/(rows + 2) for the classes' prior, as Platt (1999) did, so that few rows without a mistake end in no certainty.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from aisle.models.family import Floats, Labels
from aisle.models.fusion import Form

# In rows: so much do equal parts count against what the rows say.
_PULL = 2.0
_OFFSET_PART = 0.1
_STEPS = 100
# A step that lowers the loss by a smaller part is the last: standard errors of a loss are a thousand times that.
_ENOUGH = 1e-5
_LARGEST = 50.0
_SMALLEST = 0.01

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Targets:
    """What the weights are fitted to.

    Args:
        labels: Each row's class, (rows,).
        prior: Share of each class, (classes,).
    """

    labels: Labels
    prior: Floats

    @property
    def smoothing(self) -> float:
        """The part of each row's target that the prior has."""
        return 1 / (len(self.labels) + 2)

    def loss(self, fused: Floats) -> tuple[float, Floats]:
        """Return the summed cross-entropy of the softmax of fused scores, and its slope along them, (rows, classes).

        Args:
            fused: (rows, classes); overwritten.
        """
        rows = np.arange(len(self.labels))
        fused -= fused.max(axis=1, keepdims=True)
        chances = np.exp(fused)
        sums = chances.sum(axis=1, keepdims=True)
        chances /= sums
        fused -= np.log(sums)
        given = (1 - self.smoothing) * float(fused[rows, self.labels].sum(dtype=np.float64))
        given += self.smoothing * float((fused @ self.prior).sum(dtype=np.float64))
        chances -= np.float32(self.smoothing) * self.prior
        chances[rows, self.labels] -= np.float32(1 - self.smoothing)
        return -given, chances


def fit_scale(scores: Floats, targets: Targets) -> float:
    """Return what a component's scores must be multiplied by to be log-probabilities, one over its temperature.

    Args:
        scores: (rows, classes).
        targets: What they are fitted to.
    """
    # Scores of any size start from a spread of about 1, or the first step would be too long or too short.
    spread = float(np.abs(scores - scores.mean(axis=1, keepdims=True)).mean()) or 1.0
    return float(fit_scalars([scores / np.float32(spread)], targets, pull=0)[0]) / spread


def fit_scalars(scores: Sequence[Floats], targets: Targets, *, pull: float = _PULL) -> Doubles:
    """Return a weight for each component, none negative, (components,).

    Args:
        scores: Each component's scaled scores, (rows, classes) each.
        targets: What they are fitted to.
        pull: How strongly the weights are pulled towards equal parts that add up to 1, in rows.
    """
    equal = 1 / len(scores)

    def loss(weights: Doubles) -> tuple[float, Doubles]:
        fused = np.zeros_like(scores[0])
        for weight, own in zip(weights, scores, strict=True):
            fused += own * np.float32(weight)
        value, slope = targets.loss(fused)
        gradient = np.array([float(np.vdot(own, slope)) for own in scores])
        away = weights - equal
        return value + pull / 2 * float(away @ away), gradient + pull * away

    bounds = [(_SMALLEST if len(scores) == 1 else 0.0, _LARGEST)] * len(scores)
    found = minimize(loss, np.full(len(scores), equal), jac=True, method="L-BFGS-B", bounds=bounds)
    weights: Doubles = np.where(found.x < _SMALLEST, 0.0, found.x)
    # All at 0 says that nothing is known of the classes: the equal parts say the same, less surely.
    return weights if weights.any() else np.full(len(scores), equal)


def fit_rich(
    logs: Sequence[Floats], targets: Targets, scalars: Doubles, form: Form, penalty: float
) -> tuple[Floats, Floats]:
    """Return weights (components, classes) or (components, classes, classes) by the form, and offsets (classes,).

    Args:
        logs: Each component's log-probabilities, (rows, classes) each.
        targets: What they are fitted to.
        scalars: The scalar weights to start from and to be pulled to, (components,).
        form: `vector` or `matrix`.
        penalty: Weight of half the squared distance from the scalars; a tenth of it holds the offsets near 0.
    """
    classes = logs[0].shape[1]
    shape = (len(logs), classes) if form == "vector" else (len(logs), classes, classes)
    size = int(np.prod(shape))
    base = np.zeros_like(logs[0])
    for weight, own in zip(scalars, logs, strict=True):
        base += own * np.float32(weight)
    joined = np.concatenate(logs, axis=1) if form == "matrix" else np.empty((0, 0), np.float32)
    turned = np.ascontiguousarray(joined.T)

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        away, offsets = flat[:size].astype(np.float32).reshape(shape), flat[size:]
        fused = base + offsets.astype(np.float32)
        if form == "matrix":
            fused += joined @ away.reshape(-1, classes)
        else:
            for own, weights in zip(logs, away, strict=True):
                fused += own * weights
        value, slope = targets.loss(fused)
        gradient = np.empty_like(flat)
        if form == "matrix":
            gradient[:size] = (turned @ slope).ravel()
        else:
            gradient[:size] = np.concatenate([np.einsum("rc,rc->c", own, slope) for own in logs])
        gradient[:size] += penalty * flat[:size]
        gradient[size:] = slope.sum(axis=0, dtype=np.float64) + _OFFSET_PART * penalty * offsets
        value += penalty / 2 * float(flat[:size] @ flat[:size] + _OFFSET_PART * offsets @ offsets)
        return value, gradient

    limits = {"maxiter": _STEPS, "maxcor": 10, "ftol": _ENOUGH}
    found = minimize(loss, np.zeros(size + classes), jac=True, method="L-BFGS-B", options=limits).x.astype(np.float32)
    weights = found[:size].reshape(shape)
    own = scalars.astype(np.float32)
    weights += own[:, np.newaxis] if form == "vector" else own[:, np.newaxis, np.newaxis] * np.eye(classes, dtype=np.float32)
    return weights, found[size:]
