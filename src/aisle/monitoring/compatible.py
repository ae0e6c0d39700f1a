"""Drift as the library Evidently computes it, for whoever moves here with thresholds tuned there.

Its bins are not ours: equal widths over reference and window together (Sturges' rule) for numbers of more than twenty
values, so one outlier moves all of them; no smoothing but a small share for bins that are empty; Jensen-Shannon in natural
logarithms, whose maximum is 0.8326. Nothing here judges anything: thresholds made for these figures are their owner's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.errors import MonitoringError
from aisle.monitoring.distances import wasserstein

_NUMERIC_VALUES = 20
_LEAST = 0.0001
_LEAST_NORM = 0.001

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CompatibleDrift:
    """Evidently's figures.

    Args:
        psi: Its `psi`.
        kl: Its `kl_div`: the reference from the window, the other way round than ours.
        js: Its `jensenshannon`.
        wasserstein: Its `wasserstein`, over the reference's standard deviation; nothing for categories.
    """

    psi: float
    kl: float
    js: float
    wasserstein: float | None


def number_drift(reference: NDArray[Any], window: NDArray[Any]) -> CompatibleDrift:
    """Return Evidently's figures for numbers.

    Args:
        reference: Finite numbers, at least one.
        window: Finite numbers, at least one.

    Raises:
        MonitoringError: One side is empty, or not finite.
    """
    before, now = (np.asarray(values, np.float64) for values in (reference, window))
    if not (len(before) and len(now) and np.isfinite(before).all() and np.isfinite(now).all()):
        raise MonitoringError("Both sides need finite numbers.", hint="Leave missing and infinite ones out.")
    if len(np.unique(before)) > _NUMERIC_VALUES:
        edges = np.histogram_bin_edges(np.concatenate([before, now]), bins="sturges")
        q, p = (np.histogram(values, edges)[0] / len(values) for values in (before, now))
    else:
        q, p = _shares(before.tolist(), now.tolist())
    norm = max(float(before.std()), _LEAST_NORM)
    return _drift(q, p, wasserstein(now, before) / norm)


def category_drift(reference: Sequence[str], window: Sequence[str]) -> CompatibleDrift:
    """Return Evidently's figures for categories.

    Args:
        reference: Categories, at least one.
        window: Categories, at least one.

    Raises:
        MonitoringError: One side is empty.
    """
    if not reference or not window:
        raise MonitoringError("Both sides need categories.", hint="Leave missing ones out.")
    return _drift(*_shares(reference, window), None)


def _shares(reference: Sequence[Any], window: Sequence[Any]) -> tuple[Floats, Floats]:
    places = {value: place for place, value in enumerate(dict.fromkeys([*reference, *window]))}
    counts = (
        np.bincount([places[value] for value in values], minlength=len(places)) / len(values)
        for values in (reference, window)
    )
    q, p = counts
    return q, p


def _drift(q: Floats, p: Floats, distance: float | None) -> CompatibleDrift:
    middle = (q + p) / 2
    divergence = (_relative(q, middle) + _relative(p, middle)) / 2
    before, now = _filled(q), _filled(p)
    # Its KL spreads what was filled in evenly over all bins before it compares.
    ours, theirs = before / before.sum(), now / now.sum()
    return CompatibleDrift(
        psi=float(np.dot(before - now, np.log(before / now))),
        kl=float(_relative(ours, theirs)),
        js=float(np.sqrt(max(divergence, 0.0))),
        wasserstein=distance,
    )


def _relative(p: Floats, q: Floats) -> float:
    there = p > 0
    return float(np.dot(p[there], np.log(p[there] / q[there])))


def _filled(shares: Floats) -> Floats:
    least = float(shares[shares > 0].min())
    return np.where(shares == 0, least / 10**6 if least <= _LEAST else _LEAST, shares)
