"""Torch, asked for when a net is fitted and not before: it is an extra that most do without."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from aisle.errors import TrainingError

_HINT = "Install it with `pip install 'aisle[deep]'`, or leave deep out of the families."


def refuse_without_torch() -> None:
    """Say early that a deep net cannot be fitted here; nothing is imported.

    Raises:
        TrainingError: Torch is not installed.
    """
    if find_spec("torch") is None:
        raise TrainingError("The family deep needs torch, which is not installed.", hint=_HINT)


def imported_torch() -> Any:
    """Return the module torch.

    Raises:
        TrainingError: Torch is not installed, or cannot be loaded.
    """
    refuse_without_torch()
    try:
        import torch
    except (ImportError, OSError) as error:
        raise TrainingError(f"The family deep needs torch, which cannot be loaded ({error}).", hint=_HINT) from error
    return torch


@contextmanager
def repeatable(torch: Any) -> Iterator[None]:
    """Have torch use one thread and only algorithms that repeat themselves, and put back what was set before.

    Sums of several threads depend on their number. On a GPU some sums have no fixed order whatever is set, so there two fits
    may differ in the last digits; everything random is drawn on the CPU, on either.

    Args:
        torch: The module.
    """
    threads, exact = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    # On a GPU the switch is an error without a variable that has to be set before the process starts.
    torch.use_deterministic_algorithms(not torch.cuda.is_available())
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(exact)
        torch.set_num_threads(threads)
