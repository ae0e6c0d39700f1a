"""`aisle review` and `aisle trace`: from an unsure answer to a label in a snapshot that a version learnt."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import delete, select, update

from aisle.bootstrap import open_application
from aisle.catalog.product import Product
from aisle.catalog.snapshot import freeze
from aisle.models.prediction import Candidate, Prediction
from aisle.monitoring.answers import Answered, answer_rows
from aisle.monitoring.feedback import Feedback
from aisle.monitoring.records import MonitorRecords, MonitorRun
from aisle.registry.ledger import Ledger
from aisle.storage.schema import models, products, review_items
from tests.command_line import CommandLine


def log(text: str, code: str, at: datetime, *, version: int = 1) -> None:
    found = Prediction(
        "A-1", code, code, 0.4, (Candidate(code, code, 0.4), Candidate("40", "40", 0.3)), ("text",), (), "not confident"
    )
    with open_application() as application:
        application.prediction_log.write(
            answer_rows(
                [Answered(f"r-{version}", at, 0.001, version, "b", [Product("A-1", title=text)], [found])], keep_text=True
            )
        )


@pytest.fixture
def asked(trained: CommandLine) -> CommandLine:
    log("Livre [bold]ancien[/]", "50", datetime.now(UTC))
    return trained


def test_a_product_goes_all_the_way_round(asked: CommandLine):
    assert "1 products entered the queue: 1 uncertain" in asked.ok("review", "fill").text
    assert "A-1" not in asked.ok("review", "next", "--as", "max").text
    assert "Livre [bold]ancien[/]" in asked.ok("review", "next", "--as", "max").text
    assert "is open" in asked.ok("review", "skip", "1", "--as", "max").text
    assert json.loads(asked.ok("review", "next", "--as", "zoe", "--json").text)["item"]["id"] == 1
    assert "labelled 10" in asked.ok("review", "decide", "1", "10", "--as", "zoe", "--reason", "A book.").text
    assert "open again" in asked.ok("review", "undo", "--as", "zoe").text
    asked.ok("review", "decide", "1", "10", "--as", "zoe", "--reason", "A book.")
    with open_application() as application:
        snapshot = freeze(application.database, application.artifacts)
        ledger = Ledger(application.database)
        with application.database.transaction() as connection:
            # As if the second version had learnt this snapshot: what is followed here is what is on record.
            connection.execute(update(models).where(models.c.version == 2).values(snapshot=snapshot.digest))
        ledger.promote(2, actor="ann", reason="Learnt the corrections.", evidence={}, expected=1)
    log("Livre [bold]ancien[/]", "10", datetime.now(UTC), version=2)
    told = asked.ok("trace", "A-1").text
    stations = ["uncertain", "zoe chose 10: A book.", "took that back", "takes label 1 back", "took it as 10, by zoe"]
    for station in [
        *stations,
        "version 2 (bundle",
        "ann made version 2 champion",
        "version 2 answered 10",
        "the champion answers",
        "Version 2 learnt 0 labels by people, +0 against version 1.",
    ]:
        assert station in told
    found = json.loads(asked.ok("trace", "A-1", "--no-ask", "--json").text)
    assert [(one["version"], one["before"], one["promoted"]) for one in found["effects"]] == [(2, 1, True)]
    assert (found["before"], found["after"]) == ("50", "10")
    times = [event["at"] for event in found["events"]]
    assert times == sorted(times)
    assert "changed from 50 to 10" in asked.ok("trace", "A-1", "--no-ask").text


def test_what_waits_and_what_was_decided_is_shown(asked: CommandLine):
    asked.ok("review", "fill")
    assert "uncertain" in asked.ok("review", "list").text
    assert json.loads(asked.ok("review", "list", "--json").text)[0]["predicted"] == "50"
    told = asked.ok("review", "stats").text
    assert "Cohen's kappa" in told
    assert "not known yet, of 0 products" in told
    assert json.loads(asked.ok("review", "stats", "--json").text)["states"]["open"] == 1


def test_suspects_are_read_from_the_audits_file(asked: CommandLine, tmp_path: Path):
    row = {"source": "shop", "split": "train", "id": "1", "label": "10", "suggested": "40", "self_confidence": 0.1}
    file = tmp_path / "suspects.csv"
    pl.DataFrame([{**row, "suggested_confidence": 0.8}]).write_csv(file)
    assert "1 suspect" in asked.ok("review", "fill", "--suspects", str(file)).text
    assert "no known format" in asked.refused("review", "fill", "--suspects", "suspects.txt")
    assert "cannot be read" in asked.refused("review", "fill", "--suspects", "nowhere.csv")


def test_enough_corrections_ask_for_a_retraining(asked: CommandLine, monkeypatch: pytest.MonkeyPatch):
    assert "Nothing speaks" in asked.ok("review", "retrain").text
    asked.ok("review", "fill")
    asked.ok("review", "next", "--as", "zoe")
    asked.ok("review", "decide", "1", "10", "--as", "zoe")
    monkeypatch.setenv("AISLE_REVIEW_CORRECTIONS", "1")
    with open_application() as application:
        run = MonitorRun(datetime.now(UTC), 0.1, "24h", None, None, 0, 1, "b", 10, "p", "act", ("title_chars drifted.",))
        MonitorRecords(application.database).add(run, [])
    told = asked.ok("review", "retrain", "--dry-run").text
    assert "People gave 1 labels" in told
    assert "title_chars drifted." in told
    assert "Retraining was asked for: request 1" in asked.ok("review", "retrain").text
    assert "No request was made" in asked.ok("review", "retrain").text
    assert "People gave 1 labels" in asked.ok("monitor", "requests", "--json").text


def test_no_monitoring_run_is_needed_to_ask_for_one(asked: CommandLine, monkeypatch: pytest.MonkeyPatch):
    asked.ok("review", "fill")
    asked.ok("review", "next", "--as", "zoe")
    asked.ok("review", "decide", "1", "10", "--as", "zoe")
    monkeypatch.setenv("AISLE_REVIEW_CORRECTIONS", "1")
    made = json.loads(asked.ok("review", "retrain", "--json").text)
    assert (made["need"]["run_id"], made["request"]) == (None, 1)
    assert json.loads(asked.ok("review", "retrain", "--json").text)["request"] is None
    (request,) = json.loads(asked.ok("monitor", "requests", "--json").text)
    assert (request["run_id"], request["state"]) == (None, "requested")
    told = asked.ok("monitor", "requests").text
    assert "People gave 1 labels" in told
    assert "None" not in told
    told = asked.ok("trace", "A-1", "--no-ask").text
    assert "request 1 asked for a retraining: People gave 1 labels since" in told
    assert "request 1 is" not in told
    with open_application() as application:
        application.requests.take("test")
        assert "request 1 is taken" in asked.ok("trace", "A-1", "--no-ask").text
        application.requests.close(1, "trained_not_promoted", "The gate refused it.", new_version=2)
        # Of version 2 nothing says that it learnt the label: the request is another matter then.
        assert "request 1" not in asked.ok("trace", "A-1", "--no-ask").text
        snapshot = freeze(application.database, application.artifacts)
        with application.database.transaction() as connection:
            connection.execute(update(models).where(models.c.version == 2).values(snapshot=snapshot.digest))
    assert "request 1 is trained not promoted: The gate refused it." in asked.ok("trace", "A-1", "--no-ask").text


def test_what_cannot_be_done_is_told(aisle: CommandLine):
    assert "Nothing is on record" in aisle.refused("trace", "' OR 1=1 --")
    assert "no product 7 in the queue" in aisle.refused("review", "skip", "7")
    assert "no decision of yours" in aisle.refused("review", "undo")
    assert "Nothing waits for you." in aisle.ok("review", "next").text
    assert "no champion" in aisle.refused("review", "retrain")
    assert "no span of time" in aisle.refused("review", "fill", "--window", "soon")


def test_a_hostile_title_is_shown_as_what_it_is(trained: CommandLine):
    title = "<script>alert(1)</script> [red]\x1b[2J \u202e'); DROP TABLE labels; --"
    log(title, "50", datetime.now(UTC))
    trained.ok("review", "fill")
    spelt = r"<script>alert(1)</script> [red]\u001b[2J \u202e'); DROP TABLE labels; --"
    assert spelt in trained.ok("review", "next", "--as", "zoe").text
    assert json.loads(trained.ok("review", "next", "--as", "zoe", "--json").out)["product"]["title"] == title
    trained.ok("review", "decide", "1", "10", "--as", "zoe", "--reason", title)
    told = trained.ok("trace", "A-1").text
    assert f"zoe chose 10: {spelt}" in told
    assert not any(character in told for character in "\x1b\u202e")
    assert "Nothing is on record" in trained.refused("trace", title)


def test_a_product_of_a_million_letters_is_shown_by_its_beginning(trained: CommandLine):
    log("x" * 1_000_000, "50", datetime.now(UTC))
    trained.ok("review", "fill")
    assert len(trained.ok("review", "next", "--as", "zoe").out) < 5_000
    long = "x" * 1_001
    assert "The reason has 1,001 characters" in trained.refused("review", "skip", "1", "--as", "zoe", "--reason", long)
    assert "labelled 10" in trained.ok("review", "decide", "1", "10", "--as", "zoe", "--reason", long[1:]).text


def test_a_decision_that_cannot_be_kept_keeps_nothing(asked: CommandLine, monkeypatch: pytest.MonkeyPatch):
    asked.ok("review", "fill")
    monkeypatch.setenv("AISLE_REVIEW_LEASE_S", "10")
    asked.ok("review", "next", "--as", "zoe")
    assert "no category '51'" in asked.refused("review", "decide", "1", "51", "--as", "zoe")
    assert "somebody else's now" in asked.refused("review", "decide", "1", "10", "--as", "max")
    with open_application() as application, application.database.transaction() as connection:
        # The lease ran out, and somebody else came.
        connection.execute(update(review_items).values(leased_until=datetime.now(UTC) - timedelta(seconds=1)))
    asked.ok("review", "next", "--as", "max")
    assert "ran out" in asked.refused("review", "decide", "1", "10", "--as", "zoe")
    assert "stands for a catalogue's files" in asked.refused("review", "next", "--as", "source")
    asked.ok("review", "decide", "1", "10", "--as", "max")
    assert "not open any more" in asked.refused("review", "decide", "1", "40", "--as", "zoe")
    found = json.loads(asked.ok("trace", "A-1", "--no-ask", "--json").out)
    assert [event["told"] for event in found["events"] if event["stage"] == "review"] == ["max chose 10"]


def test_a_product_that_was_deleted_is_told_as_gone(trained: CommandLine):
    with open_application() as application:
        with application.database.reading() as connection:
            row = connection.execute(select(products).where(products.c.split == "train", products.c.label == "10")).first()
        assert row is not None
        said = Feedback("seller", "f-1", "d", "40", "No book.", source=row.source, split=row.split, product_id=row.id)
        application.feedback.add(said)
    assert "1 contested" in trained.ok("review", "fill").text
    trained.ok("review", "next", "--as", "zoe")
    with open_application() as application, application.database.transaction() as connection:
        connection.execute(delete(products).where(products.c.id == row.id))
    assert "has this product no more" in trained.ok("review", "next", "--as", "zoe").text
    assert "no longer in the catalogue" in trained.refused("review", "decide", "1", "10", "--as", "zoe")
    assert json.loads(trained.ok("review", "stats", "--json").out)["states"]["gone"] == 1
    # What was said of it is still told.
    assert "entered the review queue: contested" in trained.ok("trace", row.id).text


def test_a_cost_that_is_none_is_refused(aisle: CommandLine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AISLE_REVIEW_COSTS", "10=much")
    assert "AISLE_REVIEW_COSTS" in aisle.refused("review", "fill")
