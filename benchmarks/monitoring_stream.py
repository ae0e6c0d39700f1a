"""Ten million rows through one state: run as a process of its own, whose memory is then nothing else's."""

import json
import time
from pathlib import Path

import numpy as np
import polars as pl

from aisle.monitoring.table import TableState, references_of

ROWS, BATCH = 10_000_000, 50_000


def main() -> None:
    draw = np.random.default_rng(0)
    languages, codes = np.array(["fr", "en", "de", "unknown"]), np.array([str(n) for n in range(27)])

    def batch() -> pl.DataFrame:
        return pl.DataFrame(
            {
                "title_chars": draw.lognormal(4, 0.4, BATCH).round(),
                "confidence": draw.beta(6, 2, BATCH),
                "language": languages[draw.integers(0, 4, BATCH)],
                "predicted": codes[draw.integers(0, 27, BATCH)],
            }
        )

    state = TableState(references_of(batch()), "predicted")
    started = time.perf_counter()
    for _ in range(ROWS // BATCH):
        state.update(batch())
    seconds = time.perf_counter() - started
    assert state.rows == ROWS
    # The kernel's own count of this program's pages: `ru_maxrss` begins with what the process that started it held.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    megabytes = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"megabytes": megabytes, "rows_per_second": ROWS / seconds}))


if __name__ == "__main__":
    main()
