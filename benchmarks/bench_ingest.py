"""How fast and in how much memory catalogues come in, beside bare writes of the same rows and images by the same clients.

python -m benchmarks.bench_ingest
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from aisle.catalog.archive import ImageArchive, open_images
from aisle.catalog.ingest import Ingest
from aisle.catalog.sample import write_sample
from aisle.catalog.source import open_source
from aisle.errors import ImageProblem
from aisle.settings import Catalog
from aisle.storage.database import Database
from aisle.storage.objects import Bucket, Objects
from benchmarks.reporting import Figure, report
from tests.servers.postgres import PostgresServer
from tests.servers.rados_gateway import RadosGateway

ROWS = 84_916
IMAGES = 4_000
REPEATS = 5
THREADS = 16

_COLUMNS = "id bigint PRIMARY KEY, designation text, description text, productid bigint, imageid bigint"
_BARE = (
    "DROP TABLE IF EXISTS bare_x_train, bare_x_test, bare_y_train",
    *(f"CREATE TABLE bare_{name} ({_COLUMNS})" for name in ("x_train", "x_test")),
    "CREATE TABLE bare_y_train (id bigint PRIMARY KEY, prdtypecode integer)",
)
_FILES = {"X_train_update.csv": "x_train", "Y_train_CVw08PX.csv": "y_train", "X_test_update.csv": "x_test"}

_MEMORY = """
import sys
from pathlib import Path
from aisle.catalog.ingest import Ingest
from aisle.catalog.source import open_source
from aisle.errors import ImageProblem
from aisle.settings import Catalog
from aisle.storage.database import Database
from aisle.storage.objects import Objects
database = Database(sys.argv[2]); database.migrate()
bucket = Objects("file://" + sys.argv[3]).bucket("rakuten-image")
Ingest(database, bucket, Catalog()).run(open_source(Path(sys.argv[1])), share=1.0)
# Not getrusage: its peak counts what the parent had when it forked.
print(next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def seconds(work: Callable[[], object]) -> float:
    """Return how long a call took."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def read_or_none(archive: ImageArchive, split: str, name: str) -> bytes | None:
    """Return an image, or nothing where the archive has none of that name."""
    try:
        return archive.read(split, name, 1 << 24)
    except ImageProblem:
        return None


def bare_copy(url: str, folder: Path) -> None:
    """COPY the files as they are into plain tables with a primary key."""
    with psycopg.connect(url) as connection:
        for name, table in _FILES.items():
            statement = f"COPY bare_{table} FROM STDIN (FORMAT csv, HEADER)"
            with (folder / name).open("rb") as stream, connection.cursor() as cursor, cursor.copy(statement) as copy:
                while block := stream.read(1 << 18):
                    copy.write(block)


def make_bare_tables(url: str) -> None:
    """Make the plain tables anew."""
    with psycopg.connect(url) as connection:
        for statement in _BARE:
            connection.execute(statement)


def ingest(url: str, folder: Path, bucket: Bucket) -> None:
    """Take the whole folder in."""
    database = Database(url)
    Ingest(database, bucket, Catalog(), THREADS).run(open_source(folder), share=1.0)
    database.close()


def rows_beside_copy(server: PostgresServer, folder: Path, bucket: Bucket) -> list[Figure]:
    """Measure rows a second, ours and bare in turns."""
    rows = ROWS + round(ROWS * 13_812 / 84_916)
    ours, bare = [], []
    for _ in range(REPEATS):
        url = server.create()
        Database(url).migrate()
        make_bare_tables(url)
        bare.append(seconds(lambda url=url: bare_copy(url, folder)))
        ours.append(seconds(lambda url=url: ingest(url, folder, bucket)))
        server.drop(url)
    ratio = statistics.median(b / o for b, o in zip(bare, ours, strict=True))
    return [
        Figure("rows into PostgreSQL", rows / statistics.median(ours), "rows/s"),
        Figure("bare COPY of the same rows", rows / statistics.median(bare), "rows/s"),
        Figure("rows, ratio to bare COPY", ratio, "", 0.5),
    ]


def bare_puts(bucket: Bucket, data: list[bytes]) -> None:
    """PUT every image, as many at once as ingest does."""
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(lambda numbered: bucket.put(f"x/{numbered[0]}.jpg", numbered[1]), enumerate(data)):
            pass


def images_beside_puts(server: PostgresServer, store: Objects, folder: Path) -> list[Figure]:
    """Measure images a second into S3, ours and a bare concurrent PUT loop of the same bytes in turns."""
    archive = open_images(folder)
    if archive is None:
        raise RuntimeError(f"{folder} has no images")
    source = open_source(folder)
    names = [
        (split, name)
        for split in source.splits
        for batch in source.products(split, batch_rows=5_000)
        for name in batch.frame["image_name"].to_list()
    ]
    data = [image for split, name in names if (image := read_or_none(archive, split, name)) is not None]
    ours, bare = [], []
    for turn in range(REPEATS):
        store.create_bucket(f"bare-{turn}")
        store.create_bucket(f"ours-{turn}")
        url = server.create()
        Database(url).migrate()
        bare.append(seconds(lambda turn=turn: bare_puts(store.bucket(f"bare-{turn}"), data)))
        ours.append(seconds(lambda url=url, turn=turn: ingest(url, folder, store.bucket(f"ours-{turn}"))))
        server.drop(url)
    ratio = statistics.median(b / o for b, o in zip(bare, ours, strict=True))
    return [
        Figure("images into S3, rows included", len(data) / statistics.median(ours), "images/s"),
        Figure("bare concurrent PUTs of the same bytes", len(data) / statistics.median(bare), "images/s"),
        Figure("images, ratio to bare PUTs", ratio, "", 0.7),
    ]


def peak_memory(server: PostgresServer, folder: Path, scratch: Path) -> float:
    """Return the most memory, in MB, that a process of its own takes for a whole ingest."""
    url = server.create()
    command = [sys.executable, "-c", _MEMORY, str(folder), url, str(scratch)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    server.drop(url)
    return float(done.stdout)


def main() -> int:
    """Run the benchmark and return the exit status."""
    for server in (PostgresServer, RadosGateway):
        if reason := server.available():
            print(f"not run: {reason}", file=sys.stderr)
            return 1
    with TemporaryDirectory(prefix="aisle-bench-") as scratch, PostgresServer() as postgres, RadosGateway() as gateway:
        folder = Path(scratch)
        for name, rows, images in (("text", ROWS, False), ("large", 10 * ROWS, False), ("images", IMAGES, True)):
            write_sample(folder / name, rows=rows, seed=1, images=images)
        store = Objects(gateway.url, access_key=gateway.access_key, secret_key=gateway.secret_key)
        figures = rows_beside_copy(postgres, folder / "text", Objects(f"file://{scratch}/store").bucket("images"))
        figures += images_beside_puts(postgres, store, folder / "images")
        small, large = (peak_memory(postgres, folder / name, folder / "store") for name in ("text", "large"))
        figures += [
            Figure(f"peak memory, {ROWS:,} rows", small, "MB", 400, higher_is_better=False),
            Figure(f"peak memory, {10 * ROWS:,} rows", large, "MB"),
            # A tenth for what the allocators keep; ten times the rows must not show.
            Figure("peak memory, ratio of ten times the rows", large / small, "", 1.1, higher_is_better=False),
        ]
    return report("ingest", figures, about={"rows": ROWS, "images": IMAGES, "repeats": REPEATS})


if __name__ == "__main__":
    sys.exit(main())
