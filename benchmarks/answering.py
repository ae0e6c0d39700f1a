"""How many titles a second a saved bundle answers on one core, in a process that holds nothing else.

python -m benchmarks.answering FOLDER TITLES

TITLES is a file with a JSON array of titles; printed are titles a second, and the seconds of the process's first load and
of a further one, as JSON. The first brings the compiler's library with it, whatever is loaded.
"""

import json
import sys
import time
from pathlib import Path

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from aisle.catalog.product import Product
from aisle.models.bundle import Bundle

REPEATS = 5


def main(folder: Path, titles: Path) -> None:
    """Measure, and print what was found."""
    loading = []
    for _ in range(2):
        begin = time.perf_counter()
        bundle = Bundle.load(folder)
        loading.append(time.perf_counter() - begin)
    products = [Product(str(place), title=title) for place, title in enumerate(json.loads(titles.read_text("utf-8")))]
    taken = []
    with threadpool_limits(1):
        for _ in range(REPEATS):
            begin = time.process_time()
            bundle.predict(products, top=1)
            taken.append(time.process_time() - begin)
    print(json.dumps({"titles_per_second": len(products) / min(taken), "loading_s": loading}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
