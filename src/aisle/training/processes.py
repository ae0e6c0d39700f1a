"""Fits side by side on several processes; a single one works in this."""

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from joblib import Parallel


def side_by_side(work: Iterable[Any], jobs: int) -> Iterator[Any]:
    """Do delayed calls in so many processes, and yield what each returned, in their order.

    Args:
        work: Calls that `joblib.delayed` made.
        jobs: Processes at once.
    """
    with warnings.catch_warnings():
        # A worker whose memory grew by a large fit is replaced by a fresh one, which is what we want, and told as a leak.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
        yield from Parallel(n_jobs=jobs, return_as="generator")(work)
