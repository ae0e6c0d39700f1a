"""The prediction log: the same on SQLite, on PostgreSQL and in the fake of the unit tests."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from aisle.catalog.product import Product
from aisle.errors import DatabaseError
from aisle.models.prediction import Candidate, Prediction
from aisle.monitoring.answers import Answered, answer_rows
from aisle.monitoring.prediction_log import PredictionLog
from aisle.storage.database import Database
from aisle.storage.schema import predictions
from tests.unit.serving.fakes import FakeAnswers

NOW = datetime.now(UTC)
HOSTILE = ["a\tb\\N\n\r\\", "'); DROP TABLE predictions; --", "\\N", "\\.", "\u2028 é 漢 🛏", "a\0b", '"quoted"', "", " "]


def answered(*titles: str | None, request_id: str = "r-1", at: datetime = NOW) -> Answered:
    products = [Product(title or "none", title, title, title) for title in titles]
    top = (Candidate("10", "Books", 0.7), Candidate("50", "Games", 0.1 + 0.2))
    found = [Prediction(p.id, "10", "Books", 0.7, top, ("text", "image"), ("10",), "not confident") for p in products]
    return Answered(request_id, at, 0.00125, 3, "bundle", products, found)


def rows(database: Database) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return [dict(row._mapping) for row in connection.execute(select(predictions).order_by(predictions.c.id))]


@pytest.fixture
def log(database: Database) -> PredictionLog:
    return PredictionLog(database)


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    """Where a server writes, and how a test reads it."""
    if request.param == "fake":
        fake = FakeAnswers()
        yield fake, lambda: fake.rows
        return
    sqlite = request.param == "sqlite"
    database = Database(f"sqlite:///{tmp_path / 'log.db'}" if sqlite else request.getfixturevalue("postgres_url"))
    database.migrate()
    yield PredictionLog(database), lambda: rows(database)
    database.close()


def test_what_is_written_comes_back(store: tuple[Any, Any]) -> None:
    writer, read = store
    given = answer_rows([answered(*HOSTILE), answered(None, request_id="r-2")], keep_text=True)
    writer.write(given)
    writer.write(answer_rows([], keep_text=True))
    found = [{name: value for name, value in row.items() if name != "id"} for row in read()]
    assert found == given
    assert found[0]["answered_at"].utcoffset() == timedelta(0)


def test_a_batch_is_written_whole_or_not_at_all(log: PredictionLog, database: Database) -> None:
    given = answer_rows([answered("a", "b")], keep_text=False)
    with pytest.raises(Exception, match="code"):
        log.write([*given, *({**row, "code": None} for row in given)])
    assert rows(database) == []


def test_a_database_that_is_gone_says_so(tmp_path: Path) -> None:
    log = PredictionLog(Database(f"sqlite:///{tmp_path}"))
    with pytest.raises(DatabaseError):
        log.write(answer_rows([answered("a")], keep_text=False))


def test_pruning_deletes_what_is_old_in_batches(log: PredictionLog, database: Database) -> None:
    for days in range(10):
        log.write(answer_rows([answered("a", "b", "c", at=NOW - timedelta(days=days))], keep_text=False))
    cut = NOW - timedelta(days=4)
    assert log.prune(cut, batch=4) == 15
    left = rows(database)
    assert len(left) == 15
    assert all(row["answered_at"] >= cut for row in left)
    assert log.prune(cut) == 0
    assert log.prune(NOW + timedelta(days=1), batch=5) == 15
    assert log.prune(NOW + timedelta(days=1)) == 0


def test_servers_write_while_it_is_pruned(log: PredictionLog, database: Database) -> None:
    log.write(answer_rows([answered(*["a"] * 50, at=NOW - timedelta(days=99))], keep_text=False))
    original = log._database.transaction
    wrote = []

    class Between:
        """The database, with another server's write before each batch."""

        @staticmethod
        def transaction(**more: Any) -> Any:
            log_of_another = PredictionLog(database)
            wrote.append(log_of_another.write(answer_rows([answered("b")], keep_text=False)))
            return original(**more)

    assert PredictionLog(Between()).prune(NOW - timedelta(days=1), batch=10) == 50  # type: ignore[arg-type]
    assert len(rows(database)) == len(wrote) == 6


@pytest.mark.servers
def test_a_request_is_found_by_its_index(postgres_url: str) -> None:
    database = Database(postgres_url)
    database.migrate()
    with database.transaction() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for query in (predictions.c.request_id == "r", predictions.c.answered_at < NOW):
            statement = select(predictions.c.id).where(query)
            compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})
            plan = "\n".join(connection.scalars(text(f"EXPLAIN {compiled}")))
            assert "ix_predictions_" in plan
    database.close()


def test_numbers_are_given_by_the_database(log: PredictionLog, database: Database) -> None:
    log.write(answer_rows([answered("a")], keep_text=False))
    log.write(answer_rows([answered("b")], keep_text=False))
    first, second = (row["id"] for row in rows(database))
    assert second > first
