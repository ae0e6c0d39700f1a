"""The console of a shop on an ordinary day; the documents' pictures are made here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from aisle.storage.schema import labels
from tests.browser.conftest import Visitor
from tests.browser.goods import picture as photo
from tests.browser.pictures import PHONE, SIZE, picture
from tests.browser.rules import violations
from tests.browser.server import Console
from tests.browser.shop import open_shop

pytestmark = pytest.mark.servers
PAGES = ("try", "review", "models", "operations", "catalogue", "drift")


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """The shop's server, one for the tests of this file."""
    with open_shop(tmp_path_factory.mktemp("shop")) as opened:
        yield opened


def given(console: Console) -> list[tuple[str, str]]:
    """The labels by people of the browser, oldest first."""
    query = select(labels.c.code, labels.c.author).where(labels.c.author.in_(["reviewer", "second"]))
    with console.application.database.reading() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(labels.c.created_at, labels.c.seq))]


def focused(page: Any) -> str:
    """The text of what has the keyboard."""
    text: str = page.evaluate("() => document.activeElement.textContent.trim()")
    return text


def test_every_page_holds_the_rules_of_accessibility_in_both_appearances(enter: Visitor, console: Console, axe: str):
    page = enter("admin", viewport=SIZE)
    for appearance in ("light", "dark"):
        if appearance == "dark":
            page.click("button[value=dark]")
            page.wait_for_selector("html[data-theme=dark]")
        for name in PAGES:
            page.goto(f"{console.url}/{name}")
            assert violations(page, axe) == [], (appearance, name)
            if appearance == "light" and name in {"catalogue", "drift", "operations", "models"}:
                picture(page, name, height=1000 if name == "models" else SIZE["height"])


def test_a_product_finds_its_category_with_reasons(enter: Visitor, tmp_path: Path):
    page = enter("viewer", viewport=SIZE)
    (tmp_path / "piscine.jpg").write_bytes(photo(0))
    page.fill("#title", "Piscine hors sol tubulaire 4 m avec bâche")
    page.fill("#description", "Montage en une heure, filtre à cartouche et échelle compris.")
    page.set_input_files("#image", tmp_path / "piscine.jpg")
    page.wait_for_selector("[data-preview]:not([hidden])")
    page.click("button.primary")
    page.wait_for_selector(".answer:has-text('Jardin > Piscines > Piscines hors sol')")
    assert "text, image" in page.locator("[data-modalities]").inner_text()
    assert "bâche" in page.locator("mark").all_inner_texts()
    picture(page, "try")


def test_the_tree_is_walked_and_decided_in_with_the_keyboard_alone(enter: Visitor, console: Console, axe: str):
    page = enter("reviewer", path="review", viewport=SIZE)
    assert page.locator("mark").count() > 0
    picture(page, "review")
    item = page.locator("[data-item]").get_attribute("data-item")
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    assert focused(page).startswith("Animalerie")
    for _ in range(20):
        if focused(page).startswith("Livres"):
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".tree summary:has-text('Romans')")
    page.keyboard.press("ArrowRight")
    assert focused(page).startswith("Romans")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".tree button:has-text('Policiers')")
    assert violations(page, axe) == []
    page.eval_on_selector("label[for=search]", "(label) => label.scrollIntoView()")
    picture(page, "tree")
    page.keyboard.press("ArrowRight")
    assert focused(page) == "Historiques"
    page.keyboard.press("ArrowLeft")
    assert focused(page).startswith("Romans")
    page.keyboard.press("ArrowLeft")
    assert page.locator(".tree button:has-text('Policiers')").is_hidden()
    page.keyboard.press("ArrowDown")
    assert focused(page).startswith("Bandes dessinées")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert focused(page) == "Policiers"
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=status]:has-text('Policiers'), [role=status]:has-text('others will look')")
    assert page.locator("[data-item]").get_attribute("data-item") != item


def test_a_search_in_the_tree_finds_any_part_of_a_path(enter: Visitor, console: Console):
    page = enter("second", path="review", viewport=SIZE)
    before = len(given(console))
    page.keyboard.press("/")
    page.keyboard.type("policier livres")
    page.wait_for_selector("#found button:has-text('Livres › Romans › Policiers')")
    page.wait_for_selector("#count:has-text('1')")
    page.fill("#search", "epicerie")
    page.keyboard.press("Enter")
    page.wait_for_selector("#found summary:focus:has-text('Épicerie')")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#found button:has-text('Thés')")
    page.fill("#search", "")
    page.wait_for_selector("#found summary:has-text('Puériculture'), #found button:has-text('Puériculture')")
    page.fill("#search", "no such thing")
    page.wait_for_selector("#found:has-text('No category fits.')")
    assert len(given(console)) == before


def test_a_thumb_finds_its_way_through_the_tree_in_the_dark(enter: Visitor, console: Console, axe: str):
    page = enter("second", path="review", viewport=PHONE, has_touch=True, is_mobile=True, color_scheme="dark")
    picture(page, "phone")
    page.tap("#found summary:has-text('Maison')")
    page.wait_for_selector("#found summary:has-text('Linge')")
    page.tap("#found summary:has-text('Linge')")
    page.wait_for_selector("#found button:has-text('Draps')")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
    assert violations(page, axe) == []
    item = page.locator("[data-item]").get_attribute("data-item")
    page.tap("#found button:has-text('Draps')")
    page.wait_for_selector(f"html[data-ready] [data-item]:not([data-item='{item}'])")


def test_a_report_opens_in_an_origin_of_its_own(enter: Visitor, console: Console):
    page = enter("viewer", path="models", viewport=SIZE)
    assert page.locator("a:has-text('Report')").count() == 1
    page.click("a:has-text('Report')")
    page.wait_for_selector("h1:has-text('Training report')")
    assert page.evaluate("() => self.origin") == "null"
    # The session's cookie is not this page's, and nothing can be asked of the server.
    refused = "() => { try { return document.cookie } catch (error) { return error.name } }"
    assert page.evaluate(refused) == "SecurityError"
    page.wait_for_selector("table.sortable th button", state="attached")
    picture(page, "report")
    page.goto(f"{console.url}/models/1/report")
    page.wait_for_selector("[role=alert]:has-text('no report of version 1')")
    page.goto(f"{console.url}/drift")
    page.click("a:has-text('Report')")
    page.wait_for_selector("h1")
    assert page.evaluate("() => self.origin") == "null"


def test_french_names_the_same_things(enter: Visitor, console: Console, axe: str):
    page = enter("second", path="review", locale="fr-FR", viewport=SIZE)
    page.wait_for_selector("h1:has-text('Relecture')")
    page.fill("#search", "rien de tel")
    page.wait_for_selector("#found:has-text('Aucune catégorie ne correspond.')")
    assert violations(page, axe) == []
    page.goto(f"{console.url}/models")
    page.wait_for_selector("a:has-text('Rapport')")


def test_what_corrections_led_to_is_told_to_reviewers_and_on_models(enter: Visitor, console: Console):
    page = enter("second", path="models", viewport=SIZE)
    told = page.locator("section[aria-labelledby=effects]").inner_text()
    assert "214 (+214)" in told
    assert "0.7912 → 0.8146" in told
    assert "214 labels" in page.locator("section[aria-labelledby=requests]").inner_text()
    page.goto(f"{console.url}/review")
    told = page.locator("section[aria-labelledby=led]").inner_text()
    assert "Version 2" in told
    assert "0.7912 → 0.8146" in told
