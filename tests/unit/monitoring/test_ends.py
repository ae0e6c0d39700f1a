from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import insert, update

from aisle.catalog.product import Product
from aisle.models.prediction import Candidate, Prediction
from aisle.monitoring.answers import Answered, answer_rows
from aisle.monitoring.ends import Example, ends
from aisle.monitoring.prediction_log import PredictionLog
from aisle.monitoring.records import MonitorRun
from aisle.storage.bulk import insert_frame
from aisle.storage.database import Database
from aisle.storage.schema import predictions, products, sources

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def run(**changes: Any) -> MonitorRun:
    window = {"window_start": NOW - timedelta(hours=1), "window_end": NOW, "window_rows": 10, "version": 1}
    about = {"at": NOW, "seconds": 0.1, "asked": "1h", "bundle": "b", "reference_rows": 10, "policy": "p", "state": "ok"}
    return MonitorRun(**{**about, **window, **changes})


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """Ten answers with titles of 3, 6, ... 30 letters, one of them older than the window and one of another version."""
    made = Database(f"sqlite:///{tmp_path}/a.db")
    made.migrate()
    log = PredictionLog(made)
    for n in range(10):
        at = NOW - timedelta(days=1) if n == 9 else NOW - timedelta(minutes=10 - n)
        code = "7" if n == 4 else "3"
        answer = Prediction(f"P-{n}", code, code, 0.9 - n / 50, (Candidate(code, code, 0.9 - n / 50),), ("text",), (), None)
        version = 2 if n == 8 else 1
        sent = Product(f"P-{n}", title="abc" * (n + 1))
        log.write(answer_rows([Answered(f"r-{n}", at, 0.001, version, "b", [sent], [answer])], keep_text=n % 2 == 0))
    with made.transaction() as connection:
        about = {"layout": "challenge", "mapping": "{}", "sample": "", "image_prefix": ""}
        connection.execute(insert(sources).values(name="shop", **about))
        place = {"source": "shop", "split": "train", "row": 0, "load_id": 1}
        rows = pl.DataFrame({"id": ["P-1", "P-2"], "title": ["from the catalogue", "another"]})
        insert_frame(connection, products, rows.with_columns(*(pl.lit(value).alias(name) for name, value in place.items())))
    return made


def test_the_least_and_the_greatest_of_the_window_are_shown_rising(database: Database):
    found = ends(database, run(), "title_chars", each=2)
    assert [(one.product_id, one.value) for one in found] == [("P-0", 3), ("P-1", 6), ("P-6", 21), ("P-7", 24)]


def test_of_many_answers_the_newest_are_looked_at(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("aisle.monitoring.ends._MOST", 3)
    assert [one.product_id for one in ends(database, run(), "title_chars")] == ["P-5", "P-6", "P-7"]
    assert [one.product_id for one in ends(database, run(), "predicted")] == ["P-7"]


def test_a_title_is_the_answer_s_own_else_the_catalogue_s(database: Database):
    found = {one.product_id: one.title for one in ends(database, run(), "title_chars")}
    assert (found["P-0"], found["P-1"], found["P-2"], found["P-3"]) == ("abc", "from the catalogue", "abc" * 3, None)


def test_no_answer_is_shown_twice(database: Database):
    found = ends(database, run(), "confidence", each=50)
    assert sorted(one.product_id for one in found) == [f"P-{n}" for n in range(8)]
    assert [one.value for one in found] == sorted(one.value for one in found)


def test_of_names_the_newest_answer_of_each_is_shown_rarest_first(database: Database):
    assert ends(database, run(), "predicted") == [Example("P-4", "abc" * 5, "7"), Example("P-7", None, "3")]
    assert [one.product_id for one in ends(database, run(version=None), "predicted")] == ["P-4", "P-8"]


def test_what_has_no_value_is_no_example(database: Database):
    assert ends(database, run(), "image_brightness") == []
    with database.transaction() as connection:
        connection.execute(update(predictions).where(predictions.c.product_id == "P-3").values(image_brightness=0.5))
    assert ends(database, run(), "image_brightness") == [Example("P-3", None, 0.5)]


@pytest.mark.parametrize("column", ["with_image", "title; DROP TABLE predictions", "request_id", ""])
def test_of_any_other_column_there_are_none(database: Database, column: str):
    assert ends(database, run(), column) == []


def test_an_empty_window_has_no_examples(database: Database):
    assert ends(database, run(window_start=None, window_end=None), "title_chars") == []
