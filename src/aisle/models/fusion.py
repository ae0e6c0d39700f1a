"""Late fusion as it answers: the components' scores, weighed by which of them there are, become calibrated probabilities.

Which components can be used for a product (its pattern) depends on whether it has a text and an image. Each pattern has
weights of its own. Nothing here fits anything: `aisle.models.fusion_fit` does.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from aisle.errors import BundleError, ModelError
from aisle.models.confidence import ConfidenceMap
from aisle.models.family import Files, Floats

Form: TypeAlias = Literal["scalar", "vector", "matrix"]
"""How a pattern weighs: one number per component, one per component and class, or a matrix per component."""

Usable: TypeAlias = NDArray[np.bool_]

ARRAYS = "fusion.npz"
"""The file of a fusion's arrays."""

FLOOR = np.float32(-8.0)
"""Log-probabilities below count as this: how impossible a component finds a class is noise beyond 1 in 3,000."""

_AGAIN = "Fetch the bundle again, or train again."


@dataclass(frozen=True)
class PatternWeights:
    """What counts when some components can be used and the others cannot.

    Args:
        usable: Whether each component of the fusion can be used.
        members: The components that count, as places in the fusion's order, rising.
        form: How they are weighed.
        scales: What each member's scores are multiplied by first (one over its temperature), (members,).
        weights: (members,), (members, classes) or (members, classes, classes), by the form. A scalar form weighs scores
            as they are; the others weigh log-probabilities, none under `FLOOR`.
        offsets: What is added for each class, (classes,).
        confidence: The calibration of the outcome.
        rows: How many rows it was learnt from.
        log_loss: Mean surprise on rows held back, in nats.
        calibration_error: Of answers to rows held back, each calibrated by a map fitted without it; nothing where the
            bundle is older than the figure.
    """

    usable: tuple[bool, ...]
    members: tuple[int, ...]
    form: Form
    scales: Floats
    weights: Floats
    offsets: Floats
    confidence: ConfidenceMap
    rows: int
    log_loss: float
    calibration_error: float | None = None

    def fused(self, scores: Sequence[Floats]) -> Floats:
        """Return the members' weighed sum before the softmax, (rows, classes).

        Args:
            scores: Scores of every component of the fusion, (rows, classes) each; only members' are looked at.
        """
        total = np.zeros_like(scores[self.members[0]], dtype=np.float32) + self.offsets
        for place, member in enumerate(self.members):
            if self.form == "scalar":
                total += scores[member] * (self.scales[place] * self.weights[place])
                continue
            logs = log_probabilities(scores[member], self.scales[place])
            total += logs * self.weights[place] if self.form == "vector" else logs @ self.weights[place]
        return total

    def probabilities(self, scores: Sequence[Floats]) -> Floats:
        """Return calibrated probabilities, (rows, classes); the argument is that of `fused`."""
        found = softmax_in_place(self.fused(scores))
        self.confidence.apply(found)
        return found

    def shares(self) -> tuple[float, ...]:
        """Return how much each component of the fusion counts: its mean weight on its own log-probabilities."""
        shares = [0.0] * len(self.usable)
        for place, member in enumerate(self.members):
            own = self.weights[place]
            shares[member] = float(np.diagonal(own).mean() if self.form == "matrix" else own.mean())
        return tuple(shares)


@dataclass(frozen=True)
class Fusion:
    """Weights for every pattern of components that was learnt; several threads may use it at once.

    Args:
        prior: Share of each class, (classes,): the answer where nothing can be used.
        patterns: What counts in each pattern, no pattern twice.
    """

    prior: Floats
    patterns: tuple[PatternWeights, ...]

    def probabilities(self, scores: Sequence[Floats], usable: Sequence[Usable]) -> Floats:
        """Return calibrated probabilities, (rows, classes), float32; each row adds up to 1.

        A pattern that was not learnt is answered by the learnt one of the least log loss that needs no more than there
        is, and by the prior where there is none.

        Args:
            scores: Each component's scores, (rows, classes); what stands in rows that it is not usable for is not read.
            usable: Whether each component can be used for each row, (rows,) each.

        Raises:
            ModelError: There are not as many arrays as components, or they are not of the same rows and classes.
        """
        rows = self._checked(scores, usable)
        codes = np.zeros(rows, np.int64)
        for place, mask in enumerate(usable):
            codes += mask.astype(np.int64) << place
        if rows and (codes == codes[0]).all():
            return self._answer(int(codes[0]), scores, rows)
        answer = np.empty((rows, self.prior.size), np.float32)
        for code in np.unique(codes):
            own = np.flatnonzero(codes == code)
            answer[own] = self._answer(int(code), _Taken(scores, own), own.size)
        return answer

    def pattern(self, usable: Sequence[bool]) -> PatternWeights | None:
        """Return what counts when these components can be used; nothing where only the prior is left.

        Args:
            usable: Whether each component can be used.
        """
        fitting = [
            pattern
            for pattern in self.patterns
            if all(there or not needed for there, needed in zip(usable, pattern.usable, strict=True))
        ]
        exact = [pattern for pattern in fitting if pattern.usable == tuple(usable)]
        return min(exact or fitting, key=lambda pattern: (pattern.log_loss, pattern.usable), default=None)

    @property
    def components(self) -> int:
        """How many components' scores it takes; 0 without any pattern."""
        return len(self.patterns[0].usable) if self.patterns else 0

    @property
    def weights_by_pattern(self) -> dict[tuple[bool, ...], tuple[float, ...]]:
        """How much each component counts in each pattern; 0 where it is not even looked at."""
        return {pattern.usable: pattern.shares() for pattern in self.patterns}

    @property
    def active(self) -> tuple[int, ...]:
        """The components that count in some pattern, as places; the others can be left out with `keep`."""
        return tuple(sorted({member for pattern in self.patterns for member in pattern.members}))

    def keep(self, places: Sequence[int]) -> "Fusion":
        """Return the fusion of some components only, in the order of their places.

        Args:
            places: Rising places of components, every active one among them.

        Raises:
            ModelError: An active component is not among them.
        """
        if missing := set(self.active) - set(places):
            raise ModelError(
                f"The fusion cannot do without the components {sorted(missing)}.",
                hint="Keep every component that `active` names.",
            )
        new = {old: place for place, old in enumerate(places)}
        kept: dict[tuple[bool, ...], PatternWeights] = {}
        for own in sorted(self.patterns, key=lambda pattern: -pattern.rows):
            usable = tuple(own.usable[place] for place in places)
            members = tuple(new[member] for member in own.members)
            # Patterns that differed in what has been left out only: the one of the most rows stays.
            kept.setdefault(usable, _with(own, usable, members))
        return Fusion(self.prior, tuple(kept.values()))

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return the fusion as what a schema says of it, as JSON, and its files' bytes by name."""
        arrays: dict[str, Floats] = {"prior": self.prior}
        entries = []
        for place, own in enumerate(self.patterns):
            arrays |= {f"scales{place}": own.scales, f"weights{place}": own.weights, f"offsets{place}": own.offsets}
            entries.append(
                {
                    "usable": list(own.usable),
                    "members": list(own.members),
                    "form": own.form,
                    "confidence": [own.confidence.sure, own.confidence.doubt, own.confidence.shift],
                    "rows": own.rows,
                    "log_loss": own.log_loss,
                    "calibration_error": own.calibration_error,
                }
            )
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, **{name: array.astype(np.float32) for name, array in arrays.items()})
        return {"kind": "late-fusion", "patterns": entries}, {ARRAYS: stream.getvalue()}

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], files: Files, components: int, classes: int) -> "Fusion":
        """Return the fusion that `to_parts` gave.

        Args:
            settings: What the schema says of it.
            files: Its files.
            components: How many components there are.
            classes: How many classes there are.

        Raises:
            BundleError: A part is missing, or is not such as `to_parts` gives.
        """
        if settings.get("kind") != "late-fusion":
            raise BundleError(
                f"The bundle's fusion is of the kind {settings.get('kind')!r}, which this release of aisle does not know.",
                hint="Use the release that made it.",
            )
        arrays = _read(files)
        prior = _array(arrays, "prior", (classes,))
        if (prior < 0).any() or abs(float(prior.sum()) - 1) > 1e-3:
            raise _damaged("prior is no distribution")
        try:
            patterns = tuple(
                _pattern(entry, arrays, place, components, classes) for place, entry in enumerate(settings["patterns"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"schema.json does not say what a fusion's schema says ({error!r}).", hint=_AGAIN) from error
        if len({pattern.usable for pattern in patterns}) != len(patterns):
            raise _damaged("a pattern is there twice")
        return cls(prior, patterns)

    def _answer(self, code: int, scores: "Sequence[Floats]", rows: int) -> Floats:
        own = self.pattern([bool(code >> place & 1) for place in range(self.components)]) if code else None
        return np.tile(self.prior, (rows, 1)) if own is None else own.probabilities(scores)

    def _checked(self, scores: Sequence[Floats], usable: Sequence[Usable]) -> int:
        """Return the number of rows of arrays that fit together."""
        if not len(scores) == len(usable) or (self.patterns and len(scores) != self.components):
            raise ModelError(
                f"{len(scores)} components' scores and {len(usable)} masks came to a fusion of {self.components}.",
                hint="Give the scores and the mask of each component, in the order of the fit.",
            )
        rows = len(usable[0]) if usable else 0
        for own, mask in zip(scores, usable, strict=True):
            if own.shape != (rows, self.prior.size) or mask.shape != (rows,):
                raise ModelError(
                    f"Scores are of shape {own.shape} and their mask of {mask.shape} instead of {(rows, self.prior.size)}.",
                    hint="Give scores of every class and a mask for every row.",
                )
        return rows


class _Taken(Sequence[Floats]):
    """Some rows of each component's scores, taken when they are asked for."""

    def __init__(self, scores: Sequence[Floats], rows: NDArray[np.intp]) -> None:
        self._scores, self._rows = scores, rows

    def __len__(self) -> int:
        return len(self._scores)

    def __getitem__(self, place: Any) -> Any:
        return self._scores[place][self._rows]


def log_probabilities(scores: Floats, scale: float | np.floating[Any]) -> Floats:
    """Return the logarithm of the softmax of scaled scores, none under `FLOOR`, (rows, classes).

    Args:
        scores: (rows, classes).
        scale: What they are multiplied by, one over the temperature.
    """
    logs: Floats = scores * np.float32(scale)
    logs -= logs.max(axis=1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
    return np.maximum(logs, FLOOR, out=logs)


def softmax_in_place(scores: Floats) -> Floats:
    """Return the same array with each row's softmax in place of its scores."""
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores


def _with(own: PatternWeights, usable: tuple[bool, ...], members: tuple[int, ...]) -> PatternWeights:
    return replace(own, usable=usable, members=members)


def _pattern(
    entry: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], place: int, components: int, classes: int
) -> PatternWeights:
    """Return one pattern from its entry in the schema."""
    usable, members, form = tuple(entry["usable"]), tuple(entry["members"]), entry["form"]
    numbers = [*entry["confidence"], entry["log_loss"]]
    if form not in get_args(Form) or len(usable) != components or not all(isinstance(there, bool) for there in usable):
        raise _damaged(f"the form {form!r} or the components {list(usable)} of a pattern are not known")
    if (
        not members
        or list(members) != sorted(set(members))
        or not all(isinstance(member, int) and 0 <= member < components and usable[member] for member in members)
    ):
        raise _damaged(f"a pattern's members {list(members)} are not among its usable components")
    if len(numbers) != 4 or not all(isinstance(value, int | float) and np.isfinite(value) for value in numbers):
        raise _damaged(f"a pattern's confidence and log loss {numbers} are not four numbers")
    error = entry.get("calibration_error")
    if error is not None and not (isinstance(error, int | float) and 0 <= error <= 1):
        raise _damaged(f"a pattern's calibration error {error!r} is no number from 0 to 1")
    shape = {"scalar": (len(members),), "vector": (len(members), classes)}.get(form, (len(members), classes, classes))
    return PatternWeights(
        usable=usable,
        members=members,
        form=form,
        scales=_array(arrays, f"scales{place}", (len(members),)),
        weights=_array(arrays, f"weights{place}", shape),
        offsets=_array(arrays, f"offsets{place}", (classes,)),
        confidence=ConfidenceMap(*map(float, entry["confidence"])),
        rows=int(entry["rows"]),
        log_loss=float(entry["log_loss"]),
        calibration_error=None if error is None else float(error),
    )


def _read(files: Files) -> dict[str, NDArray[Any]]:
    if ARRAYS not in files:
        raise BundleError(f"The bundle's fusion has no {ARRAYS}.", hint=_AGAIN)
    try:
        with np.load(io.BytesIO(files[ARRAYS]), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise _damaged(f"cannot be read ({error})") from error


def _array(arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> Floats:
    array = arrays.get(name)
    if array is None or array.dtype != np.float32 or array.shape != shape:
        raise _damaged(f"{name} is missing, or not of float32 and shape {shape}")
    if not np.isfinite(array).all():
        raise _damaged(f"{name} holds what is no number")
    return array


def _damaged(what: str) -> BundleError:
    return BundleError(f"In the bundle's {ARRAYS}: {what}.", hint=_AGAIN)
