"""People who review at the same moment, or take back what others have built on: the same on SQLite and on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import polars as pl
import pytest
from sqlalchemy import insert, select, update

from aisle.errors import ReviewConflict
from aisle.monitoring.feedback import Feedback, FeedbackBook
from aisle.review.desk import ReviewDesk
from aisle.review.figures import ReviewBook
from aisle.review.fill import Shares, fill
from aisle.review.items import ReviewItem
from aisle.storage.bulk import insert_frame
from aisle.storage.database import Database
from aisle.storage.schema import labels, products, review_items, sources

CODES = {"10", "40", "50"}
AGO = datetime.now(UTC) - timedelta(days=1)
SINGLE, DOUBLE = Shares(drawn=0, double=0), Shares(drawn=0, double=1)


@pytest.fixture
def shop(database: Database) -> Database:
    """Three products labelled `10`, of each of which a seller says that it is `40`."""
    names = [f"P-{number}" for number in range(3)]
    rows = pl.DataFrame({"id": names, "title": [f"Livre {name}" for name in names], "label": ["10"] * 3})
    place = {"source": "shop", "split": "train", "row": 0, "load_id": 1}
    with database.transaction() as connection:
        about = {"layout": "challenge", "mapping": "{}", "sample": "", "image_prefix": ""}
        connection.execute(insert(sources).values(name="shop", **about))
        insert_frame(connection, products, rows.with_columns(*(pl.lit(v).alias(k) for k, v in place.items())))
    for name in names:
        contest(database, name, f"first {name}")
    return database


@pytest.fixture
def desk(database: Database) -> ReviewDesk:
    return ReviewDesk(database)


def contest(database: Database, name: str, own: str, code: str = "40") -> None:
    said = Feedback("seller", own, own, code, source="shop", split="train", product_id=name)
    FeedbackBook(database).add(said)


def taken(desk: ReviewDesk, reviewer: str) -> ReviewItem:
    item = desk.next(reviewer)
    assert item is not None
    return item


def written(database: Database) -> list[tuple[str, int, str, str]]:
    columns = labels.c.product_id, labels.c.seq, labels.c.code, labels.c.author
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(*columns))]


def test_a_button_that_is_pressed_twice_makes_one_label(shop: Database, desk: ReviewDesk):
    fill(shop, AGO, SINGLE)
    item, start = taken(desk, "zoe"), Barrier(4)

    def decide(code: str) -> bool:
        start.wait()
        try:
            desk.decide(item.id, "zoe", code, categories=CODES)
        except ReviewConflict:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        kept = list(threads.map(decide, ["40", "40", "50", "10"]))
    assert kept.count(True) == 1
    (label,) = written(shop)
    assert (label[0], label[1], label[3]) == (item.product_id, 1, "zoe")
    assert len(ReviewBook(shop).decisions(item.id)) == 1


def test_two_who_fill_the_queue_at_once_put_nothing_in_twice(shop: Database):
    start = Barrier(4)

    def put(_: int) -> int:
        start.wait()
        return fill(shop, AGO, SINGLE).added["contested"]

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(put, range(4))) == 3
    assert len(ReviewBook(shop).waiting()) == 3


def test_the_second_of_two_may_change_their_mind_and_the_first_may_not(shop: Database, desk: ReviewDesk):
    fill(shop, AGO, DOUBLE)
    item = taken(desk, "zoe")
    desk.decide(item.id, "zoe", "40", categories=CODES)
    assert taken(desk, "max").id == item.id
    assert desk.decide(item.id, "max", "40", categories=CODES).label_seq == 1
    with pytest.raises(ReviewConflict, match="Somebody else"):
        desk.undo("zoe")
    assert desk.undo("max").state == "open"
    # What was taken back is no agreement.
    assert ReviewBook(shop).figures().agreement.cases == 0
    desk.decide(item.id, "max", "50", categories=CODES)
    assert ReviewBook(shop).figures().agreement.cases == 1
    assert desk.item(item.id).reviews_wanted == 3
    assert [(seq, code) for _, seq, code, _ in written(shop)] == [(1, "40"), (2, "40")]


def test_a_label_that_came_since_is_not_taken_back(shop: Database, desk: ReviewDesk):
    fill(shop, AGO, SINGLE)
    item = taken(desk, "zoe")
    desk.decide(item.id, "zoe", "40", categories=CODES)
    newer = {"source": "shop", "split": "train", "product_id": item.product_id, "seq": 2, "code": "50", "author": "source"}
    with shop.transaction() as connection:
        connection.execute(insert(labels).values(newer))
    with pytest.raises(ReviewConflict, match="another label since"):
        desk.undo("zoe")
    assert desk.item(item.id).state == "decided"
    assert len(written(shop)) == 2


def test_what_is_contested_anew_is_decided_there(shop: Database, desk: ReviewDesk):
    fill(shop, AGO, SINGLE)
    item = taken(desk, "zoe")
    desk.decide(item.id, "zoe", "50", categories=CODES)
    with shop.transaction() as connection:
        # An hour ago, so that what the seller says now is news.
        earlier = {"changed_at": datetime.now(UTC) - timedelta(hours=1)}
        connection.execute(update(review_items).where(review_items.c.id == item.id).values(earlier))
    contest(shop, item.product_id, "again", "40")
    assert fill(shop, AGO, SINGLE).added["contested"] == 1
    with pytest.raises(ReviewConflict, match="in the queue anew"):
        desk.undo("zoe")
    assert written(shop) == [(item.product_id, 1, "50", "zoe")]


def test_a_lease_that_ran_out_keeps_nothing_once_somebody_else_came(shop: Database, desk: ReviewDesk):
    fill(shop, AGO, SINGLE)
    now = datetime.now(UTC)
    item = taken(desk, "zoe")
    later = now + timedelta(hours=1)
    other = desk.next("max", now=later)
    assert other is not None
    assert other.id == item.id
    for attempt in (
        lambda: desk.decide(item.id, "zoe", "40", categories=CODES, now=later),
        lambda: desk.skip(item.id, "zoe", now=later),
    ):
        with pytest.raises(ReviewConflict, match="ran out, and it is somebody else's"):
            attempt()
    assert written(shop) == []
    assert ReviewBook(shop).decisions(item.id) == []
    desk.decide(item.id, "max", "40", categories=CODES, now=later)
    assert [author for *_, author in written(shop)] == ["max"]
