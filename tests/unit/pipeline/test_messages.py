"""Messages: small, strict, and the same after a journey as JSON."""

from typing import Any

import pytest
from pydantic import ValidationError

from aisle.pipeline import messages
from aisle.pipeline.messages import IngestInput, Message, PromoteInput, TrainInput

SUSPICIOUS = messages.SuspiciousLabel(
    source="shop",
    id="1",
    title=None,
    label="10",
    suggested="50",
    self_confidence=0.1,
    suggested_confidence=0.8,
)
EXAMPLES: list[Message] = [
    messages.IngestInput(folder="shop", name="shop", share=0.5, sample="stratified"),
    messages.IngestOutput(source="shop", rows={"train": 3}, images={"train": 2}, rejected=1, exhausted=False),
    messages.SnapshotInput(sources=("one", "two")),
    messages.SnapshotOutput(snapshot="ab", rows=3, labelled=2, classes=1),
    messages.TrainInput(snapshot="ab", level=2, budget="5m", families="svm", modalities="text", jobs=1, memory=2.5),
    messages.TrainOutput(bundle="cd", snapshot="ab", metrics={"weighted_f1": 0.5}),
    messages.AuditInput(snapshot="ab", level=1, modalities="image", jobs=2, out="suspicious.csv"),
    messages.AuditOutput(labelled=9, suspicious=1, noise_rate=0.1, rows=(SUSPICIOUS,)),
    SUSPICIOUS,
    messages.EvaluateInput(bundle="cd", snapshot="ab"),
    messages.EvaluateOutput(
        bundle="cd",
        snapshot="ab",
        promote=True,
        reasons=("better",),
        evidence={"rows": 3},
        followed=1,
        champion=None,
        in_force=False,
    ),
    messages.RegisterInput(bundle="cd", snapshot="ab"),
    messages.RegisterOutput(version=1, bundle="cd", run_id="r"),
    messages.PromoteInput(version=1, promote=False, reasons=(), evidence={}, followed=0),
    messages.PromoteOutput(version=1, promoted=False, champion=None, reasons=()),
    messages.TargetInput(folder="shop", run="scheduled-1", batch=2_000),
    messages.TargetOutput(source="shop", upto={"train": 9}, new={"train": 3}, exhausted=False),
    messages.HoldingsInput(source="shop", split="train"),
    messages.HoldingsOutput(rows=9, labelled=8, images=7),
    messages.DueInput(rows=10, floor=0.5),
    messages.DueOutput(due=True, reason="10 new rows", new_rows=10),
]


def test_every_message_has_an_example_here():
    kinds = {kind for kind in vars(messages).values() if isinstance(kind, type) and issubclass(kind, Message)}
    assert kinds - {Message} == {type(example) for example in EXAMPLES}


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_a_message_survives_the_journey_as_json(message: Message):
    assert type(message).model_validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_a_field_that_nobody_knows_is_refused(message: Message):
    with pytest.raises(ValidationError, match="extra_forbidden"):
        type(message).model_validate({**message.model_dump(), "misspelt": 1})


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_a_message_is_not_changed_behind_anybodys_back(message: Message):
    name = next(iter(type(message).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(message, name, "other")


@pytest.mark.parametrize(
    "wrong",
    [
        {"share": 0},
        {"share": 1.01},
        {"share": -0.2},
        {"share": float("nan")},
        {"next_rows": 0},
        {"sample": "tail"},
        {"folder": None},
    ],
)
def test_an_ingest_out_of_range_is_refused(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        IngestInput(**{"folder": "shop", **wrong})


def test_other_messages_out_of_range_are_refused():
    with pytest.raises(ValidationError):
        TrainInput(snapshot="ab", level=0)
    with pytest.raises(ValidationError):
        TrainInput(snapshot="ab", memory=0)
    with pytest.raises(ValidationError):
        PromoteInput(version="one", promote=True, reasons=(), evidence={}, followed=0)


def test_the_defaults_are_those_of_the_challenge():
    what = IngestInput(folder="shop")
    assert (what.share, what.next_rows, what.sample, what.name) == (0.2, None, "head", None)
