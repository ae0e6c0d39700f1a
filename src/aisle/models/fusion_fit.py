"""Fitting the fusion on out-of-fold scores: which patterns of components there are, and from which rows each is learnt.

Chosen by cross-validation on 10,471 products of 27 classes with text and image (log loss and weighted F1), from a
linear and a naive Bayes classifier of the text and a linear one and a forest of the image: the best alone 0.800 and
0.779; a number each 0.710 and 0.796; a number per class 0.664 and 0.811; a matrix each 0.642 and 0.816. Log-probabilities
did better than scores centred on 0 (0.648 and 0.814 with matrices).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from aisle.errors import TrainingError
from aisle.models.family import Floats, Labels
from aisle.models.fusion import Fusion, PatternWeights, Usable
from aisle.models.fusion_choice import FusionOptions, Rows, choose, drawn
from aisle.models.fusion_forms import Targets, fit_scale

# Numbers held in memory for one fit: 400 MB.
_MOST_NUMBERS = 100_000_000

Pattern = tuple[bool, ...]


def fit_fusion(
    scores: Sequence[Floats],
    usable: Sequence[Usable],
    labels: Labels,
    prior: Floats,
    *,
    modalities: Sequence[str],
    options: FusionOptions | None = None,
) -> Fusion:
    """Fit weights and calibration for every pattern of components.

    A pattern is learnt from the rows that have it and from rows that would have it without their text or image, so that
    text alone is answered well even if every row has an image. A component on both answers otherwise when half is
    missing: where it belongs to a pattern, only rows that have the pattern count, and if there are too few it is left
    out. Append rows that it scored with one half hidden, and it is kept.

    Args:
        scores: Each component's out-of-fold scores, (rows, classes); unusable rows may hold anything, NaN too.
        usable: Whether each component could be used for each row, (rows,) each.
        labels: Each row's class, (rows,).
        prior: Share of each class, (classes,): the answer where nothing can be used.
        modalities: What each component looks at: `text`, `image` or `both`.
        options: What the fit is steered by.

    Raises:
        TrainingError: There are no components or no rows, or arrays that do not fit together.
    """
    prior = np.asarray(prior, np.float32)
    _check(scores, usable, labels, prior, modalities)
    # One thread: sums of several are added in an order that depends on their number.
    with threadpool_limits(1):
        return _Fit(scores, np.stack(usable), labels, prior, options or FusionOptions()).fusion(modalities)


@dataclass(frozen=True)
class _Fit:
    scores: Sequence[Floats]
    usable: Usable
    labels: Labels
    prior: Floats
    options: FusionOptions

    def fusion(self, modalities: Sequence[str]) -> Fusion:
        """Return the fusion: weights of each pattern with rows enough, and of each component alone to fall back on."""
        scales = [self._scale(place) for place in range(len(self.scores))]
        patterns = []
        for pattern in _wanted(self.usable, modalities):
            members, rows = self._learnt_from(pattern, modalities)
            if members and rows.size >= self.options.min_rows:
                patterns.append(self._weights(pattern, members, rows, scales, self.options))
        active = {member for own in patterns for member in own.members} or set(range(len(self.scores)))
        known = {own.usable for own in patterns}
        # What to fall back on where a pattern turns up that was not learnt.
        plain = FusionOptions(form="scalar", folds=self.options.folds, seed=self.options.seed)
        for place in sorted(active):
            alone = tuple(other == place for other in range(len(self.scores)))
            rows = np.flatnonzero(self.usable[place])
            if rows.size and alone not in known:
                patterns.append(self._weights(alone, (place,), rows, scales, plain))
        return Fusion(self.prior, tuple(patterns))

    def _scale(self, place: int) -> float:
        rows = self._limited(np.flatnonzero(self.usable[place]), 1)
        if not rows.size:
            return 1.0
        return fit_scale(self.scores[place][rows], Targets(self.labels[rows], self.prior))

    def _learnt_from(self, pattern: Pattern, modalities: Sequence[str]) -> tuple[tuple[int, ...], Rows]:
        """Return the components that a pattern can weigh and the rows to learn from."""
        members = tuple(place for place, there in enumerate(pattern) if there)
        exact = np.flatnonzero((self.usable == np.asarray(pattern)[:, np.newaxis]).all(axis=0))
        own = tuple(place for place in members if modalities[place] != "both")
        if own != members:
            if exact.size >= self.options.min_rows:
                return members, exact
            members = own
        return members, np.flatnonzero(self.usable[list(members)].all(axis=0))

    def _weights(
        self, pattern: Pattern, members: Sequence[int], rows: Rows, scales: Sequence[float], options: FusionOptions
    ) -> PatternWeights:
        taken = self._limited(rows, 2 * len(members))
        scaled = [self.scores[member][taken] * np.float32(scales[member]) for member in members]
        found = choose(scaled, self.labels[taken], self.prior, options)
        kept = tuple(members[place] for place in found.weights.places)
        return PatternWeights(
            usable=pattern,
            members=kept,
            form=found.weights.form,
            scales=np.array([scales[member] for member in kept], np.float32),
            weights=found.weights.weights,
            offsets=found.weights.offsets,
            confidence=found.confidence,
            rows=int(rows.size),
            log_loss=found.log_loss,
            calibration_error=found.calibration_error,
        )

    def _limited(self, rows: Rows, arrays: int) -> Rows:
        most = max(_MOST_NUMBERS // (arrays * self.prior.size), 1)
        return rows[drawn(rows.size, most, self.options.seed)]


def _wanted(usable: Usable, modalities: Sequence[str]) -> list[Pattern]:
    """Return the patterns that occur, and those that would if texts or images were missing; nothing usable is none."""
    seen = {tuple(column) for column in np.unique(usable, axis=1).T.tolist()}
    wanted = {pattern for pattern in seen if any(pattern)}
    for hidden, left in (("text", "image"), ("image", "text")):
        for pattern in seen:
            # That a row has the other half at all is known by a component that looks at nothing else.
            if any(there and kind == left for there, kind in zip(pattern, modalities, strict=True)):
                wanted.add(tuple(there and kind != hidden for there, kind in zip(pattern, modalities, strict=True)))
    return sorted(wanted)


def _check(
    scores: Sequence[Floats], usable: Sequence[Usable], labels: Labels, prior: Floats, modalities: Sequence[str]
) -> None:
    if not scores or not len(labels):
        raise TrainingError(
            "There is nothing to learn the fusion from.",
            hint="Give the out-of-fold scores of at least one component and row.",
        )
    if not len(scores) == len(usable) == len(modalities):
        raise TrainingError(
            f"{len(scores)} components' scores, {len(usable)} masks and {len(modalities)} modalities came to the fusion.",
            hint="Give one of each for every component.",
        )
    if unknown := set(modalities) - {"text", "image", "both"}:
        raise TrainingError(
            f"No component can look at {sorted(unknown)}.", hint="Give text, image or both for each component."
        )
    for own, mask in zip(scores, usable, strict=True):
        if own.shape != (len(labels), prior.size) or mask.shape != (len(labels),):
            raise TrainingError(
                f"A component's scores are of shape {own.shape} and its mask of {mask.shape},"
                f" with {len(labels)} labels and {prior.size} classes.",
                hint="Give each component's score of every class, and its mask, for every row.",
            )
