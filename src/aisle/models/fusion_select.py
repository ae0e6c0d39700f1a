"""Which components are worth their place: greedy forward selection on out-of-fold scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from aisle.errors import TrainingError
from aisle.models.family import Floats, Labels
from aisle.models.fusion import Usable, softmax_in_place
from aisle.models.fusion_choice import clearly_less, drawn
from aisle.models.fusion_forms import Doubles, Targets, fit_scalars, fit_scale

_LEAST = 1e-7


@dataclass(frozen=True, slots=True)
class Selected:
    """One component that was taken, in the order of taking.

    Args:
        component: Its place.
        log_loss: Mean surprise of the fusion with it, in nats.
        weighted_f1: Weighted F1 of the fusion with it.
        gain: By how much it lowered the log loss.
        cost: What it costs.
    """

    component: int
    log_loss: float
    weighted_f1: float
    gain: float
    cost: float


def select_components(
    scores: Sequence[Floats],
    usable: Sequence[Usable],
    labels: Labels,
    prior: Floats,
    *,
    costs: Sequence[float] | None = None,
    price: float = 0.0,
    most: int | None = None,
    rows: int = 20_000,
    seed: int = 1,
) -> tuple[Selected, ...]:
    """Take components one by one, each time the one that helps the fusion of those taken the most.

    After Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection from libraries of models", 2004, with weights
    fitted instead of repeated takes. It ends when no component lowers the log loss by two standard errors of the rows'
    differences and by more than its price; each weight costs one row's nat besides (Akaike), since it is fitted on the
    rows that judge it. The first component is taken whatever it gains.

    Rows judge as they are: where every row has a text and an image, nothing is said for products with one of them.

    Args:
        scores: Each component's out-of-fold scores, (rows, classes); unusable rows may hold anything.
        usable: Whether each component could be used for each row, (rows,) each.
        labels: Each row's class, (rows,).
        prior: Share of each class, (classes,): the answer where nothing taken can be used.
        costs: What each component costs, in any unit (megabytes, microseconds a product); nothing by default.
        price: Nats of log loss that a unit of cost has to bring.
        most: So many components at most.
        rows: So many rows judge at most.
        seed: Of the choice of those rows.

    Raises:
        TrainingError: There is no component or row.
    """
    if not scores or not len(labels):
        raise TrainingError("There is no component to select.", hint="Give out-of-fold scores of at least one component.")
    few = drawn(len(labels), rows, seed)
    with threadpool_limits(1):
        judge = _Judge([own[few] for own in scores], np.stack(usable)[:, few], labels[few], np.asarray(prior, np.float32))
        spent = list(costs) if costs is not None else [0.0] * len(scores)
        taken: list[Selected] = []
        fused = judge.nothing()
        loss = judge.surprise(fused)
        while len(taken) < (len(scores) if most is None else most):
            places = [step.component for step in taken]
            rivals = {place: judge.fused([*places, place]) for place in range(len(scores)) if place not in places}
            losses = {place: judge.surprise(rival) for place, rival in rivals.items()}
            worth = {
                place: float((loss - rival).mean()) - price * spent[place] - 1 / len(few) for place, rival in losses.items()
            }
            if not worth:
                break
            best = max(worth, key=lambda place: (worth[place], -place))
            if taken and not (worth[best] > 0 and clearly_less(losses[best], loss)):
                break
            gain = float((loss - losses[best]).mean())
            fused, loss = rivals[best], losses[best]
            taken.append(Selected(best, float(loss.mean()), judge.weighted_f1(fused), gain, spent[best]))
    return tuple(taken)


@dataclass(frozen=True)
class _Judge:
    scores: Sequence[Floats]
    usable: Usable
    labels: Labels
    prior: Floats

    def __post_init__(self) -> None:
        for place, own in enumerate(self.scores):
            rows = np.flatnonzero(self.usable[place])
            if rows.size:
                own[rows] *= np.float32(fit_scale(own[rows], Targets(self.labels[rows], self.prior)))

    def nothing(self) -> Floats:
        """Return the prior of each row, as logarithms, (rows, classes)."""
        return np.tile(np.log(np.maximum(self.prior, np.float32(_LEAST))), (len(self.labels), 1))

    def fused(self, places: Sequence[int]) -> Floats:
        """Return scores fused by a number each, fitted for every pattern of these components apart, (rows, classes)."""
        fused = self.nothing()
        patterns, of_row = np.unique(self.usable[list(places)], axis=1, return_inverse=True)
        for number, pattern in enumerate(patterns.T):
            rows = np.flatnonzero(of_row.reshape(-1) == number)
            there = [self.scores[place][rows] for place, usable in zip(places, pattern, strict=True) if usable]
            if there:
                weights = fit_scalars(there, Targets(self.labels[rows], self.prior))
                fused[rows] = sum(own * np.float32(weight) for own, weight in zip(there, weights, strict=True))
        return fused

    def surprise(self, fused: Floats) -> Doubles:
        """Return -ln of each row's correct class, (rows,)."""
        chances = softmax_in_place(fused.copy())[np.arange(len(self.labels)), self.labels]
        return -np.log(np.maximum(chances.astype(np.float64), _LEAST))

    def weighted_f1(self, fused: Floats) -> float:
        """Return the mean F1 of the classes, each weighed by its rows."""
        classes, answers = self.prior.size, fused.argmax(axis=1)
        support, given = np.bincount(self.labels, minlength=classes), np.bincount(answers, minlength=classes)
        hits = np.bincount(answers[answers == self.labels], minlength=classes)
        return float((support * 2 * hits / np.maximum(support + given, 1)).sum() / len(self.labels))
