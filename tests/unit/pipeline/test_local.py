"""Running here: what is on record is passed over, and only what is really the same counts as on record."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from sqlalchemy import func, select

from aisle.catalog.sample import write_sample
from aisle.errors import PipelineError, SnapshotError
from aisle.pipeline.context import Context
from aisle.pipeline.local import run_pipeline, run_step
from aisle.pipeline.plan import STEPS
from aisle.storage.schema import models, promotions, steps
from tests.catalogues import write_challenge
from tests.trained import context_of, given, opened, shop


def _count(context: Context, table) -> int:
    with context.database.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _bundles(context: Context) -> set[str]:
    return {key.split("/")[1] for key in context.artifacts.keys("bundles")}


@pytest.fixture
def small(empty: Context, tmp_path: Path) -> tuple[Context, dict[str, str]]:
    """A context with a snapshot that is learnt in no time, and what `train` takes for it."""
    write_sample(tmp_path / "small", rows=120, seed=3, images=False)
    run_step(empty, "ingest", given(tmp_path / "small"))
    return empty, {"snapshot": run_step(empty, "snapshot", {}).output["snapshot"]}


def test_a_second_run_finds_its_costly_steps_on_record_and_changes_nothing(context: Context):
    before = [_count(context, table) for table in (models, promotions, steps)]
    told: list[str] = []
    results = run_pipeline(context, given(shop()), on_step=lambda step: told.append(step.name))
    assert told == [step.name for step in STEPS] == [result.name for result in results]
    assert [result.name for result in results if result.skipped] == ["train", "register"]
    assert results[3].output["in_force"] is True
    assert results[3].output["reasons"] == ["The bundle is the champion's already, version 1."]
    assert results[-1].output == {
        "version": 1,
        "promoted": False,
        "champion": 1,
        "reasons": ["The bundle is the champion's already, version 1."],
    }
    assert [_count(context, table) for table in (models, promotions, steps)] == before


def test_every_output_is_small_json(context: Context):
    for result in run_pipeline(context, given(shop())):
        written = orjson.dumps(result.output)
        assert orjson.loads(written) == result.output
        assert len(written) < 5_000


def test_another_setting_or_program_is_not_on_record(small: tuple[Context, dict[str, str]]):
    context, snapshot = small

    def with_training(**changes: object) -> Context:
        training = context.settings.training.model_copy(update=changes)
        return replace(context, settings=replace(context.settings, training=training))

    assert not run_step(context, "train", snapshot).skipped
    assert run_step(context, "train", snapshot).skipped
    assert not run_step(with_training(seed=7), "train", snapshot).skipped
    assert not run_step(replace(context, commit="1" * 40), "train", snapshot).skipped
    assert not run_step(context, "train", {**snapshot, "level": 1}).skipped
    # The margin is the gate's alone.
    assert run_step(with_training(margin=0.5), "train", snapshot).skipped


def test_a_bundle_that_was_lost_is_made_again_and_is_the_same(small: tuple[Context, dict[str, str]]):
    context, snapshot = small
    made = run_step(context, "train", snapshot)
    key = f"bundles/{made.output['bundle']}/manifest.json"
    context.artifacts.delete(key)
    again = run_step(context, "train", snapshot)
    assert not again.skipped
    assert again.output == made.output
    assert context.artifacts.exists(key)
    assert run_step(context, "train", snapshot).skipped


def test_the_same_rows_settings_and_commit_make_the_same_bundle_anywhere(
    small: tuple[Context, dict[str, str]], tmp_path: Path
):
    context, snapshot = small
    other = opened(tmp_path / "other")
    there = context_of(other)
    # In two batches, and under the same name.
    run_step(there, "ingest", given(tmp_path / "small", share=0.5))
    run_step(there, "ingest", given(tmp_path / "small"))
    assert run_step(there, "snapshot", {}).output["snapshot"] == snapshot["snapshot"]
    assert run_step(there, "train", snapshot).output == run_step(context, "train", snapshot).output
    other.close()


def test_a_step_that_fails_leaves_no_record_and_stops_the_job(empty: Context, tmp_path: Path):
    # Every row is of one class.
    folder = write_challenge(tmp_path / "shop", train=8, test=2, images=False)
    (folder / "Y_train_CVw08PX.csv").write_text(",prdtypecode\n" + "".join(f"{row},10\n" for row in range(8)))
    told: list[str] = []
    with pytest.raises(Exception, match="category '10'"):
        run_pipeline(empty, given(folder), on_step=lambda step: told.append(step.name))
    assert told == ["ingest", "snapshot", "train"]
    assert _count(empty, steps) == 0
    assert _bundles(empty) == set()


def test_an_unknown_step_or_field_is_refused_before_anything_is_done(context: Context):
    with pytest.raises(PipelineError, match="no step 'learn'"):
        run_step(context, "learn", {})
    with pytest.raises(PipelineError) as caught:
        run_step(context, "train", {"snapshto": "ab", "level": 0})
    # Every fault is told at once.
    assert "snapshot: Field required" in caught.value.message
    assert "level: Input should be greater than or equal to 1" in caught.value.message
    assert "snapshto: Extra inputs are not permitted" in caught.value.message
    assert "--schema" in caught.value.hint
    with pytest.raises(PipelineError, match="Step ingest cannot take its input: share"):
        run_pipeline(context, {"folder": shop(), "share": 2})


def test_a_step_can_be_run_alone_on_what_is_named(context: Context):
    with pytest.raises(SnapshotError, match="no snapshot 000000000000"):
        run_step(context, "train", {"snapshot": "0" * 64})
    result = run_step(context, "snapshot", {"sources": ["shop"]})
    assert result.output["snapshot"] in {key.split("/")[1] for key in context.artifacts.keys("snapshots")}
    assert not result.skipped
