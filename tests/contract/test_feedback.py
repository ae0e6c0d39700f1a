"""Feedback: the same on SQLite, on PostgreSQL and in the fake of the unit tests."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import polars as pl
import pytest
from sqlalchemy import func, select

from aisle.catalog.product import Product
from aisle.errors import FeedbackConflict
from aisle.models.prediction import Candidate, Prediction
from aisle.monitoring.answers import Answered, answer_rows
from aisle.monitoring.feedback import CatalogueProduct, Feedback, FeedbackBook, LoggedAnswer
from aisle.monitoring.prediction_log import PredictionLog
from aisle.storage.bulk import insert_frame
from aisle.storage.database import Database
from aisle.storage.schema import feedback, products
from tests.unit.serving.fakes import FakeAnswers, FakeFeedback

SAID = Feedback(
    author="zoe",
    client_id="ticket-1",
    digest="d",
    code="10",
    reason="é 'quoted'; DROP TABLE feedback; --",
    request_id="r-2",
    position=1,
    product_id="B",
    predicted="50",
    version=3,
)
CATALOGUE = [("shop", "train", "A-1"), ("shop", "test", "A-1"), ("other", "train", "A-1"), ("shop", "train", "A-2")]


def answers(request_id: str, *names: str, code: str = "50") -> list[dict[str, Any]]:
    sent = [Product(name, name) for name in names]
    found = [Prediction(p.id, code, "Games", 0.7, (Candidate(code, "Games", 0.7),), ("text",)) for p in sent]
    return answer_rows([Answered(request_id, datetime.now(UTC), 0.001, 3, "bundle", sent, found)], keep_text=False)


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FeedbackBook | FakeFeedback]:
    """A book of feedback about the answers r-1 (one product), r-2 (three) and the catalogue."""
    logged = [answers("r-1", "0"), answers("r-2", "A", "B", "A")]
    if request.param == "fake":
        log = FakeAnswers()
        for rows in logged:
            log.write(rows)
        yield FakeFeedback(log, [CatalogueProduct(*names) for names in CATALOGUE])
        return
    sqlite = request.param == "sqlite"
    database = Database(f"sqlite:///{tmp_path / 'book.db'}" if sqlite else request.getfixturevalue("postgres_url"))
    database.migrate()
    for rows in logged:
        PredictionLog(database).write(rows)
    catalogued = pl.DataFrame(CATALOGUE, schema=["source", "split", "id"], orient="row").with_columns(row=0, load_id=1)
    with database.transaction() as connection:
        insert_frame(connection, products, catalogued)
    yield FeedbackBook(database)
    database.close()


def test_what_was_said_is_kept(book: FeedbackBook | FakeFeedback):
    assert book.known("zoe", "ticket-1") is None
    kept, new = book.add(SAID)
    assert (kept.feedback, new) == (SAID, True)
    assert abs(datetime.now(UTC) - kept.created_at) < timedelta(minutes=1)
    assert book.known("zoe", "ticket-1") == kept
    assert book.known("max", "ticket-1") is None


def test_the_same_again_adds_nothing_and_something_else_is_refused(book: FeedbackBook | FakeFeedback):
    kept, _ = book.add(SAID)
    assert book.add(SAID) == (kept, False)
    with pytest.raises(FeedbackConflict, match="ticket-1"):
        book.add(replace(SAID, digest="another", code="50"))
    assert book.known("zoe", "ticket-1") == kept
    other, new = book.add(replace(SAID, author="max", digest="another"))
    assert new
    assert other.feedback.author == "max"


def test_feedback_about_the_catalogue_has_no_answer(book: FeedbackBook | FakeFeedback):
    said = Feedback("zoe", "1", "d", "10", source="shop", split="train", product_id="A-2")
    kept, _ = book.add(said)
    assert kept.feedback == said
    assert kept.feedback.verdict == "catalogued"
    assert (SAID.verdict, replace(SAID, code="50").verdict) == ("corrected", "confirmed")


@pytest.mark.parametrize(
    ("question", "found"),
    [
        (("r-1",), (0, "0")),
        (("r-2",), (2, "A")),
        (("r-2", 1), (1, "B")),
        (("r-2", 0, "A"), (0, "A")),
        (("r-2", None, "A"), (2, "A")),
        (("r-2", None, "B"), (1, "B")),
        (("r-2", 3), None),
        (("r-2", 1, "A"), None),
        (("r-3",), None),
        (("' OR 1=1 --",), None),
    ],
)
def test_an_answer_is_found(book: FeedbackBook | FakeFeedback, question: tuple, found: tuple | None):
    assert book.answer(*question) == (None if found is None else LoggedAnswer(*found, "50", 3))


@pytest.mark.parametrize(
    ("question", "found"),
    [
        (("A-2",), [("shop", "train")]),
        (("A-1", "other"), [("other", "train")]),
        (("A-1", "shop", "test"), [("shop", "test")]),
        (("A-1", "shop"), 2),
        (("A-1",), 2),
        (("A-1", None, "test"), [("shop", "test")]),
        (("A-9",), []),
        (("a-1",), []),
    ],
)
def test_a_product_is_found(book: FeedbackBook | FakeFeedback, question: tuple, found: Any):
    products = book.products(*question)
    if isinstance(found, int):
        assert len(products) == found
    else:
        assert [(p.source, p.split) for p in products] == found


def test_the_newest_of_several_answers_under_one_request_id_counts(database: Database):
    log = PredictionLog(database)
    for code in ("10", "20", "30"):
        log.write(answers("r-1", "0", code=code))
    found = FeedbackBook(database).answer("r-1")
    assert found is not None
    assert found.code == "30"


def test_of_many_who_send_the_same_at_once_one_adds_it(database: Database):
    book = FeedbackBook(database)
    start = Barrier(8)

    def add(_: int) -> bool:
        start.wait()
        return book.add(SAID)[1]

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(add, range(8))) == 1
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(feedback)) == 1


def test_the_way_back_drops_what_servers_keep_step_by_step(database: Database):
    FeedbackBook(database).add(SAID)
    for revision in ("0003", "0002", "0001"):
        database.revert(revision)
    database.migrate()
    assert FeedbackBook(database).known("zoe", "ticket-1") is None
