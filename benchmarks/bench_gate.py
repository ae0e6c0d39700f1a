"""How often the gate errs: simulated challengers whose true difference is known, judged as real ones are.

python -m benchmarks.bench_gate

Rows come in the 27 categories' real shares. Two models are right together, alone and wrong together as often as two real
text classifiers are on such rows (`JOINT`), some categories are harder than others, and wrong answers fall mostly on a few
neighbours. To make the challenger better or worse, rows that only one of them has right are moved from one model to the
other; how far is solved for, so the true difference in weighted F1 is exactly the one stated. Each replication then draws a
gold split and asks `aisle.registry.gate.decide` with its defaults.

A challenger can pass in two ways, and both are counted: shown to be better; or not worse by the margin, and smaller (a
challenger of 80 % of the champion's size is judged, and one that passes by being better passes without that as well).
"""

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from math import sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aisle.registry.gate import Scores, decide
from aisle.registry.resample import Paired
from aisle.settings import Training
from benchmarks.reporting import Figure, report
from tests.catalogues import real_catalogues

Numbers = NDArray[np.float64]

JOINT = {"both": 0.70, "one": 0.105, "same": 0.125, "other": 0.07}
"""Rows that both have right, that exactly one has right, that both answer alike and wrong, and wrong in two ways.

Measured on 1,009 rows of 27 categories that neither had learnt from: TF-IDF of words, and of characters, with a linear SVM.
"""

HARDNESS = 1.0
"""Spread of the categories' odds that not both are right, as the deviation of their logarithm: 4 to 57 % of the rows."""

NEIGHBOURS = 1.1
"""Exponent of the shares of a category's wrong answers: a third go to the nearest category, a fifth to the next."""

SEED = 7
ROWS = 8_500
MARGIN = Training().margin
JOBS = 2


@dataclass(frozen=True)
class Case:
    """Challengers of one true difference, on gold splits of one size.

    Args:
        rows: Gold rows.
        difference: True difference in weighted F1.
        replications: How many challengers.
    """

    rows: int
    difference: float
    replications: int


@dataclass(frozen=True)
class Outcome:
    """What became of one challenger: shown better; passed with a smaller bundle; interval; what could be seen; vetoed."""

    better: bool
    smaller: bool
    low: float
    high: float
    detectable: float
    vetoed: bool


@dataclass(frozen=True)
class World:
    """Which triples (correct, challenger's, champion's) there are and how often, but for who is right where one is.

    Args:
        triples: (3, triples) positions of categories.
        shares: (triples,) how often each comes when both are as good as each other; adds up to 1.
        alone: (triples,) 1 where only the challenger is right, -1 where only the champion is, 0 elsewhere.
    """

    triples: NDArray[np.int64]
    shares: Numbers
    alone: Numbers

    def tilted(self, tilt: float) -> Numbers:
        """Return the shares when `tilt` of the champion's lone hits, -1 to 1, have become the challenger's."""
        return self.shares * (1 + tilt * self.alone)

    def difference(self, tilt: float) -> float:
        """Return the true difference in weighted F1, challenger less champion."""
        # Shares as counts of a population so large that rounding is far below what any figure here shows.
        counts = np.rint(self.tilted(tilt) * 1e12).astype(np.int64)
        codes = tuple(str(code) for code in range(int(self.triples.max()) + 1))
        return float(Paired(codes, self.triples, counts).scores().difference[0])

    def tilt_for(self, difference: float) -> float:
        """Return the tilt that gives a difference, found by halving."""
        low, high = -1.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if self.difference(middle) < difference else (low, middle)
        return (low + high) / 2


def category_shares() -> tuple[Numbers, str]:
    """Return the categories' shares and where they are from: the full catalogue's labels, or Zipf's law."""
    folder = real_catalogues()
    file = folder / "rakuten-labels" / "train_ids_labels.csv" if folder else None
    if file is not None and file.is_file():
        counts = pl.read_csv(file)["prdtypecode"].value_counts().sort("prdtypecode")["count"].to_numpy()
        return counts / counts.sum(), "rakuten-labels"
    shares = 1 / np.arange(1, 28) ** 0.7
    return shares / shares.sum(), "Zipf's law with exponent 0.7"


@cache
def world() -> World:
    """Return the two models' world, the same every time."""
    shares, _ = category_shares()
    classes = len(shares)
    generator = np.random.default_rng(SEED)
    hardness = np.exp(HARDNESS * generator.standard_normal(classes))
    # Odds of not being right together, scaled until the whole has as many of those rows as `JOINT` says.
    low, high = 0.0, 100.0
    for _ in range(80):
        scale = (low + high) / 2
        failed = scale * hardness / (1 + scale * hardness)
        low, high = (scale, high) if shares @ failed < 1 - JOINT["both"] else (low, scale)
    rows = []
    for category in range(classes):
        others = generator.permutation(np.delete(np.arange(classes), category))
        wrong = np.arange(1, classes) ** -NEIGHBOURS
        wrong /= wrong.sum()
        mass = shares[category] * failed[category] / (1 - JOINT["both"])
        rows.append((category, category, category, shares[category] * (1 - failed[category]), 0))
        for answer, share in zip(others, wrong, strict=True):
            rows.append((category, category, answer, mass * JOINT["one"] / 2 * share, 1))
            rows.append((category, answer, category, mass * JOINT["one"] / 2 * share, -1))
            rows.append((category, answer, answer, mass * JOINT["same"] * share, 0))
        apart = [
            (a, b, p * q) for a, p in zip(others, wrong, strict=True) for b, q in zip(others, wrong, strict=True) if a != b
        ]
        total = sum(share for *_, share in apart)
        rows += [(category, a, b, mass * JOINT["other"] * share / total, 0) for a, b, share in apart]
    table = np.array(rows)
    return World(table[:, :3].T.astype(np.int64), table[:, 3] / table[:, 3].sum(), table[:, 4])


def replicate(rows: int, tilt: float, seeds: Sequence[int]) -> list[Outcome]:
    """Judge a challenger on a gold split of its own for each seed."""
    here = world()
    shares, outcomes = here.tilted(tilt), []
    names = np.array([str(code) for code in range(int(here.triples.max()) + 1)])
    ids = [str(row) for row in range(rows)]
    for seed in seeds:
        drawn = np.random.default_rng([SEED, rows, seed]).multinomial(rows, shares / shares.sum())
        correct, challenger, champion = (names[part].tolist() for part in np.repeat(here.triples, drawn, axis=1))
        decision = decide(
            Scores(ids, correct, challenger, size_bytes=80), Scores(ids, correct, champion, size_bytes=100), margin=MARGIN
        )
        difference, falls = decision.evidence["difference"], decision.evidence["falls"]
        outcomes.append(
            Outcome(
                better=difference["low"] > 0 and not falls,
                smaller=decision.promote,
                low=difference["low"],
                high=difference["high"],
                detectable=decision.evidence["detectable"],
                vetoed=bool(falls),
            )
        )
    return outcomes


def run(case: Case, pool: ProcessPoolExecutor, first_seed: int) -> list[Outcome]:
    """Judge a case's challengers, on as many processes as the pool has."""
    tilt = world().tilt_for(case.difference)
    seeds = range(first_seed, first_seed + case.replications)
    parts = [seeds[start :: JOBS * 4] for start in range(JOBS * 4)]
    asked = [pool.submit(replicate, case.rows, tilt, part) for part in parts]
    return [outcome for part in asked for outcome in part.result()]


def share(values: Sequence[bool]) -> tuple[float, str]:
    """Return how many of some are true, and the standard error of that in words."""
    part = float(np.mean(values))
    return part * 100, f"% ± {100 * sqrt(part * (1 - part) / len(values)):.1f}"


def figures_of(rows: int, pool: ProcessPoolExecutor, replications: int, *, bars: bool) -> list[Figure]:
    """Return what happens to challengers on gold splits of a size.

    Args:
        rows: Gold rows.
        pool: Processes to work on.
        replications: Challengers of the cases that a bar hangs on; half as many of the others.
        bars: Whether the bars hold for this size.
    """
    equal = run(Case(rows, 0, replications), pool, 0)
    worse = run(Case(rows, -MARGIN, replications), pool, 10_000)
    better = run(Case(rows, 0.02, replications // 2), pool, 20_000)
    seen = float(np.mean([o.detectable for o in equal]))
    just = run(Case(rows, seen, replications // 2), pool, 30_000)
    cases = ((0.0, equal), (-MARGIN, worse), (0.02, better), (seen, just))
    every = [(truth, outcome) for truth, outcomes in cases for outcome in outcomes]
    told: list[tuple[str, Sequence[bool], float | None, bool]] = [
        ("no better, passes", [o.better for o in equal], 5, False),
        ("no better but a fifth smaller, passes", [o.smaller for o in equal], None, True),
        (f"worse by the margin ({MARGIN:g}) but a fifth smaller, passes", [o.smaller for o in worse], 5, False),
        ("2 points better, passes", [o.better for o in better], 95, True),
        ("better by what the decisions call detectable, passes", [o.better for o in just], None, True),
        ("the 95 % interval holds the true difference", [o.low <= t <= o.high for t, o in every], None, True),
        (
            "the difference is within what is detectable",
            [abs(t) <= o.detectable for t, o in every if not o.better],
            None,
            True,
        ),
        ("refused for one category's fall", [o.vetoed for _, o in every], None, True),
    ]
    figures = [Figure(f"{rows:,} gold rows: detectable, in points, mean", 100 * seen)]
    for words, values, bar, higher in told:
        value, unit = share(values)
        figures.append(Figure(f"  {words}", value, unit, bar if bars else None, higher))
    return figures


def main() -> int:
    """Run the simulation and return the exit status."""
    begin = time.perf_counter()
    # One thread each: the processes share the cores already.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(JOBS) as pool:
        figures = figures_of(ROWS, pool, 600, bars=True)
        figures += figures_of(2_000, pool, 200, bars=False)
        figures += figures_of(850, pool, 200, bars=False)
    figures.append(Figure("seconds", time.perf_counter() - begin, "s"))
    _, source = category_shares()
    return report("gate", figures, about={"shares": source, "joint": JOINT, "margin": MARGIN, "seed": SEED})


if __name__ == "__main__":
    sys.exit(main())
