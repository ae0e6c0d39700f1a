"""The trace of a request, as what answers it sees it; most servers have none, and then nothing is measured."""

from typing import Protocol

from starlette.types import Scope


class Trace(Protocol):
    """Takes down what a request went through."""

    def span(self, name: str, began: float, ended: float, **attributes: str | int) -> None:
        """Take down one part of it.

        Args:
            name: What it was.
            began: When it began, by `time.perf_counter`.
            ended: When it ended.
            attributes: More about it.
        """
        ...


def trace_of(scope: Scope) -> Trace | None:
    """Return the trace of a request, or `None` where none is kept.

    Args:
        scope: The request's ASGI scope.
    """
    trace: Trace | None = scope["state"].get("trace")
    return trace
