"""Components' scores made to order: how much each tells of the class is known."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Stack:
    scores: list[np.ndarray]
    usable: list[np.ndarray]
    labels: np.ndarray
    prior: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Stack":
        return Stack([s[chosen] for s in self.scores], [u[chosen] for u in self.usable], self.labels[chosen], self.prior)


def stack(rows: int, classes: int, strengths: list[float], *, seed: int = 0, sizes: list[float] | None = None) -> Stack:
    """Return independent components: the class's score is higher by the strength, all under noise of 1.

    With such noise, strength times score is a log-likelihood; `sizes` blows it up, so that a temperature is needed.
    """
    generator = np.random.default_rng(seed)
    prior = np.ones(classes) / classes
    labels = generator.integers(0, classes, rows)
    scores = []
    for place, strength in enumerate(strengths):
        noisy = generator.normal(0, 1, (rows, classes))
        noisy[np.arange(rows), labels] += strength
        scores.append((noisy * strength * (sizes[place] if sizes else 1)).astype(np.float32))
    return Stack(scores, [np.ones(rows, np.bool_) for _ in strengths], labels, prior.astype(np.float32))


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return float(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-7)).mean())
