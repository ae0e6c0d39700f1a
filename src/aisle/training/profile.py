"""What training rows look like from outside: the reference that a catalogue in use is held against."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from aisle.catalog.product import Product
from aisle.features.properties import describe

_DECILES = np.linspace(0, 1, 11)


def reference_profile(products: Sequence[Product], codes: Sequence[str]) -> dict[str, Any]:
    """Return the distributions of some rows, as JSON.

    Lengths are given by their deciles, least and greatest value included (11 numbers, in characters or words).

    Args:
        products: The rows, at least one.
        codes: Their categories.
    """
    found = [describe(product) for product in products]
    return {
        "rows": len(found),
        "category_rows": _counted(codes),
        "language_rows": _counted(properties.language for properties in found),
        "missing_description_share": _share(properties.missing_description for properties in found),
        "html_share": _share(properties.html_residue for properties in found),
        "title_chars": _deciles(properties.title_chars for properties in found),
        "title_words": _deciles(properties.title_words for properties in found),
        "description_chars": _deciles(
            properties.description_chars for properties in found if not properties.missing_description
        ),
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _share(values: Iterable[bool]) -> float:
    return float(np.mean(list(values)))


def _deciles(values: Iterable[int]) -> list[float]:
    numbers = list(values)
    return np.quantile(numbers, _DECILES).tolist() if numbers else []
