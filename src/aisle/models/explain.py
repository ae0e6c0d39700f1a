"""What spoke for a category and against it: n-grams, components and modalities, as they were added up.

Two levels, each of which adds up. The fused score of a category is an offset and what each component adds to it. The score
of a linear component on text is a bias and weight x value of each n-gram of the text, spelled from the text itself. What a
modality contributed is told by leaving it out: the probability that the same category would have without it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.product import Product
from aisle.errors import InputError
from aisle.features.spelling import spell_buckets
from aisle.models.bundle import Bundle
from aisle.models.classifier import Classifier
from aisle.models.component import Component
from aisle.models.family import Floats
from aisle.models.fusion import PatternWeights, log_probabilities
from aisle.models.manifest import read_sealed
from aisle.models.weights import LinearScorer

MAX_TERMS = 50
"""Most n-grams told in either direction."""

_SPELLED_CHARS = 5_000
"""Characters of a text in which n-grams are found again, by plain Python; what stands only behind them is in the rest."""


@dataclass(frozen=True, slots=True)
class Term:
    """An n-gram of the text: how much it is there (`value`), how much it counts (`weight`), and the product of the two."""

    ngram: str
    value: float
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class TextShare:
    """How a linear component came to its score of the category: bias, all terms told and the rest add up to it.

    Args:
        component: The component's name.
        score: Its score of the category.
        bias: What it starts from.
        pro: The n-grams that spoke for the category most, the strongest first.
        contra: The n-grams that spoke against it most, the strongest first.
        rest: What all other n-grams, and the image of a component that looks at both, add together.
    """

    component: str
    score: float
    bias: float
    pro: tuple[Term, ...]
    contra: tuple[Term, ...]
    rest: float


@dataclass(frozen=True, slots=True)
class ComponentShare:
    """What a component added to the fused score; `counts` is false where it could not be used, or is not listened to."""

    name: str
    family: str
    modality: str
    counts: bool
    contribution: float


@dataclass(frozen=True, slots=True)
class ModalityShare:
    """What a modality is worth: the probability that the category would have without it."""

    modality: str
    probability_without: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a product got a category, or did not.

    Args:
        id: The product's id.
        code: The category's code.
        name: Its name for people.
        probability: Its calibrated probability.
        answered: The code that the product is answered with.
        pattern: Names of the components that could be used for what the product has.
        score: The fused score of the category before it becomes a probability: offset and contributions add up to it.
        offset: What it starts from in this pattern.
        components: What each component added.
        modalities: What the product's text and image are worth.
        texts: How each linear component on text came to its score.
    """

    id: str
    code: str
    name: str
    probability: float
    answered: str
    pattern: tuple[str, ...]
    score: float
    offset: float
    components: tuple[ComponentShare, ...]
    modalities: tuple[ModalityShare, ...]
    texts: tuple[TextShare, ...]


class ExplainingBundle(Bundle):
    """A bundle that can say why."""

    @classmethod
    def load(cls, folder: Path) -> "ExplainingBundle":
        """Load a bundle; otherwise as `Bundle.load`."""
        sealed = read_sealed(folder)
        return cls(sealed.manifest, sealed.files)

    def explain(self, product: Product, code: str | None = None, *, terms: int = 10) -> Explanation:
        """Return what spoke for a category of a product and against it.

        Args:
            product: The product.
            code: The category; the answered one when `None`.
            terms: How many n-grams are told in either direction, 1 to `MAX_TERMS`.

        Raises:
            InputError: The bundle does not know the category, or `terms` is beyond its limits.
        """
        return explain(self._predictor.model, self.categories, product, code, terms=terms)


def explain(
    model: Classifier, categories: Mapping[str, str], product: Product, code: str | None = None, *, terms: int = 10
) -> Explanation:
    """Return what spoke for a category of a product and against it.

    Args:
        model: The classifier.
        categories: Name of each code, in the order of its classes.
        product: The product.
        code: The category; the answered one when `None`.
        terms: How many n-grams are told in either direction, 1 to `MAX_TERMS`.

    Raises:
        InputError: There is no such category, or `terms` is beyond its limits.
    """
    if not 1 <= terms <= MAX_TERMS:
        raise InputError(f"terms is {terms}.", hint=f"Ask for 1 to {MAX_TERMS} n-grams.")
    if code is not None and code not in categories:
        raise InputError(f"The model knows no category {code[:100]!r}.", hint="/v1/categories lists those that it knows.")
    answer = model.answer([product])
    shares = answer.probabilities[0]
    codes = list(categories)
    best = int(np.argsort(-shares, kind="stable")[0])
    target = best if code is None else codes.index(code)
    texts = model.text.texts([product]) if model.text else [""]
    pictures, seen = _pictures(model, product)
    masks = [component.usable(answer.written, answer.seen) for component in model.components]
    scores, usable = model._scores(texts, pictures, seen, masks), [bool(mask[0]) for mask in masks]
    own = model.fusion.pattern(usable) if any(usable) else None
    added = [0.0] * len(usable) if own is None else _added(own, scores, target)
    offset = float(own.offsets[target]) if own else float(np.log(np.maximum(model.fusion.prior[target], 1e-12)))
    return Explanation(
        id=product.id,
        code=codes[target],
        name=categories[codes[target]],
        probability=float(shares[target]),
        answered=codes[best],
        pattern=tuple(component.name for component, there in zip(model.components, usable, strict=True) if there),
        score=offset + sum(added),
        offset=offset,
        components=tuple(
            ComponentShare(c.name, c.family, c.modality, own is not None and place in own.members, added[place])
            for place, c in enumerate(model.components)
        ),
        modalities=_modalities(model, product, target, written=bool(answer.written[0]), seen=bool(answer.seen[0])),
        texts=_texts(model, texts, scores, target, terms) if answer.written[0] else (),
    )


def _pictures(model: Classifier, product: Product) -> tuple[Floats, NDArray[np.bool_]]:
    if model.image is None:
        return np.zeros((1, 0), np.float32), np.zeros(1, np.bool_)
    found = model.image.rows([product.image])
    return found.values, found.seen


def _added(own: PatternWeights, scores: Sequence[Floats], target: int) -> list[float]:
    """Return what each component adds to the fused score of a class: the terms that `PatternWeights.fused` adds up."""
    added = [0.0] * len(own.usable)
    for place, member in enumerate(own.members):
        if own.form == "scalar":
            added[member] = float(scores[member][0, target] * own.scales[place] * own.weights[place])
            continue
        logs = log_probabilities(scores[member], own.scales[place])[0]
        weights = own.weights[place]
        added[member] = float(logs[target] * weights[target] if own.form == "vector" else logs @ weights[:, target])
    return added


def _modalities(model: Classifier, product: Product, target: int, *, written: bool, seen: bool) -> tuple[ModalityShare, ...]:
    without = {"text": replace(product, title=None, description=None, brand=None), "image": replace(product, image=None)}
    present = [name for name, there in (("text", written), ("image", seen)) if there]
    if not present:
        return ()
    # One at a time: products of one block may be scored by other code than a single one.
    shares = [model.answer([without[name]]).probabilities[0, target] for name in present]
    return tuple(ModalityShare(name, float(share)) for name, share in zip(present, shares, strict=True))


def _texts(
    model: Classifier, texts: Sequence[str], scores: Sequence[Floats], target: int, terms: int
) -> tuple[TextShare, ...]:
    space = model.text
    assert space is not None
    row = space.rows(texts)
    columns, values = row.indices, row.data
    shares = []
    for component, own in zip(model.components, scores, strict=True):
        place = _place(component, target)
        if component.modality == "image" or not isinstance(component.scorer, LinearScorer) or place is None:
            continue
        weights = component.scorer.lines(columns)[:, place]
        parts = weights * values
        order = np.argsort(-parts, kind="stable")
        pro = [k for k in order[:terms].tolist() if parts[k] > 0]
        contra = [k for k in order[::-1][:terms].tolist() if parts[k] < 0]
        told = [*pro, *contra]
        buckets = space.columns.columns[columns[told]].tolist()
        spelled = spell_buckets([texts[0][:_SPELLED_CHARS]], buckets, space.config.shape)
        found = {
            k: Term(spelled[bucket], float(values[k]), float(weights[k]), float(parts[k]))
            for k, bucket in zip(told, buckets, strict=True)
            if bucket in spelled
        }
        pro, contra = [k for k in pro if k in found], [k for k in contra if k in found]
        score, bias = float(own[0, target]), float(component.scorer.bias[place])
        rest = score - bias - sum(term.contribution for term in found.values())
        shares.append(
            TextShare(component.name, score, bias, tuple(found[k] for k in pro), tuple(found[k] for k in contra), rest)
        )
    return tuple(shares)


def _place(component: Component, target: int) -> int | None:
    """Return a class's place among those that a component knows."""
    if component.known is None:
        return target
    places = np.flatnonzero(component.known == target)
    return int(places[0]) if places.size else None
