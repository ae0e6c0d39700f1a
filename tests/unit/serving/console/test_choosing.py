"""Choosing a category: a taxonomy that opens branch by branch, and what a reviewer is told when it cannot be."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update

from aisle.review.desk import ReviewDesk
from aisle.serving.predictor import Model
from aisle.storage.database import Database
from aisle.storage.objects import Objects
from aisle.storage.schema import products, review_items
from tests.catalogues import jpeg
from tests.unit.serving.console.browsing import Browser, Knows, given, put_in_queue

TAXONOMY = {
    f"Aisle {top:02} > Shelf {middle:02} > Box {low:02}": f"Aisle {top:02} > Shelf {middle:02} > Box {low:02}"
    for top in range(20)
    for middle in range(25)
    for low in range(10)
}


@pytest.fixture
def model() -> Model:
    return Knows("bundle-a", {**TAXONOMY, **{f"flat-{number}": f"Flat {number:03}" for number in range(407)}})


@pytest.fixture
def reviewer(browser: Browser, database: Database, keys: dict[str, str]) -> Browser:
    put_in_queue(database, "Piscine", "Perceuse", "Roman", code="flat-3")
    browser.sign_in(keys["reviewer"])
    return browser


def item_of(page: str) -> str:
    found = re.search(r'data-item="(\d+)"', page)
    assert found
    return found[1]


def test_a_page_holds_a_level_of_a_large_taxonomy_and_no_more(reviewer: Browser):
    page = reviewer.get("/review")
    assert len(page.content) < 60_000
    assert "Aisle 07" in page.text
    assert "Shelf 07" not in page.text
    assert page.text.count("<details") == 20
    shelf = reviewer.get("/review/categories?path=Aisle 07")
    assert shelf.text.count("<details") == 25
    boxes = reviewer.get("/review/categories?path=Aisle 07 > Shelf 03").text
    assert boxes.count('form="decide"') == 10
    assert "Aisle 07 &gt; Shelf 03 &gt; Box 00" in boxes


def test_more_of_a_long_level_comes_when_it_is_asked_for(reviewer: Browser):
    found = re.search(r'hx-get="([^"]+from=100)"', reviewer.get("/review").text)
    assert found
    more = reviewer.get(found[1].removeprefix("/console").replace("&amp;", "&")).text
    assert more.count('form="decide"') == 100
    assert "autofocus" in more
    assert "<ul" not in more
    assert reviewer.get("/review/categories?from=999999999999").status_code == 200


def test_a_search_is_bounded_and_tells_how_many_there_are(reviewer: Browser):
    found = reviewer.get("/review/categories?q=flat").text
    assert found.count('form="decide"') == 20
    assert "Found: 407" in found
    assert len(reviewer.get(f"/review/categories?q={'x' * 5_000}").content) < 1_000


def test_a_category_that_there_is_not_is_refused_and_nothing_kept(reviewer: Browser, database: Database):
    item = item_of(reviewer.get("/review").text)
    answer = reviewer.post("/review/decide", item=item, code="no such code")
    assert answer.status_code == 422
    assert "There is no category" in answer.text
    assert item_of(answer.text) == item
    assert given(database) == []


def test_a_lease_that_ran_out_is_told_and_nothing_is_kept_or_lost(reviewer: Browser, database: Database):
    item = item_of(reviewer.get("/review").text)
    with database.transaction() as connection:
        past = datetime.now(UTC) - timedelta(minutes=1)
        connection.execute(update(review_items).where(review_items.c.id == int(item)).values(leased_until=past))
    other = ReviewDesk(database).next("another")
    assert other is not None
    assert str(other.id) == item
    answer = reviewer.post("/review/decide", item=item, code="flat-3", reason="Mine.")
    assert answer.status_code == 409
    assert "ran out" in answer.text
    assert given(database) == []
    assert item_of(answer.text) != item
    assert reviewer.post("/review/skip", item=item).status_code == 409


def test_a_product_that_was_deleted_is_told_and_the_next_one_comes(reviewer: Browser, database: Database):
    item = item_of(reviewer.get("/review").text)
    with database.transaction() as connection:
        connection.execute(delete(products))
    assert "no more" in reviewer.get("/review").text
    answer = reviewer.post("/review/decide", item=item, code="flat-3")
    assert answer.status_code == 422
    assert "no longer in the catalogue" in answer.text
    assert item_of(answer.text) != item


def test_an_image_is_shown_as_what_it_is_and_one_that_is_none_not_at_all(reviewer: Browser, objects: Objects):
    item = item_of(reviewer.get("/review").text)
    assert reviewer.get(f"/review/{item}/image").status_code == 404
    images = objects.bucket("images")
    images.put("x_train/a.jpg", b"<script>alert(1)</script>")
    assert reviewer.get(f"/review/{item}/image").status_code == 404
    images.put("x_train/a.jpg", jpeg(1))
    answer = reviewer.get(f"/review/{item}/image")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert reviewer.get("/review/999/image").status_code == 422


def test_what_corrections_led_to_stands_beside_the_queue(reviewer: Browser):
    assert "What corrections led to" in reviewer.get("/review").text
    reviewer.post("/preferences", language="fr")
    assert "Ce que les corrections ont donné" in reviewer.get("/review").text
