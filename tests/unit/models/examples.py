"""A small catalogue in which words and colours tell the category, and bundles made from it."""

from dataclasses import replace
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aisle.catalog.product import Product
from aisle.features.image import ImageConfig, ImageFeatures
from aisle.features.text import TextConfig, TextFeatures
from aisle.models.bundle import BundleParts
from aisle.models.classifier import Classifier
from aisle.models.component import Component
from aisle.models.conformal import fit_conformal
from aisle.models.decisions import Decisions
from aisle.models.families import FAMILIES
from aisle.models.fusion_fit import fit_fusion
from aisle.models.text_space_fit import TextOptions, fit_text_space
from aisle.models.thresholds import thresholds_by_cost

WORDS = {
    "10": ("roman", "livre", "poche", "tome", "auteur", "edition"),
    "50": ("manette", "console", "cable", "chargeur", "ecran", "jeu"),
    "2583": ("piscine", "pompe", "liner", "filtre", "bache", "spa"),
}
"""The words of each category's titles."""

COLOURS = {"10": (150, 90, 40), "2583": (40, 120, 220), "50": (60, 60, 60)}
"""The colour of each category's images."""

SMALL = TextOptions(config=TextConfig(bits=14))
"""Options that fit within a blink."""


def titles(rows: int, seed: int) -> tuple[list[str], NDArray[np.intp]]:
    """Return titles of four words each and their classes, positions in the sorted codes of `WORDS`."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, len(WORDS), rows)
    words = [WORDS[code] for code in sorted(WORDS)]
    return [" ".join([*generator.choice(words[label], 3), str(generator.integers(1000))]) for label in labels], labels


def picture(code: str, seed: int) -> bytes:
    """Return a small JPEG of a category's colour, with some noise."""
    noise = np.random.default_rng(seed).integers(-30, 30, (48, 48, 3))
    stream = BytesIO()
    Image.fromarray(np.clip(np.array(COLOURS[code]) + noise, 0, 255).astype(np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


def products(rows: int, seed: int = 0, *, images: bool = False) -> tuple[list[Product], NDArray[np.intp]]:
    """Return products with such titles, and images where they are wanted, and their classes."""
    texts, labels = titles(rows, seed)
    codes = sorted(WORDS)
    pictures = [picture(codes[label], 1_000 * seed + n) if images else None for n, label in enumerate(labels)]
    return [
        Product(str(n), title=text, image=image) for n, (text, image) in enumerate(zip(texts, pictures, strict=True))
    ], labels


def fitted(rows: int = 120, options: TextOptions = SMALL, *, images: bool = False) -> Classifier:
    """Return a classifier fitted on such products: logistic regression on the text, and on images where there are any."""
    items, labels = products(rows, images=images)
    judged, truth = products(rows, seed=1, images=images)
    family = FAMILIES["logistic"]
    features = TextFeatures(options.config)
    space = fit_text_space(features.counts(items), labels, len(WORDS), options)
    matrix = space.matrix(features.counts(items))
    text = family.fit(matrix, labels, len(WORDS), family.options(), seed=1, jobs=1)
    components = [Component("text-logistic", "logistic", "text", text)]
    scores, usable = [text.scores(space.matrix(features.counts(judged)))], [np.ones(rows, np.bool_)]
    looks = None
    if images:
        looks = ImageFeatures.learn([item.image for item in items if item.image], ImageConfig(), seed=1)
        image = family.fit(
            looks.rows([item.image for item in items]).values, labels, len(WORDS), family.options(), seed=1, jobs=1
        )
        components.append(Component("image-logistic", "logistic", "image", image))
        scores.append(image.scores(looks.rows([item.image for item in judged]).values))
        usable.append(np.ones(rows, np.bool_))
    prior = (np.bincount(labels, minlength=len(WORDS)) / rows).astype(np.float32)
    fusion = fit_fusion(scores, usable, truth, prior, modalities=[one.modality for one in components])
    made = Classifier(len(WORDS), space, looks, tuple(components), fusion)
    # As a loader has it: weights are rounded when they are written.
    return Classifier.from_parts(*made.to_parts(), len(WORDS))


def decisions(model: Classifier) -> Decisions:
    """Return prediction sets of nine in ten, and a review of whatever is less sure than 0.6."""
    judged, truth = products(200, seed=2)
    sets = fit_conformal(model.answer(judged).probabilities, truth, coverage=0.9)
    return Decisions(sets, thresholds_by_cost(len(WORDS), wrong=1.0, review=0.4))


def parts(**changes: object) -> BundleParts:
    """Return the parts of a bundle of such a classifier, with some changed."""
    model = changes.pop("model", None) or fitted()
    assert isinstance(model, Classifier)
    made = BundleParts(
        model=model,
        decisions=decisions(model),
        categories={code: f"Category {code}" for code in sorted(WORDS)},
        level=None,
        metrics={"gold": {"weighted_f1": {"value": 0.9}}},
        profile={"rows": 120},
        card="# Card\n",
        examples=products(60, images=model.image is not None)[0],
        snapshot="5" * 64,
        configuration="c" * 64,
        commit="unknown",
    )
    return replace(made, **changes)  # type: ignore[arg-type]
