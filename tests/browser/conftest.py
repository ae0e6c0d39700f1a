"""A server with the console, and a real browser that looks at it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.server import Console, open_console

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """The server, one for the tests of a file."""
    with open_console(tmp_path_factory.mktemp("console")) as opened:
        yield opened


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's Chromium."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed (Debian: chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


Visitor = Callable[..., Any]


@pytest.fixture
def enter(console: Console, chromium: Any) -> Iterator[Visitor]:
    """Opens a browser of its own for somebody, signed in; pages are watched for errors, dialogs and foreign hosts."""
    contexts, faults = [], []

    def open_page(name: str = "admin", *, path: str = "try", watched: bool = True, **options: Any) -> Any:
        context = chromium.new_context(locale=options.pop("locale", "en-GB"), **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        if watched:
            page.on("pageerror", lambda error: faults.append(str(error)))
            # A refusal of the server is told on the console too, and is no fault of the page.
            page.on(
                "console",
                lambda line: faults.append(line.text) if line.type == "error" and "status of" not in line.text else 0,
            )
        page.on("request", lambda asked: faults.append(asked.url) if not asked.url.startswith(_own(console)) else 0)
        page.on("dialog", lambda dialog: faults.append(dialog.message))
        page.goto(f"{console.url}/{path}")
        if name:
            page.fill("#key", console.keys[name])
            page.press("#key", "Enter")
            page.wait_for_url(f"{console.url}/{path}")
            # Until then nobody listens to a key.
            page.wait_for_selector("html[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def _own(console: Console) -> tuple[str, ...]:
    return (console.url.removesuffix("/console"), "blob:", "data:")


@pytest.fixture(scope="module")
def axe() -> str:
    """The accessibility checker's script."""
    return Path(__file__).with_name("axe.min.js").read_text(encoding="utf-8")
