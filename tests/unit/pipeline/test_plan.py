"""The plan: the order of the steps, and how each gets what those before it returned."""

import pytest
from pydantic import ValidationError

from aisle.errors import PipelineError
from aisle.pipeline.plan import STEPS, input_of, step_named


def test_the_shape_of_the_main_job():
    assert [(step.name, *step.takes.model_fields) for step in STEPS] == [
        ("ingest", "folder", "name", "mapping", "share", "next_rows", "sample", "splits", "upto"),
        ("snapshot", "sources"),
        ("train", "snapshot", "level", "budget", "families", "modalities", "checkpoint", "jobs", "memory"),
        ("evaluate", "bundle", "snapshot"),
        ("register", "bundle", "snapshot"),
        ("promote", "version", "promote", "reasons", "evidence", "followed"),
    ]
    # What looks at files, the catalogue or the ledger has to look every time.
    assert [step.name for step in STEPS if step.remembered] == ["train", "register"]


def test_a_step_is_found_by_its_name_and_an_unknown_one_is_told_the_others():
    assert all(step_named(step.name) is step for step in STEPS)
    with pytest.raises(PipelineError, match="no step 'trian'") as caught:
        step_named("trian")
    assert "ingest, snapshot, train, evaluate, register, promote" in caught.value.hint


def test_a_field_comes_from_the_user_first_and_else_from_the_latest_step_that_returned_it():
    outputs = {
        "snapshot": {"snapshot": "new", "rows": 3},
        "train": {"bundle": "made", "snapshot": "new", "metrics": {}},
    }
    assert input_of(step_named("evaluate"), {}, outputs).model_dump() == {"bundle": "made", "snapshot": "new"}
    assert input_of(step_named("evaluate"), {"bundle": "mine"}, outputs).model_dump()["bundle"] == "mine"
    # Nothing given is not the same as something given as nothing.
    assert input_of(step_named("evaluate"), {"bundle": None}, outputs).model_dump()["bundle"] == "made"
    later = {**outputs, "again": {"bundle": "later"}}
    assert input_of(step_named("evaluate"), {}, later).model_dump()["bundle"] == "later"


def test_what_other_steps_take_is_not_held_against_a_step():
    taken = input_of(step_named("train"), {"folder": "shop", "level": 2, "snapshot": "ab"}, {})
    assert taken.model_dump(exclude_unset=True) == {"snapshot": "ab", "level": 2}


def test_a_step_without_what_it_needs_is_refused():
    with pytest.raises(ValidationError, match="snapshot"):
        input_of(step_named("train"), {}, {})


def test_every_field_of_every_step_is_told_for_people():
    for step in STEPS:
        assert step.summary.endswith(".")
        assert step.takes.__doc__
