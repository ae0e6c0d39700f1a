"""SIGKILL at every moment of the main job that matters, run again each time: one champion, one version, one bundle."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from aisle.catalog.sample import write_sample
from aisle.catalog.snapshot import list_snapshots
from aisle.pipeline.context import Context
from aisle.pipeline.local import run_pipeline
from aisle.storage.schema import labels, loads, products, steps
from tests.trained import ROWS, context_of, given, opened

MOMENTS = (
    "during ingest",
    "before snapshot",
    "during snapshot",
    "before train",
    "during train",
    "after train was stored",
    "before evaluate",
    "before register",
    "after register in mlflow",
    "before promote",
    "after promote in the ledger",
    "after promote",
)

# The real steps with the real stores; only the moment of death is ours.
_WORKER = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path

from aisle.pipeline.local import run_pipeline
from aisle.registry.mlflow import Tracking
from aisle.storage.objects import Bucket
from tests.trained import context_of, given, opened

folder, home, moment = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]


def now(here):
    if here == moment:
        os.kill(os.getpid(), signal.SIGKILL)


class DyingBucket:
    def __init__(self, bucket):
        self._bucket = bucket

    def __getattr__(self, name):
        return getattr(self._bucket, name)

    def create(self, key, data):
        if key.startswith("snapshots/"):
            now("during snapshot")
        self._bucket.create(key, data)
        if key.startswith("bundles/"):
            now("after train was stored")


class DyingTracking(Tracking):
    def publish(self, *arguments, **options):
        registered = super().publish(*arguments, **options)
        now("after register in mlflow")
        return registered

    def reconcile(self, ledger):
        now("after promote in the ledger")
        return super().reconcile(ledger)


def report(what, done, total):
    if what == "train" and total:
        now("during ingest")
    if what == "writing the bundle":
        now("during train")


with opened(home, AISLE_CATALOG_BATCH_ROWS="200") as application:
    context = replace(
        context_of(application),
        artifacts=DyingBucket(application.artifacts),
        tracking=lambda: DyingTracking(application.settings.tracking),
        report=report,
    )
    print("ready", flush=True)
    run_pipeline(context, given(folder), on_step=lambda step: now(f"before {step.name}"))
    now("after promote")
"""


def _count(context: Context, table) -> int:
    with context.database.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


@pytest.mark.slow
def test_a_kill_at_every_moment_ends_in_what_an_uninterrupted_run_gives(tmp_path: Path):
    write_sample(tmp_path / "shop", rows=ROWS, seed=1, images=False)
    with opened(tmp_path / "plain") as application:
        expected = {result.name: result.output for result in run_pipeline(context_of(application), given(tmp_path / "shop"))}

    for moment in (*MOMENTS, "never"):
        command = [sys.executable, "-c", _WORKER, str(tmp_path / "shop"), str(tmp_path / "killed"), moment]
        done = subprocess.run(
            command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=120
        )
        assert done.stdout == "ready\n", done.stderr
        # Every moment comes, and comes in its turn: what was done before is not done again.
        assert done.returncode == (0 if moment == "never" else -signal.SIGKILL), (moment, done.stderr)

    with opened(tmp_path / "killed") as application:
        context = context_of(application)
        (promotion,) = context.ledger.history()
        (model,) = context.ledger.models()
        assert (model.version, model.bundle, model.snapshot) == (
            1,
            expected["train"]["bundle"],
            expected["snapshot"]["snapshot"],
        )
        assert (promotion.version, promotion.action, promotion.actor) == (1, "promote", "pipeline")
        assert promotion.evidence == expected["evaluate"]["evidence"]
        assert [frozen.digest for frozen, _ in list_snapshots(context.database)] == [model.snapshot]
        assert {key.split("/")[1] for key in context.artifacts.keys("bundles")} == {model.bundle}
        assert context.bundle(model.bundle).digest == model.bundle
        tracking = context.tracking()
        registered = tracking.version_of(model.bundle)
        assert registered is not None
        assert (registered.version, registered.run_id) == (1, model.run_id)
        assert tracking.champion() == 1
        with opened(tmp_path / "plain") as plain:
            whole = context_of(plain)
            for table in (products, labels):
                assert _count(context, table) == _count(whole, table)
            assert _count(context, steps) == _count(whole, steps) == 2
        assert _count(context, loads) == 2
        # And from here on there is nothing left to do.
        results = run_pipeline(context, given(tmp_path / "shop"))
        assert [result.name for result in results if result.skipped] == ["train", "register"]
        assert results[-1].output["champion"] == 1
        assert len(context.ledger.history()) == 1
