"""Trees are those that plain Python grows from the same random numbers."""

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from aisle.models.trees import grow
from tests.unit.models.problems import dense_problem, text_problem

F = np.float32
MASK = (1 << 64) - 1


class Plain:
    """The same trees by another way: recursion, sets of rows, and a Gini impurity written as it is defined."""

    def __init__(
        self, sparse: np.ndarray, dense: np.ndarray, names: list[int], labels, counts, tries, least, seed, choices
    ) -> None:
        self.choices = choices
        self.sparse, self.dense, self.names = sparse, dense, names
        self.labels, self.counts, self.tries, self.least, self.state = labels, counts, tries, least, seed
        self.features: list[int] = []
        self.thresholds: list[float] = []
        self.leaves: list[dict[int, float]] = []
        self.rows_of_leaves: list[list[int]] = []
        self._node(list(range(len(labels))))

    def _draw(self, below: int) -> int:
        x = self.state
        x ^= x >> 12
        x ^= x << 25 & MASK
        x ^= x >> 27
        self.state = x
        return ((x * 0x2545F4914F6CDD1D & MASK) >> 33) % below

    def _candidates(self, rows: list[int]) -> list[tuple[str, int, float]]:
        wide, many = self.sparse.shape[1], len(self.dense)
        often = 20 * many
        first = self.tries * often // max(often + max(wide, often), 1) if wide else self.tries
        found: list[tuple[str, int, float]] = []
        for number in range(self.tries):
            if number < first:
                column = self._draw(many)
                one = self.dense[column, rows[self._draw(len(rows))]]
                other = self.dense[column, rows[self._draw(len(rows))]]
                if one != other:
                    found.append(("dense", column, F(0.5) * (one + other)))
            else:
                column = self._draw(wide)
                if ("sparse", column, 0.0) not in found:
                    found.append(("sparse", column, 0.0))
        return found

    def _above(self, candidate: tuple[str, int, float], row: int) -> bool:
        kind, column, limit = candidate
        return bool(self.dense[column, row] > limit) if kind == "dense" else bool(self.sparse[row, column] != 0)

    def _name(self, candidate: tuple[str, int, float]) -> int:
        return self.names[candidate[1]] if candidate[0] == "dense" else candidate[1]

    def _impurity(self, rows: list[int]) -> float:
        weight = sum(float(self.counts[row]) for row in rows)
        shares = [
            sum(float(self.counts[row]) for row in rows if self.labels[row] == label) / weight for label in set(self.labels)
        ]
        return weight * (1 - sum(share**2 for share in shares))

    def _node(self, rows: list[int]) -> None:
        found = {}
        if len({int(self.labels[row]) for row in rows}) > 1 and len(rows) >= 2 * self.least:
            for candidate in self._candidates(rows):
                above = [row for row in rows if self._above(candidate, row)]
                below = [row for row in rows if not self._above(candidate, row)]
                if min(len(above), len(below)) >= self.least:
                    found.setdefault(
                        (self._name(candidate), float(candidate[2])),
                        (self._impurity(above) + self._impurity(below), below, above),
                    )
        best = min(found, key=lambda split: found[split][0], default=None)
        # Where several are as pure, rounding may choose: then its choice is followed.
        theirs = self.choices[len(self.features)] if len(self.features) < len(self.choices) else None
        if theirs in found and found[theirs][0] < found[best][0] + 1e-4:
            best = theirs
        if best is None:
            weight = sum(float(self.counts[row]) for row in rows)
            kinds = dict.fromkeys(int(self.labels[row]) for row in rows)
            self.features.append(-1)
            self.thresholds.append(0)
            self.leaves.append(
                {k: sum(float(self.counts[row]) for row in rows if self.labels[row] == k) / weight for k in kinds}
            )
            self.rows_of_leaves.append(rows)
            return
        self.features.append(best[0])
        self.thresholds.append(best[1])
        _, below, above = found[best]
        self._node(below)
        self._node(above)


def grown(sparse: np.ndarray, dense: np.ndarray, names: list[int], labels, counts, classes, tries, least, seed) -> Any:
    matrix = csr_matrix(sparse, dtype=np.float32)
    return grow(
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32),
        np.ascontiguousarray(dense, np.float32),
        np.array(names, np.int32),
        labels.astype(np.int32),
        counts.astype(np.float32),
        matrix.shape[1],
        classes,
        tries,
        least,
        seed,
    )


def some(kind: str, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[int], np.ndarray, np.ndarray]:
    """Return sparse and dense columns, names, labels, and counts that are powers of two, so that sums are exact."""
    generator = np.random.default_rng(seed)
    texts, labels = text_problem(rows, 30, classes=3, seed=seed)
    pictures, _ = dense_problem(rows, 4, seed=seed)
    counts = generator.choice([0.5, 1.0, 2.0], 3)[labels]
    sparse = texts.toarray() if kind != "dense" else np.zeros((rows, 0))
    dense = pictures.T if kind != "sparse" else np.zeros((0, rows), np.float32)
    if kind == "both":
        sparse = np.concatenate([sparse, np.zeros((rows, 4))], axis=1)
    first = max(sparse.shape[1] - len(dense), 0)
    return sparse, dense, list(range(first, first + len(dense))), labels, counts


@pytest.mark.parametrize("kind", ["sparse", "dense", "both"])
@pytest.mark.parametrize(("tries", "least"), [(1, 1), (6, 1), (40, 1), (12, 4)])
@pytest.mark.parametrize("seed", [1, 2**61 + 7])
def test_a_tree_is_that_of_plain_python(kind: str, tries: int, least: int, seed: int) -> None:
    sparse, dense, names, labels, counts = some(kind, 60, seed % 97)
    features, thresholds, starts, kinds, shares = grown(sparse, dense, names, labels, counts, 3, tries, least, seed)
    choices = list(zip(features.tolist(), thresholds.tolist(), strict=True))
    plain = Plain(sparse, dense, names, labels, counts, tries, least, seed, choices)
    assert features.tolist() == plain.features
    assert np.array_equal(thresholds, np.array(plain.thresholds, np.float32))
    assert starts.size - 1 == len(plain.leaves) == (features == -1).sum()
    for leaf, expected in enumerate(plain.leaves):
        own = slice(starts[leaf], starts[leaf + 1])
        assert kinds[own].tolist() == list(expected)
        assert shares[own] == pytest.approx(list(expected.values()), abs=1e-6)
    assert starts[-1] == kinds.size == shares.size


@pytest.mark.parametrize("kind", ["sparse", "dense", "both"])
@pytest.mark.parametrize("least", [1, 3, 10, 31])
def test_no_leaf_holds_fewer_rows_than_it_must(kind: str, least: int) -> None:
    sparse, dense, names, labels, counts = some(kind, 90, 5)
    features, thresholds, _, _, _ = grown(sparse, dense, names, labels, counts, 3, 50, least, 9)
    held = {}
    for row in range(90):
        node = 0
        while features[node] >= 0:
            node = right_of(features, node) if asked(sparse, dense, names, features, thresholds, node, row) else node + 1
        held[node] = held.get(node, 0) + 1
    assert sorted(held) == np.flatnonzero(features == -1).tolist()
    assert min(held.values()) >= least
    assert len(held) > 1 or least == 31


def asked(sparse, dense, names, features, thresholds, node, row) -> bool:
    column = features[node]
    if len(dense) and column in names:
        return bool(dense[names.index(column), row] > thresholds[node])
    return bool(sparse[row, column] > thresholds[node])


def right_of(features: np.ndarray, node: int) -> int:
    open_ends, at = 1, node + 1
    while open_ends:
        open_ends += 1 if features[at] >= 0 else -1
        at += 1
    return at


def test_of_two_columns_the_purer_one_is_asked_first() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1])
    clean, noisy = [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1]
    for sparse, expected in ((np.array([clean, noisy]).T, 0), (np.array([noisy, clean]).T, 1)):
        features, _, starts, kinds, shares = grown(sparse, np.zeros((0, 6)), [], labels, np.ones(6), 2, 30, 1, 3)
        assert features.tolist() == [expected, -1, -1]
        assert starts.tolist() == [0, 1, 2]
        assert kinds.tolist() == [0, 1]
        assert shares.tolist() == [1, 1]


def test_what_rows_count_decides_which_column_is_purer() -> None:
    # The first column keeps class 1 together, the second class 2: which matters more is what their rows count.
    labels = np.array([0, 0, 1, 1, 2, 2])
    sparse = np.array([[0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]]).T
    for counts, expected in (([1, 1, 4, 4, 1, 1], 0), ([1, 1, 1, 1, 4, 4], 1)):
        features, *_ = grown(sparse, np.zeros((0, 6)), [], labels, np.array(counts), 3, 30, 1, 3)
        assert features[0] == expected


def test_a_leaf_holds_what_its_rows_count() -> None:
    labels, counts = np.array([2, 0, 2, 2]), np.array([0.5, 3, 0.5, 1])
    features, _, starts, kinds, shares = grown(np.zeros((4, 2)), np.zeros((0, 4)), [], labels, counts, 3, 5, 1, 1)
    assert features.tolist() == [-1]
    assert dict(zip(kinds.tolist(), shares.tolist(), strict=True)) == {2: pytest.approx(0.4), 0: pytest.approx(0.6)}
    assert starts.tolist() == [0, 2]


def test_constant_and_equal_columns_divide_nothing() -> None:
    dense = np.array([np.full(8, 3.5), np.full(8, -1)])
    features, *_ = grown(np.zeros((8, 0)), dense, [0, 1], np.arange(8) % 2, np.ones(8), 2, 40, 1, 1)
    assert features.tolist() == [-1]


def test_neighbouring_numbers_do_not_make_empty_leaves() -> None:
    # Half way between two floats that are next to each other lies one of them.
    low, high = F(1), np.nextafter(F(1), F(2))
    huge = F(3e38)
    for dense in (np.array([[low, high] * 4]), np.array([[huge, F(2.9e38)] * 4])):
        features, _, starts, kinds, _ = grown(np.zeros((8, 0)), dense, [0], np.arange(8) % 2, np.ones(8), 2, 40, 1, 1)
        assert (np.diff(starts) > 0).all()
        assert (features == -1).sum() == starts.size - 1 == kinds.size or features.size == 1


def test_another_seed_makes_another_tree() -> None:
    own = some("both", 90, 5)
    first, again, other = (grown(*own, 3, 4, 1, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_with_hundreds_of_classes_nothing_is_left_over_from_other_nodes() -> None:
    # Counts of a node must not be seen by the next one: each class has its column, so every tree ends pure.
    labels = np.tile(np.arange(200), 3)
    sparse = np.eye(200)[labels]
    features, _, _, kinds, shares = grown(sparse, np.zeros((0, 600)), [], labels, np.ones(600), 200, 2_000, 1, 5)
    assert (features == -1).sum() == 200
    assert sorted(kinds.tolist()) == list(range(200))
    assert (shares == 1).all()
