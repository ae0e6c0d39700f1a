"""What the order of the review queue is worth: a replay on real products whose labels are withheld.

    start   2,000 labelled rows
    round   200 products are reviewed, by their withheld labels; then logistic regression on text is fitted anew
    rivals  random review, and the queue's order (`aisle.review.order`)

A quarter of the rows is kept apart for judging. Random review goes on for 20 rounds; what counts is how many reviews the
queue's order needs to reach the same weighted F1. Both are means over seeds, which draw the split, the start and chance.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from aisle.features.text import TextFeatures
from aisle.models.calibration import fit_temperature, softmax
from aisle.models.families import FAMILIES
from aisle.models.text_space_fit import TextOptions, fit_text_space
from aisle.review.order import discounted, kind_of, uncertainty
from benchmarks.catalogues import read_challenge
from benchmarks.reporting import Figure, report
from tests.catalogues import real_catalogues

START, ROUND, ROUNDS = 2_000, 200, 20
SEEDS = (1, 2, 3)
GOLD = 0.25
MOST = 0.6
"""Share of random's reviews that the queue's order may need."""


@dataclass(frozen=True)
class Replay:
    """The rows of one replay: their counted texts and classes, those that judge, and those that may be reviewed."""

    counts: csr_matrix
    labels: NDArray[np.intp]
    gold: NDArray[np.intp]
    pool: NDArray[np.intp]

    def fit(self, learnt: NDArray[np.intp], asked: NDArray[np.intp], seed: int) -> NDArray[np.float64]:
        """Return the class probabilities of some rows by a model that has learnt others."""
        classes = int(self.labels.max()) + 1
        space = fit_text_space(self.counts[learnt], self.labels[learnt], classes, TextOptions())
        family = FAMILIES["logistic"]
        matrix = space.matrix(self.counts[learnt])
        fitted = family.fit(matrix, self.labels[learnt], classes, family.options(), seed=seed, jobs=1)
        return fitted.scores(space.matrix(self.counts[asked])).astype(np.float64)

    def f1(self, learnt: NDArray[np.intp], seed: int) -> float:
        """Return the weighted F1 on the rows that judge."""
        return weighted_f1(self.labels[self.gold], self.fit(learnt, self.gold, seed).argmax(axis=1))


def weighted_f1(correct: NDArray[np.intp], answered: NDArray[np.intp]) -> float:
    """Return the F1 of each class, weighted by its rows."""
    classes = max(int(correct.max()), int(answered.max())) + 1
    hits = np.bincount(correct[correct == answered], minlength=classes)
    rows, said = np.bincount(correct, minlength=classes), np.bincount(answered, minlength=classes)
    return float((2 * hits / np.maximum(rows + said, 1) * rows).sum() / rows.sum())


def temperature(replay: Replay, seed: int) -> float:
    """Return how sure the scores of a model that has learnt half of the start are, judged by the other half."""
    half = START // 2
    scores = replay.fit(replay.pool[:half], replay.pool[half:START], seed)
    return fit_temperature(scores, replay.labels[replay.pool[half:START]])


def queue_curve(replay: Replay, seed: int, rounds: int) -> list[float]:
    """Return the weighted F1 after each round of reviews in the queue's order, that of the start first."""
    known, open_ = replay.pool[:START], replay.pool[START:]
    sure, curve = temperature(replay, seed), list[float]()
    for number in range(rounds + 1):
        asked = np.concatenate([replay.gold, open_])
        scores = replay.fit(known, asked, seed)
        curve.append(weighted_f1(replay.labels[replay.gold], scores[: len(replay.gold)].argmax(axis=1)))
        if number == rounds:
            break
        shares = softmax(scores[len(replay.gold) :], sure)
        best = np.argsort(-shares, axis=1)[:, :2]
        two = np.take_along_axis(shares, best, axis=1)
        values = [uncertainty(float(first), float(second)) for first, second in two]
        kinds = [kind_of(str(first), str(second)) for first, second in best]
        order = np.argsort(-discounted(values, kinds), kind="stable")
        known, open_ = np.concatenate([known, open_[order[:ROUND]]]), open_[order[ROUND:]]
    return curve


def main() -> int:
    """Replay, and print the figures."""
    folder = real_catalogues()
    if folder is None:
        print("no real catalogues here (AISLE_TEST_DATA names their folder)")
        return 0
    products, codes = read_challenge(folder / "rakuten-14k")
    labels = np.unique(codes, return_inverse=True)[1].astype(np.intp)
    counts = TextFeatures(TextOptions().config).counts(products)
    started = time.perf_counter()
    most, ours, random = round(ROUNDS * MOST), list[list[float]](), list[tuple[float, float]]()
    for seed in SEEDS:
        order = np.random.default_rng(seed).permutation(len(labels))
        cut = round(GOLD * len(labels))
        replay = Replay(counts, labels, order[:cut], order[cut:])
        ours.append(queue_curve(replay, seed, most))
        same = replay.pool[: START + round(ROUNDS * MOST) * ROUND]
        random.append((replay.f1(same, seed), replay.f1(replay.pool[: START + ROUNDS * ROUND], seed)))
        print(f"seed {seed}: random {random[-1][1]:.4f}, queue {' '.join(f'{value:.4f}' for value in ours[-1])}", flush=True)
    curve, aim = np.mean(ours, axis=0), float(np.mean([last for _, last in random]))
    reached = np.flatnonzero(curve >= aim)
    needed = float(reached[0] * ROUND) if reached.size else float("nan")
    figures = [
        Figure("weighted F1 of the start", float(curve[0])),
        Figure(f"weighted F1 after {ROUNDS * ROUND:,} random reviews", aim),
        Figure(f"weighted F1 after {most * ROUND:,} random reviews", float(np.mean([same for same, _ in random]))),
        Figure(f"weighted F1 after {most * ROUND:,} reviews in the queue's order", float(curve[-1])),
        Figure("reviews in the queue's order for the same", needed, "reviews"),
        Figure("share of random's reviews", needed / (ROUNDS * ROUND), "", MOST, higher_is_better=False),
        Figure("time", time.perf_counter() - started, "s"),
    ]
    return report("review", figures, about={"rows": len(labels), "start": START, "round": ROUND, "seeds": list(SEEDS)})


if __name__ == "__main__":
    sys.exit(main())
