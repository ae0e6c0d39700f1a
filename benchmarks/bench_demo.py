"""How long the demo takes on an environment that is set up, from nothing and a second time.

python -m benchmarks.bench_demo
"""

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.reporting import Figure, report


def demo_seconds(home: Path) -> float:
    """Return how long `aisle demo` takes."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "aisle", "demo", "--home", str(home)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main() -> int:
    """Run the benchmark and return the exit status."""
    with TemporaryDirectory(prefix="aisle-bench-") as folder:
        first = demo_seconds(Path(folder))
        again = demo_seconds(Path(folder))
    return report(
        "demo",
        [
            Figure("demo from nothing", first, "s", 40, higher_is_better=False),
            Figure("demo again, what is up to date passed over", again, "s"),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
