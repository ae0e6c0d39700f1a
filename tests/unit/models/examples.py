"""A small catalogue in which words tell the category, and bundles made from it."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.product import Product
from aisle.features.text import TextConfig, TextFeatures
from aisle.models.bundle import BundleParts
from aisle.models.linear import LinearText
from aisle.models.linear_fit import LinearOptions, fit_linear_text

WORDS = {
    "10": ("roman", "livre", "poche", "tome", "auteur", "edition"),
    "50": ("manette", "console", "cable", "chargeur", "ecran", "jeu"),
    "2583": ("piscine", "pompe", "liner", "filtre", "bache", "spa"),
}
"""The words of each category's titles."""

SMALL = LinearOptions(text=TextConfig(bits=14))
"""Options that fit within a blink."""


def titles(rows: int, seed: int) -> tuple[list[str], NDArray[np.intp]]:
    """Return titles of four words each and their classes, positions in the sorted codes of `WORDS`."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, len(WORDS), rows)
    words = [WORDS[code] for code in sorted(WORDS)]
    return [" ".join([*generator.choice(words[label], 3), str(generator.integers(1000))]) for label in labels], labels


def products(rows: int, seed: int = 0) -> tuple[list[Product], NDArray[np.intp]]:
    """Return products with such titles, and their classes."""
    texts, labels = titles(rows, seed)
    return [Product(str(number), title=text) for number, text in enumerate(texts)], labels


def fitted(rows: int = 120, options: LinearOptions = SMALL) -> LinearText:
    """Return a model fitted on such products."""
    items, labels = products(rows)
    return fit_linear_text(TextFeatures(options.text).counts(items), labels, len(WORDS), options)


def parts(**changes: object) -> BundleParts:
    """Return the parts of a bundle of such a model, with some changed."""
    made = BundleParts(
        model=fitted(),
        categories={code: f"Category {code}" for code in sorted(WORDS)},
        level=None,
        metrics={"gold": {"weighted_f1": {"value": 0.9}}},
        profile={"rows": 120},
        card="# Card\n",
        examples=products(60)[0],
        snapshot="5" * 64,
        configuration="c" * 64,
        commit="unknown",
    )
    return replace(made, **changes)  # type: ignore[arg-type]
