"""The order of the steps, what each needs from those before it, and when it can be skipped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aisle.errors import PipelineError
from aisle.pipeline import errands, messages, steps
from aisle.pipeline.context import Context
from aisle.pipeline.messages import Message

Outputs = Mapping[str, Mapping[str, Any]]
"""What the steps before have returned, by their names, as JSON."""


@dataclass(frozen=True)
class Step:
    """One step of the main job.

    Args:
        name: Its name on the command line and in an orchestrator.
        summary: What it does, as a sentence.
        takes: The shape of its input.
        run: Does it.
        remembered: Whether the same input always gives the same output, so that an output on record stands for a run.
            Steps that look at the world (files, the catalogue, the ledger) always run; they are idempotent.
    """

    name: str
    summary: str
    takes: type[Message]
    run: Callable[[Context, Any], Message]
    remembered: bool


STEPS: tuple[Step, ...] = (
    Step("ingest", "Take a share of a catalogue in.", messages.IngestInput, steps.ingest, remembered=False),
    Step("snapshot", "Freeze the catalogue.", messages.SnapshotInput, steps.snapshot, remembered=False),
    Step("train", "Learn from a snapshot.", messages.TrainInput, steps.train_bundle, remembered=True),
    Step("evaluate", "Judge a bundle against the champion.", messages.EvaluateInput, steps.evaluate, remembered=False),
    Step("register", "Make a bundle a numbered version.", messages.RegisterInput, steps.register, remembered=True),
    Step("promote", "Make a version champion if it passed.", messages.PromoteInput, steps.promote, remembered=False),
)
"""The main job, in order."""

ERRANDS: tuple[Step, ...] = (
    Step("target", "Say how many rows a run is to have in the end.", messages.TargetInput, errands.target, remembered=True),
    Step("holdings", "Count what the catalogue has of a split.", messages.HoldingsInput, errands.holdings, remembered=False),
    Step("due", "Say whether it is time to train again.", messages.DueInput, errands.due, remembered=False),
)
"""What an orchestrator asks beside the main job; none of them changes the catalogue, a model or the ledger."""


def step_named(name: str) -> Step:
    """Return a step by its name.

    Raises:
        PipelineError: There is none of that name.
    """
    for step in (*STEPS, *ERRANDS):
        if step.name == name:
            return step
    raise PipelineError(
        f"There is no step {name!r}.", hint=f"The steps are: {', '.join(step.name for step in (*STEPS, *ERRANDS))}."
    )


def input_of(step: Step, given: Mapping[str, Any], outputs: Outputs) -> Message:
    """Return a step's input: each field from what the user gave, else from the latest step before that returned it."""
    known: dict[str, Any] = {}
    for output in outputs.values():
        known.update(output)
    known.update({key: value for key, value in given.items() if value is not None})
    return step.takes.model_validate({name: known[name] for name in step.takes.model_fields if name in known})
