"""What halving finds, and at what cost, on learning curves that cross each other and whose best is known."""

import numpy as np
import pytest

from aisle.training.search import Budget, plan_search, run_search
from tests.unit.training.search.curves import Curves, candidates

WORLDS = 12


@pytest.mark.parametrize(
    ("per_bracket", "rows", "budget", "cost"),
    [(9, 18_000, 0.42, 0.36), (27, 54_000, 0.20, 0.16)],
    ids=["a third of the grid", "a sixth of the grid"],
)
@pytest.mark.parametrize("noise", [0.0, 0.004])
def test_nearly_the_best_for_a_fraction_of_the_grid(per_bracket: int, rows: int, budget: float, cost: float, noise: float):
    """The thing to beat is what the same cost finds by trying fewer candidates, each on all rows."""
    tried = candidates(per_bracket)
    grid = plan_search(tried, rows, Budget(10**6), jobs=2, seed=1).seconds
    plan = plan_search(tried, rows, Budget(int(grid * budget)), jobs=2, seed=1)
    assert plan.left_out == ()
    best_of_all, of_brackets, by_chance = [], [], []
    for world in range(WORLDS):
        curves = Curves(noise=noise, world=world)
        outcome = run_search(plan, curves, jobs=1)
        spent = sum(plan.candidates[a.trial].cost_at(plan.rungs[a.rung].share) for a in outcome.attempts)
        assert spent <= cost * plan.grid_core_seconds
        best_of_all.append(max(curves.truth(c.trial) for c in tried) - curves.truth(outcome.best.trial))
        for bracket, winner in outcome.winners.items():
            own = [c.trial for c in tried if c.trial.bracket == bracket]
            best = max(map(curves.truth, own))
            of_brackets.append(best - curves.truth(winner.trial))
            drawn = own[:: round(1 / cost)]
            by_chance.append(best - curves.truth(max(drawn, key=lambda trial: curves(trial, 1.0, plan.seed).score)))
    assert np.quantile(best_of_all, 0.9) <= 0.004
    assert np.mean(of_brackets) <= 0.006
    assert np.mean(of_brackets) < np.mean(by_chance) / 3
