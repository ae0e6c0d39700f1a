"""The console in a real browser: every page, with the keyboard, on a phone, in French, and with whoever means harm."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from aisle.storage.schema import labels, products, review_items
from tests.browser.conftest import Visitor
from tests.browser.rules import violations
from tests.browser.server import HOSTILE, Console
from tests.catalogues import jpeg

pytestmark = pytest.mark.servers
PAGES = ("try", "review", "models", "operations", "catalogue", "drift")


@pytest.fixture(autouse=True)
def _fresh(console: Console) -> None:
    console.fill()


def given(console: Console) -> list[tuple[str, str, str]]:
    with console.application.database.reading() as connection:
        query = select(labels.c.product_id, labels.c.code, labels.c.author).order_by(labels.c.created_at, labels.c.seq)
        return [tuple(row) for row in connection.execute(query)]


def test_every_page_is_there_and_holds_the_rules_of_accessibility(enter: Visitor, console: Console, axe: str):
    page = enter("admin")
    for name in PAGES:
        page.click(f"nav a[href$='/{name}']")
        page.wait_for_url(f"{console.url}/{name}")
        assert page.locator("nav a[aria-current=page]").get_attribute("href").endswith(name)
        assert page.locator("h1").count() == 1
        assert "owned" not in page.title()
        assert violations(page, axe) == [], name
        size = page.evaluate("() => document.documentElement.outerHTML.length")
        assert size < 200_000
    page.click("button[value=dark]")
    page.wait_for_selector("html[data-theme=dark]")
    for name in PAGES:
        page.goto(f"{console.url}/{name}")
        assert page.locator("html").get_attribute("data-theme") == "dark"
        assert violations(page, axe) == [], name


def test_a_product_is_reviewed_with_the_keyboard_alone(enter: Visitor, console: Console):
    page = enter("reviewer", path="review")
    assert HOSTILE[:8] in page.locator("#product").inner_text()
    first = page.locator("[data-key='1']").get_attribute("value")
    page.keyboard.press("1")
    page.wait_for_selector("html[data-ready] #product:has-text('numéro 1')")
    assert given(console) == [("P-0", first, "reviewer")]
    page.keyboard.press("s")
    page.wait_for_selector("html[data-ready] #product:has-text('numéro 2')")
    page.keyboard.press("u")
    page.wait_for_selector("html[data-ready] #product:has-text('numéro 1')")
    page.keyboard.press("/")
    page.keyboard.type("category 7")
    page.keyboard.press("Enter")
    page.wait_for_selector("#found button:focus:has-text('category 7')")
    page.keyboard.press("Enter")
    page.wait_for_selector("html[data-ready] #product:has-text('numéro 2')")
    assert given(console)[-1] == ("P-1", "7", "reviewer")
    page.keyboard.press("u")
    page.wait_for_selector("html[data-ready] #product:has-text('numéro 1')")
    assert len(given(console)) == 3


def test_a_phone_shows_all_of_it(enter: Visitor, console: Console, axe: str):
    page = enter("admin", path="review", viewport={"width": 360, "height": 640}, has_touch=True)
    for name in PAGES:
        page.goto(f"{console.url}/{name}")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360, name
    page.goto(f"{console.url}/review")
    assert violations(page, axe) == []
    page.tap("[data-key='2']")
    page.wait_for_selector("html[data-ready] #product:has-text('numéro 1')")


def test_two_reviewers_never_get_the_same_product(enter: Visitor, console: Console):
    one, two = enter("reviewer", path="review"), enter("second", path="review")
    first, second = (page.locator("[data-item]").get_attribute("data-item") for page in (one, two))
    assert first != second
    # Somebody who sends another's product is told so, and nothing is kept.
    two.eval_on_selector("#decide input[name=item]", "(field, item) => { field.value = item }", first)
    two.keyboard.press("1")
    two.wait_for_selector("[role=alert]")
    assert "somebody else's" in two.locator("[role=alert]").inner_text()
    assert given(console) == []
    one.keyboard.press("1")
    one.wait_for_selector("[role=status]")
    assert [author for *_, author in given(console)] == ["reviewer"]


def test_a_product_that_was_deleted_is_told(enter: Visitor, console: Console):
    page = enter("reviewer", path="review")
    with console.application.database.transaction() as connection:
        connection.execute(delete(products).where(products.c.id == "P-0"))
    page.keyboard.press("1")
    page.wait_for_selector("[role=alert]:has-text('no longer in the catalogue')")
    assert "numéro 1" in page.locator("#product").inner_text()


def test_a_category_that_there_is_not_is_refused(enter: Visitor, console: Console):
    page = enter("reviewer", path="review")
    page.eval_on_selector("[data-key='1']", "(button) => { button.value = 'no such code' }")
    page.keyboard.press("1")
    page.wait_for_selector("[role=alert]:has-text('There is no category')")
    assert HOSTILE[:8] in page.locator("#product").inner_text()
    assert given(console) == []


def test_a_lease_that_ran_out_is_told_and_nothing_is_kept(enter: Visitor, console: Console):
    page = enter("reviewer", path="review")
    item = page.locator("[data-item]").get_attribute("data-item")
    with console.application.database.transaction() as connection:
        past = datetime.now(UTC) - timedelta(minutes=1)
        connection.execute(update(review_items).where(review_items.c.id == int(item)).values(leased_until=past))
    other = enter("second", path="review")
    assert other.locator("[data-item]").get_attribute("data-item") == item
    page.keyboard.press("1")
    page.wait_for_selector("[role=alert]:has-text('ran out')")
    assert page.locator("[data-item]").get_attribute("data-item") != item
    assert given(console) == []
    other.keyboard.press("1")
    other.wait_for_selector("[role=status]:has-text('Labelled')")


def test_a_session_that_ended_leads_to_the_door_and_back(enter: Visitor, console: Console):
    page = enter("reviewer", path="review")
    page.context.clear_cookies()
    page.fill("#search", "category")
    page.wait_for_url(lambda url: url.endswith("/sign-in?next=/console/review"))
    page.fill("#key", console.keys["reviewer"])
    page.press("#key", "Enter")
    page.wait_for_url(f"{console.url}/review")
    page.wait_for_selector("html[data-ready] [data-item]")


def test_a_server_that_does_not_answer_is_told(enter: Visitor, console: Console):
    page = enter("reviewer", path="review", watched=False)
    page.route("**/review/categories*", lambda route: route.abort())
    page.fill("#search", "category")
    page.wait_for_selector("[role=alert]:has-text('did not answer')")


def test_a_text_of_a_megabyte_and_a_file_that_is_too_large_are_told(enter: Visitor, tmp_path: Path):
    page = enter("viewer")
    page.eval_on_selector("#title", "(field) => { field.value = 'é'.repeat(400_000) }")
    page.click("button.primary")
    page.wait_for_selector("html[data-ready] [role=alert]:has-text('title')")
    assert page.evaluate("() => document.documentElement.outerHTML.length") < 200_000
    page.fill("#title", "A title")
    (tmp_path / "large.jpg").write_bytes(b"\xff\xd8" + bytes(11_000_000))
    page.set_input_files("#image", tmp_path / "large.jpg")
    assert page.eval_on_selector("#image", "(field) => field.validationMessage") == "This file is too large."


def test_a_hostile_report_can_do_nothing(enter: Visitor, console: Console):
    page = enter("admin", path="models", watched=False)
    asked: list[str] = []
    page.click("a[href$='/models/1/report']")
    page.wait_for_selector("h1:has-text('Report')")
    page.on("request", lambda request: asked.append(request.url))
    assert page.evaluate("() => self.origin") == "null"
    assert "<script>" not in page.locator("#title").inner_text()
    assert page.evaluate("() => fetch('../operations').then(() => 'answered', (error) => error.name)") == "TypeError"
    assert (
        page.evaluate("() => { try { localStorage; return 'read' } catch (error) { return error.name } }") == "SecurityError"
    )
    page.eval_on_selector("#form", "(form) => form.submit()")
    assert page.title() == "report"
    assert asked == []
    assert [row.version for row in console.application.ledger.history()][-1] == 1


def test_an_image_is_dropped_and_an_answer_comes_with_its_reasons(enter: Visitor, tmp_path: Path):
    page = enter("viewer")
    assert page.locator("nav a[href$='/review']").count() == 0
    (tmp_path / "<b>a.jpg").write_bytes(jpeg(3))
    page.fill("#title", HOSTILE + " title")
    page.set_input_files("#image", tmp_path / "<b>a.jpg")
    page.wait_for_selector("[data-preview]:not([hidden])")
    page.click("text=Classify")
    page.wait_for_selector("#answer")
    assert "text" in page.locator("[data-modalities]").inner_text()
    assert page.locator("mark").first.inner_text() == "title"
    assert page.locator("table").count() == 2
    (tmp_path / "no.jpg").write_bytes(b"<script>no image</script>")
    page.set_input_files("#image", tmp_path / "no.jpg")
    page.click("text=Classify")
    page.wait_for_selector("[role=alert]")
    assert page.locator("#answer").count() == 0


def test_a_champion_is_made_and_a_stale_page_is_refused(enter: Visitor, console: Console):
    page, stale = enter("admin", path="models"), enter("admin", path="models")
    assert HOSTILE[:8] in page.locator("main").inner_text()
    page.fill("form[action$=promote] input[name=reason]", "Better on gold rows.")
    page.click("form[action$=promote] button")
    page.wait_for_selector("[role=status]:has-text('Version 2')")
    stale.fill("form[action$=promote] input[name=reason]", "Late.")
    with stale.expect_response(lambda answer: answer.request.method == "POST") as refused:
        stale.click("form[action$=promote] button")
    stale.wait_for_selector("[role=alert]:has-text('admin made version 2 champion')")
    assert refused.value.status == 409
    assert [row.reason for row in console.application.ledger.history()][-1] == "Better on gold rows."
    page.fill("form[action$=rollback] input[name=reason]", "Complaints.")
    page.click("form[action$=rollback] button")
    page.wait_for_selector("[role=status]:has-text('Version 1')")
    page.check("input[name=version][value='1']")
    page.check("input[name=version][value='2']")
    page.click("section > button:has-text('Compare')")
    page.wait_for_selector("#comparison")
    page.goto(f"{console.url}/operations")
    told = page.locator("main").inner_text()
    for word in ("sign-in", "promote refused", "rollback", "Complaints."):
        assert word in told


def test_whoever_has_no_key_stays_outside(enter: Visitor, console: Console, axe: str):
    page = enter("", path="models")
    assert "/sign-in?next=" in page.url
    assert violations(page, axe) == []
    page.fill("#key", "aisle_0123456789ab_" + "x" * 43)
    page.press("#key", "Enter")
    page.wait_for_selector("[role=alert]:has-text('not known')")
    page.fill("#key", HOSTILE)
    page.press("#key", "Enter")
    page.wait_for_selector("[role=alert]:has-text('form')")
    assert page.context.cookies() == []
    page.fill("#key", console.keys["viewer"])
    page.press("#key", "Enter")
    page.wait_for_selector("nav")
    cookie = next(one for one in page.context.cookies() if one["name"] == "aisle_session")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/console")
    assert page.locator("form[action$=promote]").count() == 0
    page.goto(f"{console.url}/review")
    page.wait_for_selector("[role=alert]:has-text('reviewer')")
    page.goto(f"{console.url}/try")
    page.click("text=Sign out")
    page.wait_for_selector("#key")


def test_french_is_spoken(enter: Visitor, console: Console):
    page = enter("admin", path="review", locale="fr-FR")
    assert page.locator("html").get_attribute("lang") == "fr"
    for name in PAGES:
        page.goto(f"{console.url}/{name}")
        assert "Se déconnecter" in page.locator("header").inner_text()
    assert page.locator("h1").inner_text() == "Dérive"
    page.click("button[value=en]")
    page.wait_for_selector("h1:has-text('Drift')")
