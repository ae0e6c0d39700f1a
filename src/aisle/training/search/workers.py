"""Running trials: in this process, or in several that share the data.

Worker processes are started fresh, not forked: a fork after OpenMP has run can hang. What evaluates is written once to a
temporary folder, and every worker maps its arrays from there, so that the data is in memory once. Workers hold one end of
a pipe; when this process ends, however it ends, they see it close, remove the folder and end themselves.
"""

import math
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, TypeAlias

import joblib
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from aisle.errors import AisleError, TrainingError
from aisle.training.search.trial import Attempt, Trial, TrialResult

Evaluate: TypeAlias = Callable[[Trial, float, int], TrialResult]
"""Tries a trial on a share of the rows with a seed, and says how it did on the validation rows.

With more than one job it goes to other processes: a function or an instance of a class at the top of a module.
"""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Task(NamedTuple):
    """A trial to run on a rung."""

    trial: Trial
    rung: int
    share: float
    seed: int


Run: TypeAlias = Callable[[Iterator[Task]], Iterator[Attempt]]
"""Runs tasks and yields their attempts as they finish; a task is asked for only when a worker is free."""


@contextmanager
def open_workers(evaluate: Evaluate, jobs: int) -> Iterator[Run]:
    """Lend what runs trials, each on one thread; processes are started when the first task comes.

    Args:
        evaluate: Tries one trial.
        jobs: Trials at once; one of them runs in this process.

    Raises:
        TrainingError: A worker process was ended from outside.
    """
    if jobs == 1:
        with threadpool_limits(1):
            yield lambda tasks: (_attempt(evaluate, task) for task in tasks)
        return
    with tempfile.TemporaryDirectory(prefix="aisle-search-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, "evaluate.joblib")
        lifeline, held = multiprocessing.Pipe(duplex=False)
        # A pool for each process: one of several learns of its later processes only by chance, and may miss their death.
        pools = [
            ProcessPoolExecutor(
                1, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(Path(folder), lifeline)
            )
            for _ in range(jobs)
        ]

        def run(tasks: Iterator[Task]) -> Iterator[Attempt]:
            """Hand tasks to the processes."""
            free, busy = list(pools), dict[Future[Attempt], ProcessPoolExecutor]()
            while True:
                while free and (task := next(tasks, None)) is not None:
                    if not path.exists():
                        joblib.dump(evaluate, path)
                    pool = free.pop()
                    busy[pool.submit(_work, path, task)] = pool
                if not busy:
                    return
                for future in wait(busy, return_when=FIRST_COMPLETED).done:
                    free.append(busy.pop(future))
                    yield future.result()

        try:
            yield run
            for pool in pools:
                pool.shutdown()
        except BrokenProcessPool as error:
            raise TrainingError(
                "A worker process of the search was ended from outside, most likely because memory ran out.",
                hint="Run fewer jobs at once, or give the training more memory.",
            ) from error
        finally:
            # Whoever is still at work when an error or Ctrl-C ends the search is not waited for.
            held.close()
            for pool in pools:
                pool.shutdown(cancel_futures=True)
            lifeline.close()


def _begin(folder: Path, lifeline: Connection) -> None:
    """Make a fresh process a worker."""
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline, folder), daemon=True).start()


def _end_with(lifeline: Connection, folder: Path) -> None:
    lifeline.poll(None)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _work(path: Path, task: Task) -> Attempt:
    return _attempt(_loaded(path), task)


@cache
def _loaded(path: Path) -> Evaluate:
    # Copy on write: an evaluation may scale its arrays in place, and no other worker sees it.
    evaluate: Evaluate = joblib.load(path, mmap_mode="c")
    # The variables of `_begin` reach the libraries that are loaded later, this those that the evaluation brought along.
    threadpool_limits(1)
    return evaluate


def _attempt(evaluate: Evaluate, task: Task) -> Attempt:
    """Run a task; what fails on purpose is lost, and everything else is a mistake that goes on."""
    result: TrialResult | None = None
    lost = ""
    start = time.perf_counter()
    try:
        result = evaluate(task.trial, task.share, task.seed)
    except AisleError as error:
        lost = str(error)
    if result is not None and not math.isfinite(result.score):
        lost = f"Its score is {result.score}, which is no number to compare."
        result = None
    return Attempt(task.trial, task.rung, result, lost, time.perf_counter() - start, _peak_bytes())


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
