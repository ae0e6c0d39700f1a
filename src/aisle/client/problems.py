"""What can go wrong between a client and a server, as exceptions."""

import msgspec

from aisle.errors import AisleError

RETRIED = frozenset({408, 425, 429, 502, 503, 504})
"""Statuses after which asking again may help; every request of the client may be asked twice without harm."""


class FieldProblem(msgspec.Struct, frozen=True):
    """One field that is wrong."""

    detail: str = ""
    field: str = ""
    pointer: str = ""
    part: str = "body"


class Problem(msgspec.Struct, frozen=True):
    """A problem document (RFC 9457)."""

    type: str = "about:blank"
    title: str = ""
    status: int = 0
    detail: str = ""
    instance: str = ""
    errors: tuple[FieldProblem, ...] = ()


class ServerProblem(AisleError):
    """The server refused, or failed.

    Args:
        problem: What it says.
        retry_after_s: Seconds after which it asks to be asked again; `None` where it does not say.
    """

    def __init__(self, problem: Problem, *, retry_after_s: float | None = None) -> None:
        super().__init__(problem.detail or problem.title or f"The server answered {problem.status}.")
        self.problem = problem
        self.retry_after_s = retry_after_s

    @property
    def retryable(self) -> bool:
        """Whether asking again may help."""
        return self.problem.status in RETRIED


class Unreachable(AisleError):
    """The server could not be reached, or did not answer in time."""


def read_problem(status: int, body: bytes, retry_after: str | None) -> ServerProblem:
    """Return what an answer that is no success says; one that is no problem document comes as its status alone.

    Args:
        status: The answer's status.
        body: Its body.
        retry_after: Its header `Retry-After`.
    """
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        problem = Problem(title=f"The server answered {status}.", detail=body[:200].decode("utf-8", "replace"))
    told = msgspec.structs.replace(problem, status=status)
    return ServerProblem(told, retry_after_s=float(retry_after) if retry_after and retry_after.isdecimal() else None)


def describe(error: Exception, url: str) -> Unreachable:
    """Return the exception of a request that got no answer.

    Args:
        error: What the HTTP library raised.
        url: Whom it was sent to.
    """
    return Unreachable(
        f"{url} did not answer: {error or type(error).__name__}.", hint="Is the server running there? See /health/ready."
    )
