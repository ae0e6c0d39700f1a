"""How fast the made-up catalogue is written, without images and with them.

python -m benchmarks.bench_sample
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from aisle.catalog.sample import write_sample
from benchmarks.reporting import Figure, report

ROWS = 84_916
PICTURES = 2_000


def rate(folder: Path, rows: int, *, images: bool) -> float:
    """Return rows a second, training and test rows together."""
    begin = time.perf_counter()
    written = write_sample(folder, rows=rows, seed=1, images=images)
    return (written.rows + written.test_rows) / (time.perf_counter() - begin)


def main() -> int:
    """Run the benchmark and return the exit status."""
    with TemporaryDirectory(prefix="aisle-bench-") as scratch:
        folder = Path(scratch)
        figures = [
            Figure("rows without images", rate(folder / "text", ROWS, images=False), "rows/s", 20_000),
            Figure("rows with images", rate(folder / "images", PICTURES, images=True), "rows/s"),
        ]
    return report("sample", figures, about={"rows": ROWS})


if __name__ == "__main__":
    sys.exit(main())
