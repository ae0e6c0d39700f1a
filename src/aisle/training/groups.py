"""Which rows belong together: the same title, nearly the same title, or the same image.

Titles are compared as sets of shingles, their words and the groups of three characters inside each word. Two titles are
near duplicates when their sets' Jaccard similarity is at least `SIMILARITY`. Candidates come from MinHash in bands
(Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3) and each is checked exactly; a pair at the
threshold is overlooked with a probability of (1 - 0.8**5)**25, one in 20,000.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from aisle.features.ngrams import count_ngrams

SIMILARITY = 0.8
"""Jaccard similarity from which two titles are near duplicates."""

_SHINGLES = (1, 1, 3, 3, 28)
_BANDS, _BAND = 25, 5
_SEED = 1
# Titles that share a band, in alphabetical order, are compared with so many that follow; in a longer run likeness
# carries on from neighbour to neighbour.
_NEIGHBOURS = 40
_DIGESTS_AT_ONCE = 4_096
_PAIRS_AT_ONCE = 65_536

Indices = NDArray[np.int64]


def duplicate_groups(titles: Sequence[str], images: Sequence[str | None]) -> Indices:
    """Return the number of each row's group; rows that must not be parted share one.

    Args:
        titles: Each row's normalised title; an empty one is like no other.
        images: Each row's image by its sha256; `None` is like no other.
    """
    rows = len(titles)
    distinct, of_row = np.unique(np.asarray(titles, dtype=object).astype(str), return_inverse=True)
    clusters = near_duplicates(distinct.tolist())[of_row]
    shas, image = np.unique(np.asarray([sha or "" for sha in images], dtype=str), return_inverse=True)
    titled = np.flatnonzero([bool(title) for title in titles])
    pictured = np.flatnonzero([bool(sha) for sha in images])
    # Rows, clusters of titles and images are the nodes of one graph; its connected parts are the groups.
    first = np.concatenate([titled, pictured])
    second = np.concatenate([rows + clusters[titled], rows + len(distinct) + image[pictured]])
    return _components(rows + len(distinct) + len(shas), first, second)[:rows]


def near_duplicates(titles: Sequence[str]) -> Indices:
    """Return the number of each title's cluster, of distinct normalised titles in alphabetical order."""
    clusters = np.arange(len(titles))
    shingles = _shingles(titles)
    sizes = np.diff(shingles.indptr)
    digests = _digests(shingles)
    firsts, seconds = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for band in range(_BANDS):
        first, second = _candidates(digests[:, band * _BAND : (band + 1) * _BAND])
        # What an earlier band has joined needs no second look, and an empty title is like no other.
        new = (clusters[first] != clusters[second]) & (sizes[first] > 0) & (sizes[second] > 0)
        first, second = first[new], second[new]
        alike = _similarity(shingles, sizes, first, second) >= SIMILARITY
        firsts.append(first[alike])
        seconds.append(second[alike])
        clusters = _components(len(titles), np.concatenate(firsts), np.concatenate(seconds))
    return clusters


def _shingles(titles: Sequence[str]) -> csr_array:
    """Return which shingles are in which title, ones of (titles, shingles that occur)."""
    counts = count_ngrams(list(titles), _SHINGLES)
    # As few columns as there are shingles: products of sparse matrices take memory for every column.
    buckets, columns = np.unique(counts.indices, return_inverse=True)
    ones = np.ones(len(columns), np.float32)
    shingles = csr_array((ones, columns, counts.indptr), shape=(len(titles), max(len(buckets), 1)))
    shingles.sort_indices()
    return shingles


def _digests(shingles: csr_array) -> NDArray[np.uint32]:
    """Return the MinHash digest of each row, (rows, bands * band)."""
    parts = [np.empty((0, _BANDS * _BAND), np.uint32)]
    for start in range(0, shingles.shape[0], _DIGESTS_AT_ONCE):
        offsets = shingles.indptr[start : start + _DIGESTS_AT_ONCE + 1]
        tokens = shingles.indices[offsets[0] : offsets[-1]].astype(np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(
            tokens, (offsets - offsets[0]).astype(np.uint64), _BANDS * _BAND, _SEED
        )
        parts.append(np.asarray(matrix.to_rows(), dtype=np.uint32))
    return np.concatenate(parts)


def _candidates(band: NDArray[np.uint32]) -> tuple[Indices, Indices]:
    """Return pairs of rows that agree in a band of their digests."""
    _, keys = np.unique(band, axis=0, return_inverse=True)
    keys = keys.reshape(-1)
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    firsts, seconds = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for distance in range(1, _NEIGHBOURS + 1):
        same = np.flatnonzero(ranked[:-distance] == ranked[distance:])
        if not same.size:
            break
        firsts.append(order[same])
        seconds.append(order[same + distance])
    return np.concatenate(firsts), np.concatenate(seconds)


def _similarity(shingles: csr_array, sizes: Indices, first: Indices, second: Indices) -> NDArray[np.float64]:
    """Return the Jaccard similarity of each pair of rows: shingles in both, by shingles in either."""
    shared = np.empty(len(first))
    for start in range(0, len(first), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        shared[part] = shingles[first[part]].multiply(shingles[second[part]]).sum(axis=1)
    similarity: NDArray[np.float64] = shared / (sizes[first] + sizes[second] - shared)
    return similarity


def _components(nodes: int, first: Indices, second: Indices) -> Indices:
    """Return the number of each node's connected part, given edges by their two ends."""
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(nodes, nodes))
    labels: Indices = connected_components(graph, directed=False)[1].astype(np.int64)
    return labels
