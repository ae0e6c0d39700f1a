"""SIGKILL at random moments of an ingest with images, run again each time: nothing is lost, nothing doubled."""

import multiprocessing
import random
from pathlib import Path

import pytest
from sqlalchemy import func, select

from aisle.catalog.ingest import Ingest
from aisle.catalog.loads import list_loads
from aisle.catalog.snapshot import freeze
from aisle.catalog.source import open_source
from aisle.settings import Catalog
from aisle.storage.database import Database
from aisle.storage.objects import Objects
from aisle.storage.schema import labels, products, rejects
from tests.catalogues import write_challenge


def _work(folder: Path, database_url: str, objects_url: str) -> None:
    bucket = Objects(objects_url).bucket("rakuten-image")
    ingest = Ingest(Database(database_url), bucket, Catalog(batch_rows=100), concurrency=4)
    ingest.run(open_source(folder), share=1.0)


def _count(database: Database, table) -> int:
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


@pytest.mark.slow
def test_fifty_kills_end_in_the_digest_of_an_uninterrupted_run(tmp_path: Path, database_url: str):
    # Many small batches, so that kills fall into every part of the work: reading, images, storing, between splits.
    folder = write_challenge(tmp_path / "shop", train=12_000, test=1_500)
    # Some rows of each kind that is refused, so that rejects are counted once too.
    path = folder / "X_train_update.csv"
    path.write_text(path.read_text().replace("\n700,", "\n7,").replace("\n5100,", "\n,"))
    store = Objects(f"file://{tmp_path / 'store'}")
    plain = Database(f"sqlite:///{tmp_path / 'plain.db'}")
    plain.migrate()
    Ingest(plain, store.bucket("plain"), Catalog(batch_rows=100)).run(open_source(folder), share=1.0)
    expected = freeze(plain, store.bucket("aisle")).digest
    database = Database(database_url)
    database.migrate()

    # Processes that are forked from one that has imported everything: a kill falls into the work, not into the imports.
    start = multiprocessing.get_context("forkserver")
    start.set_forkserver_preload(["aisle.catalog.ingest", "aisle.storage.objects"])
    moments = random.Random(2025)
    kills = 0
    finished = False
    while not finished and kills < 200:
        worker = start.Process(target=_work, args=(folder, database_url, f"file://{tmp_path / 'store'}"))
        worker.start()
        # After fifty kills the rest may run through.
        worker.join(moments.uniform(0.05, 0.35) if kills < 50 else None)
        worker.kill()
        worker.join()
        finished = worker.exitcode == 0
        kills += not finished
    assert kills >= 50
    assert finished
    assert freeze(database, store.bucket("aisle")).digest == expected
    assert _count(database, products) == _count(plain, products) == 13_498
    assert _count(database, labels) == _count(plain, labels)
    assert _count(database, rejects) == _count(plain, rejects) == 2
    assert sorted(store.bucket("rakuten-image").keys(prefix="")) == sorted(store.bucket("plain").keys(prefix=""))
    for load in list_loads(database):
        assert load.state == "done"
        assert load.rows_loaded + load.rows_rejected == load.rows_expected
    database.close()
