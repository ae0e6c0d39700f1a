"""The classifier: features of text and image, components that each score them, and their fusion into one answer.

Nothing here fits anything: a process that only answers imports neither scikit-learn nor SciPy.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.product import Product
from aisle.errors import BundleError
from aisle.features.image import ImageFeatures
from aisle.features.linear_texts import LinearTexts
from aisle.features.sparse import SparseRows
from aisle.models.component import Component
from aisle.models.family import Files, Floats
from aisle.models.fusion import Fusion
from aisle.models.scorers import load_scorer
from aisle.models.text_space import TextSpace
from aisle.models.weights import LinearScorer

KIND = "ensemble"
"""What this model is called in a bundle's schema."""

_AGAIN = "Fetch the bundle again, or train again."


@dataclass(frozen=True)
class Answers:
    """What the classifier says of some products.

    Args:
        probabilities: Of each class, (products, classes), float32.
        written: Whether the answer rests on a text, (products,).
        seen: Whether it rests on an image, (products,).
        problems: Why a product's image could not be used; `None` where it could, or where there was none.
    """

    probabilities: Floats
    written: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    problems: tuple[str | None, ...]


@dataclass(frozen=True)
class Classifier:
    """A fitted classifier; several threads may use it at once.

    Args:
        classes: How many classes it tells apart.
        text: The features of texts; nothing where no component looks at any.
        image: The features of images; nothing where no component looks at any.
        components: The fitted classifiers, in the order in which the fusion knows them.
        fusion: Makes one calibrated answer of the components' scores.
    """

    classes: int
    text: TextSpace | None
    image: ImageFeatures | None
    components: tuple[Component, ...]
    fusion: Fusion

    @property
    def modalities(self) -> tuple[str, ...]:
        """What of a product it looks at, of `text` and `image`."""
        return tuple(name for name, space in (("text", self.text), ("image", self.image)) if space is not None)

    def answer(self, products: Sequence[Product]) -> Answers:
        """Return the answers to some products: one block, all of it in memory."""
        texts = self.text.texts(products) if self.text else [""] * len(products)
        written = np.fromiter(map(bool, texts), np.bool_, len(texts))
        problems: tuple[str | None, ...] = (None,) * len(products)
        pictures, seen = np.zeros((len(products), 0), np.float32), np.zeros(len(products), np.bool_)
        # Most products of a catalogue in text alone have no image: they do not pay for the look.
        if self.image is not None and any(product.image is not None for product in products):
            found = self.image.rows([product.image for product in products])
            pictures, seen, problems = found.values, found.seen, found.problems
        elif self.image is not None:
            pictures = np.zeros((len(products), self.image.width), np.float32)
        usable = [component.usable(written, seen) for component in self.components]
        scores = self._scores(texts, pictures, seen, usable)
        return Answers(self.fusion.probabilities(scores, usable), written, seen, problems)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return the classifier as what its schema says, as JSON, and its files' bytes by name."""
        schema: dict[str, Any] = {"kind": KIND}
        files: dict[str, bytes] = {}
        parts = {"text": self.text, "image": self.image, "fusion": self.fusion}
        for name, part in parts.items():
            schema[name], own = part.to_parts() if part is not None else (None, {})
            files |= {f"weights/{name}/{file}": data for file, data in own.items()}
        schema["components"] = []
        for component in self.components:
            settings, own = component.to_parts()
            schema["components"].append(settings)
            files |= {f"weights/{component.name}/{file}": data for file, data in own.items()}
        return schema, files

    @classmethod
    def from_parts(cls, schema: Mapping[str, Any], files: Files, classes: int) -> "Classifier":
        """Return the classifier that `to_parts` gave.

        Args:
            schema: What the bundle's schema says of the model.
            files: The bundle's files.
            classes: How many classes the bundle has.

        Raises:
            BundleError: A part is missing, or is not such as `to_parts` gives.
        """
        if schema.get("kind") != KIND:
            raise BundleError(
                f"The bundle's model is of the kind {schema.get('kind')!r}, which this release of aisle does not know.",
                hint="Use the release that made it.",
            )
        try:
            text = TextSpace.from_parts(schema["text"], _under("text", files)) if schema["text"] is not None else None
            image = ImageFeatures.from_parts(schema["image"], _under("image", files)) if schema["image"] else None
            widths = (text.width if text else 0, image.width if image else 0)
            components = tuple(
                Component.from_parts(entry, _under(entry["name"], files), widths, classes, load_scorer)
                for entry in schema["components"]
            )
            fusion = Fusion.from_parts(schema["fusion"], _under("fusion", files), len(components), classes)
        except (KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"schema.json does not say what a model's schema says ({error!r}).", hint=_AGAIN) from error
        if not components or len({component.name for component in components}) != len(components):
            raise BundleError("schema.json lists no components, or one twice.", hint=_AGAIN)
        return cls(classes, text, image, components, fusion)

    def _scores(
        self, texts: Sequence[str], pictures: Floats, seen: NDArray[np.bool_], usable: Sequence[NDArray[np.bool_]]
    ) -> list[Floats]:
        """Return each component's scores of all classes; what stands in rows that it cannot use is of no meaning."""
        direct = self._direct
        ready = direct.scores(texts) if direct is not None else {}
        matrix = _Once(lambda: self._matrix(texts))
        looked = np.flatnonzero(seen)
        scores = []
        for component, there in zip(self.components, usable, strict=True):
            if not there.any():
                scores.append(np.zeros((len(texts), self.classes), np.float32))
                continue
            if component.name in ready:
                own = ready[component.name]
                if component.modality == "both" and looked.size:
                    own = own + component.picture_scores(pictures, seen)
            elif component.modality == "image" and looked.size < len(texts):
                # Most products of some catalogues have no image: trees are not asked about zeros.
                found = component.scorer.scores(pictures[looked])
                own = np.zeros((len(texts), found.shape[1]), np.float32)
                own[looked] = found
            else:
                own = component.scorer.scores(component.matrix(matrix.get, pictures, seen))
            scores.append(component.spread(own, self.classes))
        return scores

    def _matrix(self, texts: Sequence[str]) -> SparseRows:
        if self.text is None:
            nothing = np.empty(0, np.int32), np.empty(0, np.float32)
            return SparseRows((len(texts), 0), np.zeros(len(texts) + 1, np.int64), *nothing)
        return self.text.rows(texts)

    @cached_property
    def _direct(self) -> "_Direct | None":
        return _Direct.of(self.text, self.components) if self.text is not None else None


@dataclass(frozen=True)
class _Direct:
    """The text halves of all linear components side by side: one pass over the n-grams scores them all."""

    names: tuple[str, ...]
    models: LinearTexts

    @classmethod
    def of(cls, space: TextSpace, components: Sequence[Component]) -> "_Direct | None":
        """Return the text halves of the linear components among some; nothing where there are none."""
        halves = {
            component.name: component.scorer.texts(space.width)
            for component in components
            if component.modality != "image" and isinstance(component.scorer, LinearScorer)
        }
        return cls(tuple(halves), space.models(tuple(halves.values()))) if halves else None

    def scores(self, texts: Sequence[str]) -> dict[str, Floats]:
        """Return each of these components' scores of some texts, by its name."""
        return dict(zip(self.names, self.models.scores(texts), strict=True))


class _Once:
    """Makes the sparse matrix when the first component asks for it, and no second time."""

    def __init__(self, make: Callable[[], SparseRows]) -> None:
        self._make = make
        self._made: SparseRows | None = None

    def get(self) -> SparseRows:
        """Return the matrix."""
        if self._made is None:
            self._made = self._make()
        return self._made


def _under(name: str, files: Files) -> dict[str, bytes]:
    prefix = f"weights/{name}/"
    return {file.removeprefix(prefix): data for file, data in files.items() if file.startswith(prefix)}
