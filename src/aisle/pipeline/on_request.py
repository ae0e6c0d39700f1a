"""Retraining on request: the main job for whoever asked for it, and what became of it on record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aisle.errors import AisleError
from aisle.monitoring.requests import RetrainRequest, RetrainRequests
from aisle.pipeline.context import Context
from aisle.pipeline.local import StepResult, run_pipeline
from aisle.pipeline.plan import Step


@dataclass(frozen=True)
class Retrained:
    """A request that was taken, and what the steps did.

    Args:
        request: The request as it is now: promoted, or trained and not promoted.
        results: What became of each step.
    """

    request: RetrainRequest
    results: list[StepResult]


def run_on_request(
    context: Context,
    given: Mapping[str, Any],
    *,
    who: str | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Retrained | None:
    """Take the open retrain request, run the main job, and put on record what became of it; nothing where none is open.

    A job that breaks off leaves the request `failed`, whatever broke it; one that ends leaves it `promoted` or
    `trained_not_promoted`.

    Args:
        context: The live objects.
        given: What the user asked for; fields of any step's input.
        who: Who takes the request; if they have taken it already and were killed, they go on. Nobody by name, by default.
        on_step: Told before each step.

    Raises:
        AisleError: A step failed; the request says so as well.
    """
    requests = RetrainRequests(context.database, context.settings.tracking.model)
    taken = requests.take(who or "pipeline", again=who is not None)
    if taken is None:
        return None
    failure = "It broke off."
    results: list[StepResult] = []
    try:
        results = run_pipeline(context, given, on_step=on_step)
    except AisleError as error:
        failure = str(error)
        raise
    finally:
        if not results:
            requests.close(taken.id, "failed", failure)
    output = results[-1].output
    closed = requests.close(
        taken.id,
        "promoted" if output["promoted"] else "trained_not_promoted",
        " ".join(output["reasons"]) or f"Champion is version {output['champion']}.",
        new_version=output["version"],
    )
    return Retrained(closed, results)
