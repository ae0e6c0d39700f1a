"""SIGKILL at random moments of an ingest with images, run again each time: nothing is lost, nothing doubled."""

import random
import signal
import subprocess
import sys
import time
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

_WORKER = """
import sys
from pathlib import Path
from aisle.catalog.ingest import Ingest
from aisle.catalog.source import open_source
from aisle.settings import Catalog
from aisle.storage.database import Database
from aisle.storage.objects import Objects

folder, database, objects = sys.argv[1:]
bucket = Objects(objects).bucket("rakuten-image")
print("ready", flush=True)
Ingest(Database(database), bucket, Catalog(batch_rows=100), concurrency=4).run(open_source(Path(folder)), share=1.0)
print("done", flush=True)
"""


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

    moments = random.Random(2025)
    kills = 0
    finished = False
    while not finished and kills < 200:
        command = [sys.executable, "-c", _WORKER, str(folder), database_url, f"file://{tmp_path / 'store'}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
            # After fifty kills the rest may run through.
            if kills < 50:
                time.sleep(moments.uniform(0.0, 0.25))
                worker.send_signal(signal.SIGKILL)
            finished = worker.wait() == 0
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
