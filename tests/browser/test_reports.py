"""The reports as a browser sees them: pages of their own, that load nothing and that everybody can read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aisle.training.report.page import report_page
from tests.browser.rules import violations
from tests.unit.monitoring.pages import HOSTILE, monitored
from tests.unit.training.report.judgements import full

pytestmark = pytest.mark.servers


@pytest.fixture
def look(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    """Opens a page from a file; whatever it asks for beside itself, says to its console or raises is a fault."""
    faults: list[str] = []
    context = chromium.new_context(viewport={"width": 1280, "height": 900})

    def opened(page: str) -> Any:
        place = tmp_path / "report.html"
        place.write_text(page, encoding="utf-8")
        tab = context.new_page()
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda line: faults.append(line.text))
        tab.on("dialog", lambda dialog: faults.append(dialog.message))
        tab.on(
            "request", lambda asked: faults.append(asked.url) if asked.url[:5] not in {"data:", place.as_uri()[:5]} else 0
        )
        tab.goto(place.as_uri())
        return tab

    yield opened
    context.close()
    assert faults == []


@pytest.mark.parametrize("name", ["monitoring", "training"])
def test_a_report_is_drawn_and_readable_and_loads_nothing(look: Any, axe: str, name: str) -> None:
    page = look(monitored() if name == "monitoring" else report_page(full()))
    assert page.locator("h1").count() == 1
    charts = page.locator("svg")
    assert charts.count() >= 5
    boxes = [charts.nth(number).bounding_box() for number in range(charts.count())]
    assert all(box is None or (box["width"] > 20 and box["height"] > 5) for box in boxes)
    assert sum(box is not None for box in boxes) >= 5
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    assert violations(page, axe) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, axe) == []


def test_what_a_catalogue_says_is_shown_and_does_nothing(look: Any) -> None:
    page = look(monitored(title=HOSTILE))
    assert "owned" not in page.title()
    assert "<script>" in page.inner_text("body")
