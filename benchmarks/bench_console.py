"""How large the console's pages are and how soon they show something, in Debian's Chromium on loopback.

python -m benchmarks.bench_console

Each page is opened a few times in a browser that keeps nothing, by somebody who is signed in: bytes are those of the page,
its styles and its scripts as they come over the wire; the first paint is the browser's own word for it.
"""

import shutil
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from aisle.telemetry import configure_logging
from benchmarks.reporting import Figure, report
from tests.browser.conftest import FLAGS
from tests.browser.server import Console, open_console

PAGES = ("try", "review", "catalogue", "models", "drift", "operations")
ROUNDS = 7
_SEEN = """() => {
    const timed = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    const pictures = new Set(["img", "image"]);
    return {
        bytes: timed.filter((one) => !pictures.has(one.initiatorType)).reduce((sum, one) => sum + one.transferSize, 0),
        paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null,
    };
}"""


def seen(browser: Any, console: Console, page: str) -> tuple[float, float]:
    """Return a page's kilobytes, and the milliseconds to its first paint, both medians."""
    rounds = []
    for _ in range(ROUNDS):
        context = browser.new_context(locale="en-GB")
        tab = context.new_page()
        tab.goto(f"{console.url}/try")
        tab.fill("#key", console.keys["admin"])
        tab.press("#key", "Enter")
        tab.wait_for_url(f"{console.url}/try")
        kept = context.cookies()
        context.close()
        # Signing in has filled the browser's cache: another browser looks at the page, with the session only.
        context = browser.new_context(locale="en-GB")
        context.add_cookies(kept)
        tab = context.new_page()
        answer = tab.goto(f"{console.url}/{page}")
        assert answer is not None, page
        assert answer.status == 200, page
        tab.wait_for_load_state("networkidle")
        while (found := tab.evaluate(_SEEN))["paint"] is None:
            tab.wait_for_timeout(50)
        rounds.append(found)
        context.close()
    return median(one["bytes"] for one in rounds) / 1000, median(one["paint"] for one in rounds)


def main() -> int:
    """Run the benchmark and return the exit status."""
    path = shutil.which("chromium")
    if path is None:
        print("chromium is not installed: apt-get install chromium", file=sys.stderr)
        return 2
    from playwright.sync_api import sync_playwright

    configure_logging("warning", "json")
    figures = []
    with (
        TemporaryDirectory(prefix="aisle-bench-") as folder,
        open_console(Path(folder)) as console,
        sync_playwright() as playwright,
    ):
        console.fill()
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        for page in PAGES:
            kilobytes, paint = seen(browser, console, page)
            figures += [
                Figure(f"{page}: before images", kilobytes, "kB", 200, higher_is_better=False),
                Figure(f"{page}: first paint", paint, "ms", 300, higher_is_better=False),
            ]
        browser.close()
    return report("console", figures)


if __name__ == "__main__":
    sys.exit(main())
