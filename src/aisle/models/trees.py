"""Growing the trees of a forest on sparse and dense features, in compiled code.

A split asks whether a column's value is above a threshold. Columns that are mostly zero (n-grams) are asked whether they
are there at all; dense ones (features of an image) are asked with a random threshold, as extremely randomised trees do
(Geurts et al., "Extremely randomized trees", 2006). Of the candidates drawn for a node that one is taken which leaves the
least Gini impurity; where none divides the rows, the node is a leaf. So a node of few rows, in which most n-grams do not
occur at all, keeps a mixture of classes rather than being split by whatever divides it, which makes better probabilities.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aisle.features.ngrams import compiled
from aisle.models.family import Floats

Grown: TypeAlias = tuple[NDArray[np.int32], Floats, NDArray[np.int64], NDArray[np.int32], Floats]
"""A tree in preorder: the column of each node (-1 at a leaf), the threshold of each node, where each leaf's classes begin
in the two last arrays, these classes, and their shares."""

_A, _B, _C = np.uint64(12), np.uint64(25), np.uint64(27)
_MIX = np.uint64(0x2545F4914F6CDD1D)
_TOP = np.uint64(33)

_OFTEN = 20


@compiled
def grow(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    dense: Floats,
    names: NDArray[np.int32],
    labels: NDArray[np.int32],
    counts: Floats,
    sparse_columns: int,
    classes: int,
    tries: int,
    least: int,
    seed: int,
) -> Grown:
    """Grow one tree; a plain call of compiled code.

    Args:
        indptr: Where each row's sparse entries begin, (rows + 1,).
        indices: The columns of the sparse entries.
        dense: Values of the dense columns, one after the other, (dense columns, rows).
        names: What each dense column is called in the outcome, (dense columns,).
        labels: Each row's class, (rows,).
        counts: What each row counts, (rows,).
        sparse_columns: Sparse columns are below this number.
        classes: How many classes there are.
        tries: How many candidates are drawn for a split.
        least: A leaf holds so many rows at least.
        seed: Of the random numbers, positive.
    """
    state, n = np.array([seed], np.uint64), labels.size
    rows, spare = np.arange(n, dtype=np.int32), np.empty(n, np.int32)
    features, thresholds = np.full(2 * n, -1, np.int32), np.zeros(2 * n, np.float32)
    starts, leaf_classes, leaf_shares = np.zeros(n + 1, np.int64), np.empty(n, np.int32), np.empty(n, np.float32)
    nodes = leaves = used = 0
    stack, waiting = np.zeros((n + 1, 2), np.int64), 1
    stack[0, 1] = n
    slot_of, candidates, limits = np.zeros(sparse_columns, np.int32), np.empty(tries, np.int32), np.empty(tries, np.float32)
    inside, inside_rows = np.zeros((tries, classes), np.float32), np.zeros(tries, np.int64)
    whole, present = np.zeros(classes, np.float32), np.empty(classes, np.int32)
    while waiting:
        waiting -= 1
        first, last = stack[waiting]
        node = rows[first:last]
        kinds = _weigh_classes(node, labels, counts, whole, present)
        best = -1
        if kinds > 1 and node.size >= 2 * least:
            drawn = _draw_candidates(state, node, dense, sparse_columns, slot_of, candidates, limits)
            inside_rows[:drawn] = 0
            _clear(inside[:drawn], present[:kinds])
            _count_sparse(node, indptr, indices, labels, counts, slot_of, inside, inside_rows)
            for slot in range(drawn):
                if candidates[slot] < sparse_columns:
                    slot_of[candidates[slot]] = 0
                else:
                    line = dense[candidates[slot] - sparse_columns]
                    _count_dense(node, line, limits[slot], labels, counts, inside[slot], inside_rows[slot : slot + 1])
            best = _purest(drawn, inside, inside_rows, whole, present[:kinds], node.size, least)
        if best < 0:
            total = whole.sum()
            for kind in range(kinds):
                leaf_classes[used + kind] = present[kind]
                leaf_shares[used + kind] = whole[present[kind]] / total
            used += kinds
            leaves += 1
            starts[leaves] = used
        else:
            column, place = candidates[best], candidates[best] - sparse_columns
            features[nodes] = column if place < 0 else names[place]
            if place < 0:
                below = _divide_sparse(node, indptr, indices, column, spare)
            else:
                below = _divide_dense(node, dense[place], limits[best], spare)
            thresholds[nodes] = limits[best]
            # What is not above the threshold is taken up next: preorder.
            stack[waiting, 0], stack[waiting, 1] = first + below, last
            stack[waiting + 1, 0], stack[waiting + 1, 1] = first, first + below
            waiting += 2
        nodes += 1
    # Copies: a slice would keep the room of the largest tree that there could be, for every tree of the forest.
    return (
        features[:nodes].copy(),
        thresholds[:nodes].copy(),
        starts[: leaves + 1].copy(),
        leaf_classes[:used].copy(),
        leaf_shares[:used].copy(),
    )


@compiled
def _weigh_classes(
    node: NDArray[np.int32], labels: NDArray[np.int32], counts: Floats, whole: Floats, present: NDArray[np.int32]
) -> int:
    """Set what the rows of each class count together and which classes there are; return how many."""
    whole[:] = 0
    kinds = 0
    for row in node:
        if whole[labels[row]] == 0:
            present[kinds] = labels[row]
            kinds += 1
        whole[labels[row]] += counts[row]
    return kinds


@compiled
def _clear(inside: Floats, present: NDArray[np.int32]) -> None:
    # Only the classes of a node are counted and looked at: of hundreds, most nodes hold a few.
    for slot in range(inside.shape[0]):
        for kind in present:
            inside[slot, kind] = 0


@compiled
def _draw(state: NDArray[np.uint64], below: int) -> int:
    # xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016).
    x = state[0]
    x ^= x >> _A
    x ^= x << _B
    x ^= x >> _C
    state[0] = x
    return np.int64((x * _MIX) >> _TOP) % below  # type: ignore[return-value]


@compiled
def _draw_candidates(
    state: NDArray[np.uint64],
    node: NDArray[np.int32],
    dense: Floats,
    sparse_columns: int,
    slot_of: NDArray[np.int32],
    candidates: NDArray[np.int32],
    limits: Floats,
) -> int:
    """Draw columns to try, note the slot of each sparse one, counted from 1, and return how many there are."""
    drawn = 0
    # A dense column divides every node and a sparse one few: it is drawn more often, but not to crowd those out.
    often = _OFTEN * dense.shape[0]
    first = candidates.size * often // max(often + max(sparse_columns, often), 1) if sparse_columns else candidates.size
    for number in range(candidates.size):
        if number < first:
            # Two random rows say where between them to cut.
            column = _draw(state, dense.shape[0])
            one = dense[column, node[_draw(state, node.size)]]
            other = dense[column, node[_draw(state, node.size)]]
            if one != other:
                candidates[drawn], limits[drawn] = sparse_columns + column, np.float32(0.5) * (one + other)
                drawn += 1
        else:
            column = _draw(state, sparse_columns)
            if slot_of[column] == 0:
                candidates[drawn], limits[drawn] = column, 0
                drawn += 1
                slot_of[column] = drawn
    return drawn


@compiled
def _count_sparse(
    node: NDArray[np.int32],
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    labels: NDArray[np.int32],
    counts: Floats,
    slot_of: NDArray[np.int32],
    inside: Floats,
    inside_rows: NDArray[np.int64],
) -> None:
    for row in node:
        for entry in range(indptr[row], indptr[row + 1]):
            slot = slot_of[indices[entry]] - 1
            if slot >= 0:
                inside[slot, labels[row]] += counts[row]
                inside_rows[slot] += 1


@compiled
def _count_dense(
    node: NDArray[np.int32],
    line: Floats,
    limit: float,
    labels: NDArray[np.int32],
    counts: Floats,
    inside: Floats,
    inside_rows: NDArray[np.int64],
) -> None:
    for row in node:
        if line[row] > limit:
            inside[labels[row]] += counts[row]
            inside_rows[0] += 1


@compiled
def _purest(
    drawn: int,
    inside: Floats,
    inside_rows: NDArray[np.int64],
    whole: Floats,
    present: NDArray[np.int32],
    size: int,
    least: int,
) -> int:
    """Return the candidate of the least Gini impurity, weighted by what the rows count; -1 where none leaves enough rows."""
    best, best_value = -1, np.float32(0)
    for slot in range(drawn):
        if min(inside_rows[slot], size - inside_rows[slot]) < least:
            continue
        above, below, above_squares, below_squares = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for kind in present:
            one = inside[slot, kind]
            two = max(whole[kind] - one, np.float32(0))
            above += one
            below += two
            above_squares += one * one
            below_squares += two * two
        value = above_squares / above + below_squares / max(below, np.float32(1e-12))
        if value > best_value:
            best, best_value = slot, value
    return best


@compiled
def _divide_sparse(
    node: NDArray[np.int32], indptr: NDArray[np.int64], indices: NDArray[np.int32], column: int, spare: NDArray[np.int32]
) -> int:
    """Move the rows that have a column behind those that have not, and return how many those are; the order stays."""
    below, above = 0, 0
    for row in node:
        has = False
        for entry in range(indptr[row], indptr[row + 1]):
            if indices[entry] == column:
                has = True
                break
        if has:
            spare[above] = row
            above += 1
        else:
            node[below] = row
            below += 1
    for place in range(above):
        node[below + place] = spare[place]
    return below


@compiled
def _divide_dense(node: NDArray[np.int32], line: Floats, limit: float, spare: NDArray[np.int32]) -> int:
    below, above = 0, 0
    for row in node:
        if line[row] > limit:
            spare[above] = row
            above += 1
        else:
            node[below] = row
            below += 1
    for place in range(above):
        node[below + place] = spare[place]
    return below
