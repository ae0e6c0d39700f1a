"""Random pairs of columns on which figures are compared with an oracle's."""

from typing import Any

import numpy as np


def random_pairs(count: int, seed: int) -> list[dict[str, Any]]:
    """Return pairs of columns of many kinds: skewed, whole, of few values, with gaps, shifted, of unseen categories."""
    draw = np.random.default_rng(seed)
    return [_pair(draw, number) for number in range(count)]


def _pair(draw: np.random.Generator, number: int) -> dict[str, Any]:
    n, m = draw.integers(30, 1_500, 2).tolist()
    shift = float(draw.choice([0.0, 0.3, 2.0]))
    match number % 6:
        case 0:
            columns = draw.normal(0, 2, n), draw.normal(shift, 2, m)
        case 1:
            columns = draw.lognormal(1, 1.2, n), draw.lognormal(1 + shift, 1, m)
        case 2:
            columns = draw.poisson(40, n), draw.poisson(40 + 9 * shift, m)
        case 3:
            columns = draw.integers(0, 12, n), draw.integers(0, 12 + round(4 * shift), m)
        case _:
            names = [f"category {place}" for place in range(int(draw.integers(2, 40)))]
            weights = draw.dirichlet(np.full(len(names), 0.5))
            others = draw.dirichlet(np.full(len(names) + 1, 0.5)) if shift else np.append(weights, 0.0)
            return {
                "kind": "category",
                "reference": draw.choice(names, n, p=weights).tolist(),
                "window": draw.choice([*names, "unseen"], m, p=others).tolist(),
            }
    reference, window = (column.astype(float).tolist() for column in columns)
    return {"kind": "number", "reference": reference, "window": window}
