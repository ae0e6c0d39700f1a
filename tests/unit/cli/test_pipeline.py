"""`aisle pipeline`: the whole job for people, its steps for orchestrators."""

from pathlib import Path

import orjson
import pytest

from aisle.pipeline.plan import STEPS
from tests.catalogues import write_challenge
from tests.command_line import CommandLine
from tests.trained import opened, shop


def test_a_run_that_has_nothing_to_do_says_so(trained: CommandLine):
    text = trained.ok("pipeline", "run", shop(), "--share", 1).text
    assert "│ train │ on record │ bundle" in text
    assert "│ register │ on record │ version 1 │" in text
    assert "│ is version 1, the champion │" in text
    assert "│ champion is version 1 │" in text
    assert "The bundle is the champion's already, version 1." in text
    assert "Next: aisle serve --open" in text


def test_a_refused_challenger_ends_well_with_the_reasons_and_the_old_champion(
    trained: CommandLine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AISLE_TRAINING_FOLDS", "3")
    text = trained.ok("pipeline", "run", shop(), "--share", 1).text
    assert "│ refused against version 1 │" in text
    assert "│ register │ on record │ version 2 │" in text
    assert "│ champion is version 1 │" in text
    assert "The challenger is not shown to be better, and " in text


def test_too_few_gold_rows_are_a_refusal_and_no_champion(aisle: CommandLine, tmp_path: Path):
    aisle.ok("catalog", "sample", "small", "--rows", 120, "--no-images")
    text = aisle.ok("pipeline", "run", "small", "--share", 1).text
    assert "│ refused against no champion │" in text
    assert "│ promote │" in text
    assert "│ no champion │" in text
    assert "nothing is decided below 100" in text
    assert "There is no champion yet." in aisle.refused("predict", "small/X_test_update.csv")


def test_only_learns_from_this_catalogue_alone(trained: CommandLine, tmp_path: Path):
    folder = write_challenge(tmp_path / "second", train=30, test=4, images=False)
    trained.ok("catalog", "ingest", folder, "--share", 1)
    with opened(tmp_path / ".aisle") as application:
        digest = application.ledger.model(1).snapshot
    text = trained.ok("pipeline", "run", shop(), "--share", 1, "--only").text
    assert f"│ {digest[:12]}: " in text
    assert "│ train │ on record │" in text


def test_a_run_that_cannot_begin_says_why(aisle: CommandLine, tmp_path: Path):
    assert "nowhere is no folder" in aisle.refused("pipeline", "run", "nowhere")
    (tmp_path / "empty").mkdir()
    assert "holds no catalogue" in aisle.refused("pipeline", "run", "empty")
    assert "holds no catalogue" in aisle.refused("pipeline", "run", "empty", "--only")
    said = aisle.refused("pipeline", "run", write_challenge(tmp_path / "shop"), "--share", 7)
    assert "Step ingest cannot take its input: share" in said


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_steps_schema_is_what_it_takes_and_nothing_is_done(aisle: CommandLine, tmp_path: Path, step):
    schema = orjson.loads(aisle.ok("pipeline", "step", step.name, "--schema").out)
    assert list(schema["properties"]) == list(step.takes.model_fields)
    assert schema["additionalProperties"] is False
    assert list(tmp_path.iterdir()) == []
    assert step.name in aisle.ok("pipeline", "step", "--help").text


def test_steps_hand_small_json_to_one_another(trained: CommandLine):
    def step(name: str, **given: object) -> dict[str, object]:
        ended = trained.ok("pipeline", "step", name, orjson.dumps(given).decode())
        # One line and nothing else, whatever the step says on the way.
        assert ended.out.count("\n") == 1
        output: dict[str, object] = orjson.loads(ended.out)
        return output

    taken = step("ingest", folder=str(shop()), share=1)
    assert taken["exhausted"] is True
    data = step("snapshot", sources=[taken["source"]])
    made = step("train", snapshot=data["snapshot"])
    judged = step("evaluate", bundle=made["bundle"], snapshot=data["snapshot"])
    known = step("register", bundle=made["bundle"], snapshot=data["snapshot"])
    assert known["version"] == 1
    carried = {name: judged[name] for name in ("promote", "reasons", "evidence", "followed")}
    assert step("promote", version=known["version"], **carried)["champion"] == 1


def test_a_steps_input_may_come_by_standard_input(trained: CommandLine):
    ended = trained.ok("pipeline", "step", "snapshot", "-", given='{"sources": ["shop"]}')
    assert set(orjson.loads(ended.out)) == {"snapshot", "rows", "labelled", "classes"}


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("trian", "{}", "There is no step 'trian'. The steps are: ingest, snapshot, train"),
        ("train", "{", "The step's input is no JSON"),
        ("train", "[]", "no JSON object"),
        ("train", '"snapshot"', "no JSON object"),
        ("train", "", "The step's input is no JSON"),
        ("train", "{}", "snapshot: Field required"),
        ("train", '{"snapshot": 5}', "snapshot: Input should be a valid string"),
        ("train", '{"snapshot": "ab", "levl": 2}', "levl: Extra inputs are not permitted"),
        ("train", '{"snapshot": "ab"}', "There is no snapshot ab"),
        ("ingest", '{"folder": "nowhere"}', "nowhere is no folder"),
        ("register", '{"bundle": "ab", "snapshot": "cd"}', "'ab' is no bundle's digest"),
        ("snapshot", '{"sources": ["shoe"]}', "There is no catalogue 'shoe'"),
    ],
)
def test_a_step_that_cannot_be_run_prints_nothing_but_the_error(aisle: CommandLine, name: str, given: str, said: str):
    ended = aisle("pipeline", "step", name, given)
    assert ended.out == ""
    assert said in aisle.refused("pipeline", "step", name, given)


def test_a_schema_of_no_step_is_refused(aisle: CommandLine):
    assert "There is no step 'trian'" in aisle.refused("pipeline", "step", "trian", "--schema")


def test_the_plan_is_a_table_of_steps(aisle: CommandLine):
    text = aisle.ok("pipeline", "plan").text
    for step in STEPS:
        assert f"│ {step.name} │ {step.summary} │ {', '.join(step.takes.model_fields)} │" in text


def test_what_other_steps_returned_may_be_sent_whole(aisle: CommandLine):
    given = '{"sources": [], "bundle": "ab"}'
    assert "bundle: Extra inputs" in aisle.refused("pipeline", "step", "snapshot", given)
    assert "Extra inputs" not in aisle.refused("pipeline", "step", "snapshot", "--pick", given)
    assert "no step 'trian'" in aisle.refused("pipeline", "step", "trian", "--pick")


def test_a_failure_is_told_to_whoever_is_set_to_hear_it(aisle: CommandLine, monkeypatch: pytest.MonkeyPatch):
    assert "nobody was told" in aisle.ok("pipeline", "failed", "train_model", "train").text
    monkeypatch.setenv("AISLE_PUSH_URL", "http://127.0.0.1:1")
    assert "http://127.0.0.1:1 was not told" in aisle.refused("pipeline", "failed", "train_model", "train")
