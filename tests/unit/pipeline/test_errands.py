"""What an orchestrator asks beside the main job: the same question of the same run has the same answer."""

from pathlib import Path

import pytest

from aisle.errors import CatalogError, SourceError
from aisle.pipeline import errands, steps
from aisle.pipeline.context import Context
from aisle.pipeline.local import run_step
from aisle.pipeline.messages import DueInput, HoldingsInput, IngestInput, TargetInput
from aisle.registry.ledger import Ledger
from tests.catalogues import write_challenge


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_challenge(tmp_path / "files", train=20, test=5)


class TestTarget:
    def test_a_share_is_the_first_rows_of_each_file(self, empty: Context, folder: Path):
        told = errands.target(empty, TargetInput(folder=folder, run="a", share=0.5))
        assert (told.source, told.upto, told.new, told.exhausted) == (
            "files",
            {"train": 10, "test": 2},
            {"train": 10, "test": 2},
            False,
        )

    def test_a_batch_goes_on_from_what_is_there_up_to_the_end(self, empty: Context, folder: Path):
        steps.ingest(empty, IngestInput(folder=folder, share=0.5))
        told = errands.target(empty, TargetInput(folder=folder, run="a", batch=8))
        assert (told.upto, told.new) == ({"train": 18, "test": 5}, {"train": 8, "test": 3})

    def test_a_share_below_what_is_there_takes_nothing_back(self, empty: Context, folder: Path):
        steps.ingest(empty, IngestInput(folder=folder, share=0.8))
        told = errands.target(empty, TargetInput(folder=folder, run="a", share=0.5))
        assert (told.upto, told.new) == ({"train": 16, "test": 4}, {"train": 0, "test": 0})

    def test_a_source_that_was_taken_whole_is_exhausted(self, empty: Context, folder: Path):
        steps.ingest(empty, IngestInput(folder=folder, share=1))
        told = errands.target(empty, TargetInput(folder=folder, run="a", batch=8))
        assert told.exhausted
        assert told.new == {"train": 0, "test": 0}

    def test_a_run_that_asks_again_later_gets_the_same_answer_and_another_run_its_own(self, empty: Context, folder: Path):
        def ask(run: str) -> dict[str, int]:
            asked = run_step(empty, "target", {"folder": str(folder), "run": run, "batch": 5})
            upto: dict[str, int] = asked.output["upto"]
            return upto

        first = ask("monday")
        steps.ingest(empty, IngestInput(folder=folder, upto=first))
        assert ask("monday") == first == {"train": 5, "test": 5}
        assert ask("tuesday") == {"train": 10, "test": 5}


class TestIngestOfOneSplit:
    def test_splits_taken_one_by_one_make_what_they_make_together(self, empty: Context, folder: Path):
        upto = {"train": 7, "test": 3}
        train = steps.ingest(empty, IngestInput(folder=folder, upto=upto, splits=("train",)))
        assert train.rows == {"train": 7}
        both = steps.ingest(empty, IngestInput(folder=folder, upto=upto, splits=("test",)))
        assert both.rows == both.images == {"train": 7, "test": 3}
        assert steps.ingest(empty, IngestInput(folder=folder, upto=upto)) == both

    def test_more_rows_than_there_are_are_all_of_them(self, empty: Context, folder: Path):
        assert steps.ingest(empty, IngestInput(folder=folder, upto={"train": 99, "test": 99})).exhausted


class TestHoldings:
    def test_rows_labels_and_images_are_counted(self, empty: Context, folder: Path):
        steps.ingest(empty, IngestInput(folder=folder, share=0.5))
        train = errands.holdings(empty, HoldingsInput(source="files", split="train"))
        assert (train.rows, train.labelled, train.images) == (10, 10, 10)
        test = errands.holdings(empty, HoldingsInput(source="files", split="test"))
        assert (test.rows, test.labelled, test.images) == (2, 0, 2)

    def test_a_catalogue_without_images_has_none(self, context: Context):
        assert errands.holdings(context, HoldingsInput(source="shop", split="train")).images == 0

    def test_an_image_that_is_gone_is_named(self, empty: Context, folder: Path):
        steps.ingest(empty, IngestInput(folder=folder, share=0.5))
        empty.images.delete("x_train/image_9003_product_1003.jpg")
        with pytest.raises(CatalogError, match=r"1 of 10 images of files, train, .* x_train/image_9003_product_1003.jpg"):
            errands.holdings(empty, HoldingsInput(source="files", split="train"))

    def test_there_must_be_such_a_catalogue(self, empty: Context):
        with pytest.raises(SourceError, match="no catalogue 'files'"):
            errands.holdings(empty, HoldingsInput(source="files", split="train"))


class TestDue:
    def test_without_a_champion_it_is_time(self, empty: Context):
        told = errands.due(empty, DueInput())
        assert (told.due, told.reason) == (True, "There is no champion yet.")

    def test_it_waits_until_enough_is_new(self, context: Context, folder: Path):
        assert not errands.due(context, DueInput(floor=0)).due
        steps.ingest(context, IngestInput(folder=folder, share=1))
        told = errands.due(context, DueInput(rows=20, floor=0))
        assert (told.due, told.new_rows) == (True, 20)
        assert told.reason == "20 labelled rows are new since version 1, and 20 are enough."
        assert not errands.due(context, DueInput(rows=21, floor=0)).due

    def test_a_weak_champion_is_replaced_as_soon_as_there_is_something_new(self, context: Context, folder: Path):
        score = Ledger(context.database).model(1).metrics["weighted_f1"]
        told = errands.due(context, DueInput(floor=1.0))
        assert not told.due
        assert told.reason == f"Version 1 has a weighted F1 of {score:.4f}, under 1. But there is nothing new to learn from."
        steps.ingest(context, IngestInput(folder=folder, share=1))
        assert errands.due(context, DueInput(floor=1.0)).due
