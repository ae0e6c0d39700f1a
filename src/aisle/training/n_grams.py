"""The n-grams that speak most for each category, in letters."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from aisle.features.spelling import spell_buckets
from aisle.models.classifier import Classifier
from aisle.models.family import Labels
from aisle.models.weights import LinearScorer

_LOOKED_AT = 3
"""How many columns are looked at for each n-gram that is told: most of them are parts of one word."""


def heaviest_n_grams(
    model: Classifier, counts: csr_matrix, labels: Labels, texts: Sequence[str], names: Sequence[str], most: int = 15
) -> dict[str, list[tuple[str, float]]]:
    """Return the n-grams of the heaviest weights of each category, heaviest first; none without a linear text component.

    An n-gram that is part of a heavier one of the same category is left out: its weight is mostly the same rows'.

    Args:
        model: The classifier.
        counts: Counted n-grams of rows that it learnt from, (rows, 2**bits).
        labels: The class of each of those rows, (rows,).
        texts: Their normalised texts.
        names: The code of each class.
        most: How many of each category.
    """
    linear = [one for one in model.components if one.modality == "text" and isinstance(one.scorer, LinearScorer)]
    if not linear or model.text is None:
        return {}
    component, space = linear[0], model.text
    assert isinstance(component.scorer, LinearScorer)
    weights = component.scorer.weights * (space.columns.idf * space.scale)[:, np.newaxis]
    known = range(len(names)) if component.known is None else component.known.tolist()
    told = {}
    for place, label in enumerate(known):
        heaviest = np.argsort(-weights[:, place], kind="stable")[: most * _LOOKED_AT]
        heaviest = heaviest[weights[heaviest, place] > 0]
        buckets = space.columns.columns[heaviest]
        rows = np.flatnonzero(labels == label)
        spelt = spell_buckets(
            _texts_with(counts[rows], buckets, [texts[row] for row in rows.tolist()]), buckets.tolist(), space.config.shape
        )
        grams = [
            (spelt[bucket], float(weights[column, place]))
            for bucket, column in zip(buckets.tolist(), heaviest, strict=True)
            if bucket in spelt
        ]
        told[names[label]] = _distinct(grams)[:most]
    return told


def _texts_with(counts: csr_matrix, buckets: NDArray[np.int32], texts: Sequence[str]) -> list[str]:
    """Return a text with each bucket, the shortest that there is."""
    order = np.argsort([len(text) for text in texts], kind="stable").tolist()
    there = counts[order][:, buckets].tocsc()
    firsts = {
        int(there.indices[there.indptr[k] : there.indptr[k + 1]].min())
        for k in range(buckets.size)
        if there.indptr[k] < there.indptr[k + 1]
    }
    return [texts[order[row]] for row in sorted(firsts)]


def _distinct(grams: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    kept: list[tuple[str, float]] = []
    for gram, weight in grams:
        letters = gram.strip("_")
        if not any(letters in other.strip("_") or other.strip("_") in letters for other, _ in kept):
            kept.append((gram, weight))
    return kept
