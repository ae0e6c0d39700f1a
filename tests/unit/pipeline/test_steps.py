"""The steps one by one: idempotent, told apart by digests, and never in doubt about who is champion."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aisle.catalog.sample import write_sample
from aisle.errors import BundleError, IngestError, LedgerConflict, RegistryError, SnapshotError
from aisle.pipeline import steps
from aisle.pipeline.context import Context
from aisle.pipeline.messages import (
    EvaluateInput,
    IngestInput,
    PromoteInput,
    RegisterInput,
    SnapshotInput,
    TrainInput,
)
from aisle.registry.ledger import Ledger
from aisle.registry.mlflow.tracking import Projection
from tests.catalogues import write_challenge
from tests.trained import shop


class Alias:
    """MLflow as `promote` sees it: an alias that follows the ledger."""

    def __init__(self) -> None:
        self.version: int | None = None
        self.calls = 0

    def reconcile(self, ledger: Ledger) -> Projection:
        champion = ledger.champion()
        before, self.version = self.version, champion.version if champion else None
        self.calls += 1
        return Projection(before, self.version)


@pytest.fixture
def alias() -> Alias:
    return Alias()


@pytest.fixture
def context(context: Context, alias: Alias) -> Context:
    return replace(context, tracking=lambda: alias)  # type: ignore[arg-type]


def decision(version: int, *, followed: int, promote: bool = True) -> PromoteInput:
    return PromoteInput(
        version=version, promote=promote, reasons=("It is better.",), evidence={"rows": 5}, followed=followed
    )


class TestIngest:
    def test_tells_what_the_catalogue_has_of_the_source_and_what_was_refused(self, empty: Context, tmp_path: Path):
        folder = write_challenge(tmp_path / "Shop", train=40, test=10)
        path = folder / "X_train_update.csv"
        path.write_text(path.read_text().replace("\n3,", "\n2,"))
        half = steps.ingest(empty, IngestInput(folder=folder, share=0.5))
        assert half.model_dump() == {
            "source": "shop",
            "rows": {"train": 19, "test": 5},
            "images": {"train": 19, "test": 5},
            "rejected": 1,
            "exhausted": False,
        }
        whole = steps.ingest(empty, IngestInput(folder=folder, share=1.0))
        assert (whole.rows, whole.rejected, whole.exhausted) == ({"train": 39, "test": 10}, 0, True)
        assert steps.ingest(empty, IngestInput(folder=folder, share=1.0)) == whole

    def test_reports_rows_as_they_are_stored(self, empty: Context, tmp_path: Path):
        told: list[tuple[str, int, int]] = []
        context = replace(empty, report=lambda *call: told.append(call))
        folder = write_challenge(tmp_path / "shop", train=6, test=4)
        steps.ingest(context, IngestInput(folder=folder, share=1.0, name="other"))
        assert told == [("train", 6, 6), ("test", 4, 4)]

    def test_lets_go_of_the_source_when_it_fails(self, empty: Context, tmp_path: Path):
        folder = write_challenge(tmp_path / "shop", train=6, test=4)
        steps.ingest(empty, IngestInput(folder=folder, share=0.5))
        with pytest.raises(IngestError, match="begun with --sample head"):
            steps.ingest(empty, IngestInput(folder=folder, share=0.5, sample="stratified"))


class TestSnapshot:
    def test_the_same_catalogue_is_the_same_data_version(self, context: Context):
        first = steps.snapshot(context, SnapshotInput())
        assert steps.snapshot(context, SnapshotInput(sources=("shop",))) == first
        assert first.rows > first.labelled > 1_400
        assert first.classes == 27

    def test_there_must_be_such_a_catalogue(self, context: Context):
        with pytest.raises(SnapshotError, match="no catalogue 'shoe'"):
            steps.snapshot(context, SnapshotInput(sources=("shoe",)))


class TestTrain:
    def test_the_bundle_is_in_the_store_with_its_figures(self, empty: Context, tmp_path: Path):
        write_sample(tmp_path / "small", rows=120, seed=3, images=False)
        steps.ingest(empty, IngestInput(folder=tmp_path / "small", share=1.0))
        data = steps.snapshot(empty, SnapshotInput()).snapshot
        told: list[str] = []
        context = replace(empty, report=lambda what, _done, _total: told.append(what))
        made = steps.train_bundle(context, TrainInput(snapshot=data))
        bundle = context.bundle(made.bundle)
        assert bundle.manifest["snapshot"] == made.snapshot == data
        assert bundle.manifest["commit"] == context.commit
        assert made.metrics == steps.figures_of(bundle.metrics)
        assert 0 <= made.metrics["weighted_f1_low"] <= made.metrics["weighted_f1"] <= made.metrics["weighted_f1_high"] <= 1
        assert sum(made.metrics[f"rows_{part}"] for part in ("train", "validation", "gold")) == 120
        assert told[-1] == "writing the bundle"


class TestEvaluate:
    def _what(self, context: Context, version: int) -> EvaluateInput:
        model = context.ledger.model(version)
        return EvaluateInput(bundle=model.bundle, snapshot=model.snapshot)

    def test_the_first_is_held_against_the_commonest_category(self, context: Context, monkeypatch: pytest.MonkeyPatch):
        what = self._what(context, 1)
        monkeypatch.setattr(Ledger, "champion", lambda _self: None)
        judged = steps.evaluate(context, what)
        assert (judged.promote, judged.followed, judged.champion, judged.in_force) == (True, 0, None, False)
        assert judged.evidence["against"] == "commonest category"

    def test_a_challenger_is_held_against_the_champion_on_the_same_rows(self, context: Context):
        judged = steps.evaluate(context, self._what(context, 2))
        assert (judged.promote, judged.followed, judged.champion, judged.in_force) == (False, 1, 1, False)
        assert judged.evidence["against"] == "champion"
        scores = judged.evidence["weighted_f1"]
        assert scores["challenger"] == pytest.approx(scores["reference"], abs=0.02)
        assert "not shown to be better" in judged.reasons[0]
        assert [cost["what"] for cost in judged.evidence["costs"]] == ["size", "time per product"]
        # All but the time is the same each time.
        again = steps.evaluate(context, self._what(context, 2))
        timed = ("costs", "benefits", "drawbacks")
        assert {k: v for k, v in again.evidence.items() if k not in timed} == {
            k: v for k, v in judged.evidence.items() if k not in timed
        }
        assert again.promote == judged.promote

    def test_the_champion_is_not_held_against_itself(self, context: Context):
        judged = steps.evaluate(context, self._what(context, 1))
        assert (judged.promote, judged.in_force, judged.evidence) == (False, True, {})
        assert judged.reasons == ("The bundle is the champion's already, version 1.",)

    def test_a_champion_that_cannot_be_read_stops_the_judgement(self, context: Context):
        for key in list(context.artifacts.keys(f"bundles/{context.ledger.model(1).bundle}")):
            context.artifacts.delete(key)
        shutil.rmtree(context.bundle_cache)
        with pytest.raises(BundleError, match="no bundle"):
            steps.evaluate(context, self._what(context, 2))
        assert len(context.ledger.history()) == 1


class TestRegister:
    def test_a_bundle_that_has_a_number_keeps_it_and_mlflow_is_not_asked(self, context: Context, alias: Alias):
        known = context.ledger.model(2)
        done = steps.register(context, RegisterInput(bundle=known.bundle, snapshot=known.snapshot))
        assert done.model_dump() == {"version": 2, "bundle": known.bundle, "run_id": known.run_id}
        assert alias.calls == 0

    def test_a_bundle_that_is_not_there_gets_no_number(self, context: Context):
        with pytest.raises(BundleError, match="no bundle"):
            steps.register(context, RegisterInput(bundle="0" * 64, snapshot="1" * 64))
        assert [model.version for model in context.ledger.models()] == [1, 2]


class TestPromote:
    def test_a_version_that_passed_becomes_champion_with_the_gates_words(self, context: Context, alias: Alias):
        done = steps.promote(context, decision(2, followed=1))
        assert done.model_dump() == {"version": 2, "promoted": True, "champion": 2, "reasons": ("It is better.",)}
        row = context.ledger.history()[-1]
        assert (row.seq, row.version, row.previous, row.actor, row.reason) == (2, 2, 1, "pipeline", "It is better.")
        assert row.evidence == {"rows": 5}
        assert alias.version == 2

    def test_twice_is_once(self, context: Context):
        first = steps.promote(context, decision(2, followed=1))
        assert steps.promote(context, decision(2, followed=1)) == first
        assert len(context.ledger.history()) == 2

    def test_a_refused_version_leaves_the_champion_and_mends_the_alias(self, context: Context, alias: Alias):
        done = steps.promote(context, decision(2, followed=1, promote=False))
        assert (done.promoted, done.champion, done.reasons) == (False, 1, ("It is better.",))
        assert len(context.ledger.history()) == 1
        assert alias.version == 1

    def test_a_decision_on_another_champion_than_the_one_in_force_is_refused(self, context: Context, alias: Alias):
        context.ledger.promote(2, actor="ana", reason="I like it.", evidence={}, expected=1)
        context.ledger.rollback(actor="ana", reason="I do not.")
        with pytest.raises(LedgerConflict, match=r"ana made version 1 champion \(rollback, row 3\)"):
            steps.promote(context, decision(2, followed=1))
        assert len(context.ledger.history()) == 3
        assert alias.calls == 0

    def test_a_version_that_is_none_is_refused(self, context: Context):
        with pytest.raises(RegistryError, match="no version 9"):
            steps.promote(context, decision(9, followed=1))

    def test_without_any_champion_a_refusal_leaves_none(self, empty: Context, alias: Alias):
        done = steps.promote(replace(empty, tracking=lambda: alias), decision(1, followed=0, promote=False))  # type: ignore[arg-type]
        assert (done.promoted, done.champion) == (False, None)


def test_figures_are_flat_numbers_with_their_intervals():
    metrics: dict[str, Any] = {
        "gold": {
            "rows": 5,
            "weighted_f1": {"value": 0.5, "low": 0.25, "high": 0.75},
            "per_class": {"10": {"f1": 1.0}},
            "confusion": [[1]],
        },
        "rows": {"train": 3, "gold": 5},
        "rows_by_people": 2,
    }
    assert "rows_by_people" not in steps.figures_of({name: metrics[name] for name in ("gold", "rows")})
    assert steps.figures_of(metrics) == {
        "rows": 5.0,
        "weighted_f1": 0.5,
        "weighted_f1_low": 0.25,
        "weighted_f1_high": 0.75,
        "rows_train": 3.0,
        "rows_gold": 5.0,
        "rows_by_people": 2.0,
    }


def test_the_folder_that_was_learnt_from_is_as_it_was(context: Context):
    files = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in shop().iterdir()}
    steps.ingest(context, IngestInput(folder=shop(), share=1.0))
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in shop().iterdir()} == files
