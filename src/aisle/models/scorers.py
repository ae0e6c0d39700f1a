"""From what a bundle's schema says to the classifier that it names; a family's library is imported when one is loaded."""

from collections.abc import Mapping
from typing import Any

from aisle.errors import BundleError
from aisle.models.family import Files, Scorer


def load_scorer(settings: Mapping[str, Any], files: Files, columns: int, classes: int) -> Scorer:
    """Return the classifier that `to_parts` gave.

    Args:
        settings: What the schema says of it.
        files: Its files.
        columns: How many columns its features have.
        classes: How many classes it tells apart.

    Raises:
        BundleError: It is of no known kind, or damaged.
    """
    kind = settings.get("kind")
    if kind == "linear":
        from aisle.models.weights import LinearScorer

        return LinearScorer.from_parts(settings, files, columns, classes)
    if kind == "forest":
        from aisle.models.forest import ForestScorer

        return ForestScorer.from_parts(settings, files, columns, classes)
    if kind == "boosting":
        from aisle.models.boosting import BoostingScorer

        return BoostingScorer.from_parts(settings, files, columns, classes)
    if kind == "neural":
        from aisle.models.deep.scorer import NeuralScorer

        return NeuralScorer.from_parts(settings, files, columns, classes)
    raise BundleError(
        f"The bundle holds a classifier of the kind {kind!r}, which this release of aisle does not know.",
        hint="Use the release that made it.",
    )
