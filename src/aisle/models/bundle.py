"""The bundle: the one model artefact, a folder without any code in it.

    manifest.json       sha256 of every other file, the bundle's digest, snapshot, configuration, commit, library versions
    schema.json         input fields, categories in the order of the classes, the level of the labels, the model's settings
    weights/            the arrays of the features, of each component, of their fusion and of what is decided by them
    metrics.json        scores on the gold rows, and how the training went
    profile.json        what the training rows looked like
    golden.jsonl        products and the answers to them, asked again at every load
    card.md             the model card

The same snapshot, configuration, commit and machine give the same digest: no time of day is in any file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from aisle.catalog.product import Product
from aisle.errors import BundleError, InputError
from aisle.models.classifier import Classifier
from aisle.models.decisions import Decisions
from aisle.models.golden import choose_golden, replay_golden, write_golden
from aisle.models.manifest import read_sealed, spell_json, write_sealed
from aisle.models.prediction import Candidate, Prediction

_INPUTS = (("title", "string"), ("description", "string"), ("brand", "string"), ("image", "binary"))
_AT_ONCE = 2_048
_AGAIN = "Fetch the bundle again, or train again."


@dataclass(frozen=True)
class BundleParts:
    """What a bundle is made from.

    Args:
        model: The fitted classifier.
        decisions: What is decided by its probabilities: prediction sets, and who is sent to review.
        categories: Name of each code, in the order of the model's classes.
        level: How many levels of the labels it was trained on; all when `None`.
        metrics: Figures, as JSON.
        profile: What the training rows looked like, as JSON.
        card: The model card, Markdown.
        examples: Products to take the golden ones from.
        snapshot: Digest of the snapshot that it learnt from.
        configuration: Digest of what the training was steered by.
        commit: The commit of the code; `unknown` outside of a repository.
    """

    model: Classifier
    decisions: Decisions
    categories: Mapping[str, str]
    level: int | None
    metrics: Mapping[str, Any]
    profile: Mapping[str, Any]
    card: str
    examples: Sequence[Product]
    snapshot: str
    configuration: str
    commit: str


def write_bundle(folder: Path, parts: BundleParts) -> str:
    """Write a bundle, whole or not at all, and return its digest.

    Args:
        folder: Where to; it does not exist yet, or is empty.
        parts: What it is made from.

    Raises:
        BundleError: Something lies there already, or the parts do not fit each other.
    """
    settings, weights = parts.model.to_parts()
    schema = {
        "inputs": [{"name": name, "type": kind, "required": False} for name, kind in _INPUTS],
        "categories": [{"code": code, "name": name} for code, name in parts.categories.items()],
        "level": parts.level,
        "model": settings,
        "decisions": parts.decisions.to_json(),
    }
    files = {
        **weights,
        "schema.json": spell_json(schema),
        "metrics.json": spell_json(parts.metrics),
        "profile.json": spell_json(parts.profile),
        "card.md": parts.card.encode(),
    }
    # What is asked for the golden answers is what a loader would have: read back, not what was fitted.
    predictor = _Predictor.from_files(files)
    files["golden.jsonl"] = write_golden(choose_golden(parts.examples), predictor.predict)
    return write_sealed(folder, files, snapshot=parts.snapshot, configuration=parts.configuration, commit=parts.commit)


class Bundle:
    """A loaded and verified bundle; several threads may use it at once. Made by `Bundle.load`.

    Args:
        manifest: What its manifest says.
        files: Every other file's bytes by its name, verified.

    Raises:
        BundleError: The files are no bundle, or a golden product is answered otherwise.
    """

    def __init__(self, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
        self._predictor = _Predictor.from_files(files)
        self.manifest = manifest
        self.metrics: Mapping[str, Any] = _json(files, "metrics.json")
        self.profile: Mapping[str, Any] = _json(files, "profile.json")
        self.card = _text(files, "card.md")
        self.size_bytes = sum(map(len, files.values()))
        replay_golden(_file(files, "golden.jsonl"), self._predictor.predict)

    @classmethod
    def load(cls, folder: Path) -> "Bundle":
        """Load a bundle: every byte is checked, every number is one, every golden product is asked again.

        No file is ever executed or unpickled.

        Args:
            folder: Where `write_bundle` wrote it, or a copy.

        Raises:
            BundleError: It is missing, damaged or foreign; the message names the file.
        """
        sealed = read_sealed(folder)
        return cls(sealed.manifest, sealed.files)

    @property
    def digest(self) -> str:
        """The bundle's name: 64 hexadecimal digits over every byte of it."""
        return str(self.manifest["digest"])

    @property
    def categories(self) -> Mapping[str, str]:
        """Every category that it can answer, code -> name, in the order of `probabilities`."""
        return self._predictor.categories

    @property
    def modalities(self) -> tuple[str, ...]:
        """What of a product it looks at, of `text` and `image`."""
        return self._predictor.model.modalities

    @property
    def classifier(self) -> Classifier:
        """The classifier inside."""
        return self._predictor.model

    @property
    def level(self) -> int | None:
        """How many levels of the labels it was trained on; all when `None`."""
        return self._predictor.level

    def predict(self, products: Sequence[Product], *, top: int = 5) -> list[Prediction]:
        """Return one answer per product, in their order.

        A product without anything to go by gets the categories' shares among the training rows, and no modality.

        Args:
            products: What to classify.
            top: How many of the most probable categories each answer holds, at least 1.

        Raises:
            InputError: `top` is under 1.
        """
        return self._predictor.predict(products, top=top)

    def probabilities(self, products: Sequence[Product]) -> NDArray[np.float32]:
        """Return the probability of each category, float32, (products, categories)."""
        blocks = [self._predictor.model.answer(block).probabilities for block in _blocks(products)]
        return np.concatenate([np.empty((0, len(self.categories)), np.float32), *blocks])


@dataclass(frozen=True)
class _Predictor:
    """A model, what is decided by its answers, and their names."""

    model: Classifier
    decisions: Decisions
    categories: Mapping[str, str]
    level: int | None

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "_Predictor":
        """Read a model from a bundle's verified files; `BundleError` where they are foreign."""
        schema = _json(files, "schema.json")
        try:
            level = schema["level"]
            categories = {entry["code"]: entry["name"] for entry in schema["categories"]}
            if not categories or len(categories) != len(schema["categories"]):
                raise BundleError("schema.json lists no categories, or one twice.", hint=_AGAIN)
            model = Classifier.from_parts(schema["model"], files, len(categories))
            decisions = Decisions.from_json(schema["decisions"], len(categories))
        except (KeyError, TypeError) as error:
            raise BundleError(f"schema.json does not say what a schema says ({error!r}).", hint=_AGAIN) from error
        return cls(model, decisions, categories, level)

    def predict(self, products: Sequence[Product], *, top: int = 5) -> list[Prediction]:
        """Answer each product with its `top` most probable categories."""
        if top < 1:
            raise InputError(f"top is {top}.", hint="Ask for at least one category.")
        answers: list[Prediction] = []
        for block in _blocks(products):
            answers += self._answer(block, top)
        return answers

    def _answer(self, block: Sequence[Product], top: int) -> list[Prediction]:
        found = self.model.answer(block)
        probabilities = found.probabilities
        # Stable: of categories as probable as each other the first comes first.
        best = probabilities.argmax(axis=1)[:, np.newaxis]
        order = best if top == 1 else np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
        values = np.take_along_axis(probabilities, order, axis=1)
        ranked, ends = self.decisions.conformal.ranked(probabilities)
        doubtful = self.decisions.thresholds.review(order[:, 0], values[:, 0]).tolist()
        codes, names = list(self.categories), list(self.categories.values())
        likely = [codes[k] for k in ranked.tolist()]
        sets = [tuple(likely[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
        based = [_BASES[text, image] for text, image in zip(found.written.tolist(), found.seen.tolist(), strict=True)]
        reviews = [
            ("not confident" if doubt else None) if base else "nothing to go by"
            for doubt, base in zip(doubtful, based, strict=True)
        ]
        # Column by column, not answer by answer: this is what a text costs beside its n-grams.
        width, places, shares = order.shape[1], order.ravel().tolist(), values.ravel().tolist()
        said, called = [codes[k] for k in places], [names[k] for k in places]
        candidates = list(map(Candidate, said, called, shares))
        tops = [tuple(candidates[first : first + width]) for first in range(0, len(candidates), width)]
        return list(
            map(
                Prediction,
                [product.id for product in block],
                said[::width],
                called[::width],
                shares[::width],
                tops,
                based,
                sets,
                reviews,
                found.problems,
            )
        )


_BASES: Mapping[tuple[bool, bool], tuple[str, ...]] = {
    (False, False): (),
    (True, False): ("text",),
    (False, True): ("image",),
    (True, True): ("text", "image"),
}


def _blocks(products: Sequence[Product]) -> list[Sequence[Product]]:
    return [products[start : start + _AT_ONCE] for start in range(0, len(products), _AT_ONCE)]


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise BundleError(f"The bundle has no {name}.", hint=_AGAIN)
    return files[name]


def _text(files: Mapping[str, bytes], name: str) -> str:
    try:
        return _file(files, name).decode()
    except UnicodeDecodeError as error:
        raise BundleError(f"The bundle's {name} is not UTF-8 ({error}).", hint=_AGAIN) from error


def _json(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        value = orjson.loads(_file(files, name))
    except orjson.JSONDecodeError as error:
        raise BundleError(f"The bundle's {name} is not JSON ({error}).", hint=_AGAIN) from error
    if not isinstance(value, dict):
        raise BundleError(f"The bundle's {name} is no JSON object.", hint=_AGAIN)
    return value
