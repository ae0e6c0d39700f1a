"""Running the main job here: step after step, passing over what is on record."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy import delete, insert, select

from aisle import __version__
from aisle.digest import json_digest
from aisle.errors import PipelineError
from aisle.pipeline.context import Context
from aisle.pipeline.messages import Message
from aisle.pipeline.plan import STEPS, Step, input_of, step_named
from aisle.storage.schema import steps as step_table


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of a step: its output as JSON, seconds taken, and whether it was found on record."""

    name: str
    output: dict[str, Any]
    seconds: float
    skipped: bool


def run_step(context: Context, name: str, given: Mapping[str, Any]) -> StepResult:
    """Run one step with the input given, or take its output from the record.

    Raises:
        PipelineError: There is no such step, or its input does not fit.
    """
    step = step_named(name)
    try:
        what = step.takes.model_validate(given)
    except ValidationError as error:
        raise _misfit(step, error) from None
    return _run(context, step, what)


def run_pipeline(
    context: Context, given: Mapping[str, Any], *, on_step: Callable[[Step], None] | None = None
) -> list[StepResult]:
    """Run every step in order, each with what the ones before it returned.

    Args:
        context: The live objects.
        given: What the user asked for; fields of any step's input.
        on_step: Told before each step.

    Raises:
        PipelineError: What was given does not fit.
    """
    outputs: dict[str, Mapping[str, Any]] = {}
    results: list[StepResult] = []
    for step in STEPS:
        if on_step is not None:
            on_step(step)
        try:
            what = input_of(step, given, outputs)
        except ValidationError as error:
            raise _misfit(step, error) from None
        results.append(_run(context, step, what))
        outputs[step.name] = results[-1].output
    return results


def _run(context: Context, step: Step, what: Message) -> StepResult:
    key = _record_key(context, what)
    if step.remembered and (found := _recall(context, step, key)) is not None:
        return StepResult(step.name, found, 0.0, skipped=True)
    started = time.perf_counter()
    output = step.run(context, what).model_dump(mode="json")
    seconds = time.perf_counter() - started
    if step.remembered:
        _record(context, step, key, output, seconds)
    return StepResult(step.name, output, seconds, skipped=False)


def _record_key(context: Context, what: Message) -> str:
    """Digest everything that a remembered step's output follows from."""
    return json_digest(
        {
            "input": what.model_dump(mode="json"),
            # The margin is the gate's, which is asked anew each time.
            "training": context.settings.training.model_dump(mode="json", exclude={"margin"}),
            "program": f"{__version__} {context.commit}",
        }
    )


def _recall(context: Context, step: Step, key: str) -> dict[str, Any] | None:
    query = select(step_table.c.output).where(step_table.c.name == step.name, step_table.c.inputs == key)
    with context.database.reading() as connection:
        output = connection.execute(query).scalar_one_or_none()
    if output is None:
        return None
    found: dict[str, Any] = orjson.loads(output)
    bundle = found.get("bundle")
    # What the record names must still be there: a store that was emptied is filled again.
    there = bundle is None or context.artifacts.exists(f"bundles/{bundle}/manifest.json")
    return found if there else None


def _record(context: Context, step: Step, key: str, output: dict[str, Any], seconds: float) -> None:
    row = {"name": step.name, "inputs": key, "output": orjson.dumps(output).decode(), "seconds": f"{seconds:.3f}"}
    with context.database.transaction() as connection:
        # Two processes may have run the step at once; their outputs are the same, and the later one stays.
        connection.execute(delete(step_table).where(step_table.c.name == step.name, step_table.c.inputs == key))
        connection.execute(insert(step_table).values(row))


def _misfit(step: Step, error: ValidationError) -> PipelineError:
    faults = error.errors(include_url=False, include_input=False)
    told = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
    return PipelineError(
        f"Step {step.name} cannot take its input: {told}.",
        hint=f"`aisle pipeline step {step.name} --schema` prints what it takes.",
    )
