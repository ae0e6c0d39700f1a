"""The review queue: filled, leased, decided, undone, the same on SQLite and on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import polars as pl
import pytest
from sqlalchemy import delete, insert, select, text

from aisle.catalog.product import Product
from aisle.catalog.snapshot import freeze, read
from aisle.errors import InputError, ReviewConflict, ReviewError
from aisle.models.prediction import Candidate, Prediction
from aisle.monitoring.answers import Answered, answer_rows
from aisle.monitoring.feedback import Feedback, FeedbackBook
from aisle.monitoring.prediction_log import PredictionLog
from aisle.review.desk import ReviewDesk
from aisle.review.figures import ReviewBook
from aisle.review.fill import Filled, Shares, fill
from aisle.storage.bulk import insert_frame
from aisle.storage.database import Database
from aisle.storage.objects import Objects
from aisle.storage.schema import labels, predictions, products, review_items, sources

CODES = {"10", "40", "50"}
NOBODY = Shares(drawn=0, double=0)
NOW = datetime.now(UTC)
AGO = NOW - timedelta(days=1)
HOSTILE = "<script>alert(1)</script> l'été \u202e'); DROP TABLE labels; --"


def answer(database: Database, request: str, *given: tuple[Product, str, float, float], keep: bool = True) -> None:
    """Log a request's answers: of each product its category, and the probabilities of that and of `40`."""
    sent = [product for product, *_ in given]
    found = [
        Prediction(
            product.id,
            code,
            code,
            first,
            (Candidate(code, code, first), Candidate("40", "40", second)),
            ("text",),
            review="not confident" if first < 0.6 else None,
        )
        for product, code, first, second in given
    ]
    rows = answer_rows([Answered(request, NOW, 0.001, 3, "bundle", sent, found)], keep_text=keep)
    PredictionLog(database).write(rows)


@pytest.fixture
def shop(database: Database) -> Database:
    """A catalogue of six products, the first three labelled `10`."""
    names = [f"P-{number}" for number in range(6)]
    rows = pl.DataFrame({"id": names, "title": [f"Livre {name}" for name in names], "label": ["10"] * 3 + [None] * 3})
    place = {"source": "shop", "split": "train", "row": 0, "load_id": 1}
    with database.transaction() as connection:
        about = {"layout": "challenge", "mapping": "{}", "sample": "", "image_prefix": ""}
        connection.execute(insert(sources).values(name="shop", **about))
        insert_frame(connection, products, rows.with_columns(*(pl.lit(v).alias(k) for k, v in place.items())))
    return database


def catalogued(number: int) -> Product:
    return Product(f"P-{number}", title=f"Livre P-{number}")


@pytest.fixture
def queue(shop: Database) -> Database:
    """Four answers of the catalogue's products that are unsure, the fourth the least sure, and one that is sure."""
    given = [(catalogued(n), "50", 0.55 - n / 100, 0.3) for n in range(4)]
    answer(shop, "r-1", *given, (catalogued(4), "50", 0.99, 0.01))
    fill(shop, AGO, NOBODY)
    return shop


def desk(database: Database) -> ReviewDesk:
    return ReviewDesk(database, timedelta(minutes=15))


def current(database: Database, product_id: str = "P-3") -> tuple[Any, ...] | None:
    query = text("SELECT code, author FROM current_labels WHERE product_id = :id")
    with database.reading() as connection:
        row = connection.execute(query, {"id": product_id}).one_or_none()
    return None if row is None else tuple(row)


def test_what_is_unsure_waits_and_the_least_sure_goes_first(queue: Database):
    waiting = ReviewBook(queue).waiting()
    assert [item.product_id for item in waiting] == ["P-3", "P-2", "P-1", "P-0"]
    assert {item.reason for item in waiting} == {"uncertain"}
    assert [item.value for item in waiting] == sorted((item.value for item in waiting), reverse=True)
    # All hesitate between the same two: the second tells less than it would alone.
    assert waiting[1].value == pytest.approx((1 - 0.53 + 0.3) / 2**0.5)
    assert fill(queue, AGO, NOBODY) == Filled({"uncertain": 0, "contested": 0, "suspect": 0, "drawn": 0}, 0)


def test_a_costly_category_goes_first(shop: Database):
    answer(shop, "r-1", (catalogued(0), "50", 0.4, 0.3), (catalogued(1), "10", 0.5, 0.3))
    fill(shop, AGO, Shares(drawn=0, double=0, costs={"10": 3.0}))
    assert [item.product_id for item in ReviewBook(shop).waiting()] == ["P-1", "P-0"]


def test_what_is_in_no_catalogue_needs_its_text(shop: Database):
    stranger = Product("0", title=HOSTILE)
    answer(shop, "r-1", (stranger, "50", 0.4, 0.3), keep=False)
    assert fill(shop, AGO, NOBODY).unreadable == 1
    answer(shop, "r-2", (stranger, "50", 0.4, 0.3))
    assert fill(shop, AGO, NOBODY).added["uncertain"] == 1
    item = desk(shop).next("zoe")
    assert item is not None
    assert (item.source, item.title) == ("answers", HOSTILE)
    desk(shop).decide(item.id, "zoe", "10", categories=CODES)
    assert current(shop, item.product_id) == ("10", "zoe")


def test_the_id_alone_makes_no_product_of_the_catalogue(shop: Database):
    answer(shop, "r-1", (Product("P-3", title="Something else"), "50", 0.4, 0.3))
    fill(shop, AGO, NOBODY)
    assert ReviewBook(shop).waiting()[0].source == "answers"


def test_what_somebody_contests_goes_first_and_comes_again(queue: Database):
    book = FeedbackBook(queue)
    said = {"author": "seller", "digest": "d", "code": "10", "reason": HOSTILE}
    book.add(Feedback(client_id="1", request_id="r-1", position=4, product_id="P-4", predicted="50", version=3, **said))
    book.add(Feedback(client_id="2", request_id="r-1", position=0, product_id="P-0", predicted="50", version=3, **said))
    book.add(Feedback(client_id="3", source="shop", split="train", product_id="P-1", **(said | {"code": "40"})))
    fill(queue, AGO, NOBODY)
    waiting = {item.product_id: item for item in ReviewBook(queue).waiting()}
    assert {name for name, item in waiting.items() if item.reason == "contested"} == {"P-0", "P-1", "P-4"}
    assert (waiting["P-4"].suggested, waiting["P-4"].note, waiting["P-1"].suggested) == ("10", HOSTILE, "40")
    item = desk(queue).next("zoe")
    assert item is not None
    assert item.reason == "contested"
    desk(queue).decide(item.id, "zoe", "50", categories=CODES)
    fill(queue, AGO, NOBODY)
    assert item.name not in {one.name for one in ReviewBook(queue).waiting()}
    again = {"request_id": item.request_id, "position": item.position, "product_id": item.product_id}
    if item.request_id is None:
        again = {"source": "shop", "split": "train", "product_id": "P-1"}
    else:
        again |= {"predicted": "50", "version": 3}
    book.add(Feedback(client_id="4", **again, **(said | {"code": "40"})))
    with queue.transaction() as connection:
        earlier = {"changed_at": NOW - timedelta(hours=1)}
        connection.execute(review_items.update().where(review_items.c.id == item.id).values(earlier))
    assert fill(queue, AGO, NOBODY).added["contested"] == 1


def test_suspects_of_the_audit_wait(shop: Database):
    row = {"source": "shop", "split": "train", "id": "P-0", "label": 10, "suggested": "50", "self_confidence": 0.02}
    fill(shop, AGO, NOBODY, suspects=pl.DataFrame([{**row, "suggested_confidence": 0.9}]))
    item = ReviewBook(shop).waiting()[0]
    assert (item.reason, item.suggested, item.drawn) == ("suspect", "50", False)
    assert "0.02" in item.note
    with pytest.raises(ReviewError, match="self_confidence"):
        fill(shop, AGO, NOBODY, suspects=pl.DataFrame([{**row, "suggested_confidence": 0.9}]).drop("self_confidence"))


def test_chance_picks_the_sure_as_well_and_tells_the_share_of_right_answers(queue: Database):
    fill(queue, AGO, Shares(drawn=1, double=0))
    by_chance = [item for item in ReviewBook(queue).waiting() if item.drawn]
    assert [(item.product_id, item.reason, item.value) for item in by_chance] == [("P-4", "drawn", 1.0)]
    item = desk(queue).next("zoe")
    assert item == by_chance[0].__class__.from_row(_row(queue, item.id))
    assert item.blind
    desk(queue).decide(item.id, "zoe", "50", categories=CODES)
    figures = ReviewBook(queue).figures()
    assert (figures.accuracy.value, figures.accuracy.cases) == (1.0, 1)
    assert figures.accuracy.low == pytest.approx(0.2065, abs=1e-3)


def _row(database: Database, item_id: int) -> Any:
    with database.reading() as connection:
        return connection.execute(select(review_items).where(review_items.c.id == item_id)).one()


def test_a_lease_is_one_reviewers_until_it_runs_out(queue: Database):
    first = desk(queue).next("zoe", now=NOW)
    second = desk(queue).next("max", now=NOW)
    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert desk(queue).next("zoe", now=NOW).id == first.id  # type: ignore[union-attr]
    late = NOW + timedelta(minutes=16)
    assert desk(queue).decide(first.id, "zoe", "10", categories=CODES, now=late).item.state == "decided"
    taken = desk(queue).next("eve", now=late)
    assert taken is not None
    assert taken.id == second.id
    with pytest.raises(ReviewConflict, match="ran out"):
        desk(queue).decide(second.id, "max", "10", categories=CODES, now=late)
    assert current(queue, second.product_id) == ("10", "source")


def test_of_many_at_once_no_two_get_the_same(queue: Database):
    start = Barrier(4)

    def take(name: str) -> int | None:
        start.wait()
        item = desk(queue).next(name)
        return None if item is None else item.id

    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(take, ["a", "b", "c", "d"]))
    assert len(set(taken)) == 4
    assert None not in taken
    assert desk(queue).next("e") is None


def test_a_decision_is_a_label_with_its_author_time_and_reason(queue: Database):
    item = desk(queue).next("zoe")
    assert item is not None
    outcome = desk(queue).decide(item.id, "zoe", "10", HOSTILE, categories=CODES)
    assert (outcome.item.state, outcome.item.code, outcome.label_seq) == ("decided", "10", 1)
    with queue.reading() as connection:
        row = connection.execute(select(labels)).one()
    assert (row.author, row.code, row.reason) == ("zoe", "10", f"Review {item.id} (uncertain): {HOSTILE}")
    assert abs(row.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    with pytest.raises(ReviewConflict, match="not open"):
        desk(queue).decide(item.id, "zoe", "10", categories=CODES)


def test_only_people_make_labels(queue: Database):
    fill(queue, AGO, Shares(drawn=1, double=1))
    desk(queue).next("zoe")
    with queue.reading() as connection:
        assert connection.execute(select(labels)).all() == []


@pytest.mark.parametrize("code", ["", "51", HOSTILE, "1" * 100_000])
def test_a_category_that_is_none_is_refused(queue: Database, code: str):
    item = desk(queue).next("zoe")
    assert item is not None
    with pytest.raises(InputError, match="no category"):
        desk(queue).decide(item.id, "zoe", code, categories=CODES)
    assert desk(queue).next("zoe").id == item.id  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["source", "", "  ", "zoe\0", "\u202emax", "z" * 201])
def test_nobody_reviews_under_a_name_that_is_no_person_s(queue: Database, name: str):
    item = desk(queue).next("zoe")
    assert item is not None
    with pytest.raises(InputError):
        desk(queue).decide(item.id, name, "10", categories=CODES)
    with pytest.raises(InputError):
        desk(queue).next(name)
    assert current(queue, item.product_id) is None


def test_what_was_decided_is_taken_back_by_a_row_of_its_own(queue: Database):
    item = desk(queue).next("zoe")
    assert item is not None
    desk(queue).decide(item.id, "zoe", "10", categories=CODES)
    back = desk(queue).undo("zoe")
    assert (back.id, back.state, back.leased_by) == (item.id, "open", "zoe")
    assert current(queue, item.product_id) is None
    desk(queue).decide(item.id, "zoe", "40", categories=CODES)
    assert current(queue, item.product_id) == ("40", "zoe")
    with queue.reading() as connection:
        rows = connection.execute(select(labels.c.seq, labels.c.code, labels.c.withdraws).order_by(labels.c.seq)).all()
    assert [tuple(row) for row in rows] == [(1, "10", None), (2, "10", 1), (3, "40", None)]


def test_the_sources_label_holds_again_after_an_undo(queue: Database):
    reviewed = desk(queue)
    while (item := reviewed.next("zoe")) is not None and item.product_id != "P-0":
        reviewed.skip(item.id, "zoe")
    assert item is not None
    reviewed.decide(item.id, "zoe", "50", categories=CODES)
    assert current(queue, "P-0") == ("50", "zoe")
    reviewed.undo("zoe")
    assert current(queue, "P-0") == ("10", "source")


def test_nothing_is_taken_back_that_somebody_else_has_built_on(queue: Database):
    with pytest.raises(ReviewError, match="no decision"):
        desk(queue).undo("zoe")
    item = desk(queue).next("zoe")
    assert item is not None
    desk(queue).skip(item.id, "zoe")
    assert desk(queue).next("max").id == item.id  # type: ignore[union-attr]
    with pytest.raises(ReviewConflict, match="has the product"):
        desk(queue).undo("zoe")


def test_what_three_pass_on_is_set_aside(queue: Database):
    item = desk(queue).next("a")
    assert item is not None
    for name in ("a", "b", "c"):
        assert desk(queue).next(name).id == item.id  # type: ignore[union-attr]
        left = desk(queue).skip(item.id, name, "unreadable")
    assert left.state == "set_aside"
    assert desk(queue).next("a").id != item.id  # type: ignore[union-attr]


def test_two_who_agree_make_a_label_and_a_third_decides_between_two_who_do_not(shop: Database):
    answer(shop, "r-1", (catalogued(0), "50", 0.4, 0.3), (catalogued(1), "50", 0.5, 0.3))
    fill(shop, AGO, Shares(drawn=0, double=1))

    def say(name: str, code: str) -> Any:
        item = desk(shop).next(name)
        assert item is not None
        return desk(shop).decide(item.id, name, code, categories=CODES)

    assert say("zoe", "50").label_seq is None
    assert say("max", "50").label_seq == 1
    assert say("zoe", "50").item.state == "open"
    assert say("max", "40").item.reviews_wanted == 3
    assert desk(shop).next("zoe") is None
    last = say("eve", "50")
    assert (last.item.state, last.item.code) == ("decided", "50")
    figures = ReviewBook(shop).figures()
    assert figures.agreement.cases == 2
    assert figures.agreement.value == pytest.approx(0.0)
    assert [(one.name, one.labels) for one in figures.reviewers] == [("max", 2), ("zoe", 2), ("eve", 1)]


def test_three_who_say_three_things_leave_it_disputed(shop: Database):
    answer(shop, "r-1", (catalogued(0), "50", 0.4, 0.3))
    fill(shop, AGO, Shares(drawn=0, double=1))
    for name, code in (("a", "10"), ("b", "40"), ("c", "50")):
        item = desk(shop).next(name)
        assert item is not None
        outcome = desk(shop).decide(item.id, name, code, categories=CODES)
    assert (outcome.item.state, outcome.label_seq, current(shop, "P-0")) == ("disputed", None, ("10", "source"))


def test_a_product_that_was_deleted_is_told_as_gone(queue: Database):
    item = desk(queue).next("zoe")
    assert item is not None
    with queue.transaction() as connection:
        connection.execute(delete(products).where(products.c.id == item.product_id))
    assert desk(queue).product(item) is None
    with pytest.raises(ReviewError, match="no longer in the catalogue"):
        desk(queue).decide(item.id, "zoe", "10", categories=CODES)
    assert desk(queue).item(item.id).state == "gone"
    assert desk(queue).next("zoe").id != item.id  # type: ignore[union-attr]


def test_the_log_may_forget_what_is_under_review(queue: Database):
    with queue.transaction() as connection:
        connection.execute(delete(predictions))
    item = desk(queue).next("zoe")
    assert item is not None
    assert desk(queue).product(item).title == f"Livre {item.product_id}"  # type: ignore[union-attr]


def test_the_next_snapshot_takes_corrections_and_says_whose_they_are(queue: Database, tmp_path: Any):
    objects = Objects(f"file://{tmp_path / 'objects'}")
    objects.create_bucket("aisle")
    before = freeze(queue, objects.bucket("aisle"))
    item = desk(queue).next("zoe")
    assert item is not None
    desk(queue).decide(item.id, "zoe", "40", categories=CODES)
    after = freeze(queue, objects.bucket("aisle"))
    assert (after.labelled, after.digest == before.digest) == (before.labelled + 1, False)
    frozen = read(objects.bucket("aisle"), after.digest).filter(pl.col("id") == item.product_id)
    assert frozen.select("label", "label_author").row(0) == ("40", "zoe")


def test_the_way_back_keeps_labels_that_hold(queue: Database):
    reviewed = desk(queue)
    first = reviewed.next("zoe")
    assert first is not None
    reviewed.decide(first.id, "zoe", "40", categories=CODES)
    second = reviewed.next("zoe")
    assert second is not None
    reviewed.decide(second.id, "zoe", "10", categories=CODES)
    reviewed.undo("zoe")
    queue.revert("0006")
    assert current(queue, first.product_id) == ("40", "zoe")
    assert current(queue, second.product_id) == ("10", "source")
    queue.migrate()
    assert current(queue, first.product_id) == ("40", "zoe")
