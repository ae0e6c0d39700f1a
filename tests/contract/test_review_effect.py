"""What labels by people changed, the same on SQLite and on PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from aisle.errors import VersionNotFound
from aisle.registry.ledger import Ledger
from aisle.registry.records import ROWS_BY_PEOPLE
from aisle.review.agreement import proportion
from aisle.review.effect import GoldChange, effect, effects, sentences
from aisle.review.figures import ReviewBook
from aisle.storage.database import Database
from aisle.storage.schema import models, promotions, review_items

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVIDENCE = {
    "against": "champion",
    "rows": 300,
    "weighted_f1": {"challenger": 0.85, "reference": 0.8},
    "difference": {"estimate": 0.05, "low": 0.01, "high": 0.09},
}


def register(database: Database, version: int, learnt: int | None = None) -> None:
    """Add a version; the clock goes an hour further with each."""
    figures = {} if learnt is None else {ROWS_BY_PEOPLE: float(learnt)}
    Ledger(database).add_model(version, f"b{version}" * 32, f"s{version}" * 32, f"run-{version}", figures)
    with database.transaction() as connection:
        moved = update(models).where(models.c.version == version)
        connection.execute(moved.values(created_at=NOON + version * HOUR))


def promote(database: Database, version: int, expected: int, evidence: dict[str, Any]) -> None:
    row = Ledger(database).promote(version, actor="test", reason="Why.", evidence=evidence, expected=expected)
    with database.transaction() as connection:
        moved = update(promotions).where(promotions.c.seq == row.seq)
        connection.execute(moved.values(created_at=NOON + version * HOUR + HOUR / 2))


def drawn(database: Database, version: int, *codes: str) -> None:
    """Let a version have answered `10` to products that chance picked and people say are of these codes."""
    fixed = {"reason": "drawn", "drawn": True, "value": 1.0, "kind": "10/40", "reviews_wanted": 1, "state": "decided"}
    place = {
        "source": "shop",
        "split": "train",
        "predicted": "10",
        "version": version,
        "created_at": NOON,
        "changed_at": NOON,
    }
    with database.transaction() as connection:
        for number, code in enumerate(codes):
            name = f"{version}-{number}"
            connection.execute(insert(review_items).values(**fixed, **place, name=name, product_id=name, code=code))


@pytest.fixture
def promoted(database: Database) -> Database:
    """Two versions, each promoted by the gate, the second over the first."""
    register(database, 1, 20)
    promote(database, 1, 0, {**EVIDENCE, "against": "commonest category"})
    register(database, 2, 120)
    promote(database, 2, 1, EVIDENCE)
    return database


def test_a_version_is_held_against_the_champion_before_it(promoted: Database):
    drawn(promoted, 1, "10", "40", "40", "10")
    drawn(promoted, 2, "10", "10", "10", "40")
    found, book = effect(promoted, 2), ReviewBook(promoted)
    assert {1: found.live_before, 2: found.live} == {one: book.accuracy(one) for one in (1, 2)} == book.accuracies()
    assert book.accuracy() == proportion(5, 8)
    assert (found.version, found.before, found.learnt, found.learnt_before, found.more) == (2, 1, 120, 20, 100)
    assert found.gold == GoldChange(300, 0.8, 0.85, 0.01, 0.09)
    assert (found.live.value, found.live.cases) == (0.75, 4)
    assert found.live_before is not None
    assert found.live_before.value == 0.5
    told = sentences(found)
    assert told[0] == "Version 2 learnt 120 labels by people, +100 against version 1."
    assert "On the same 300 gold rows its weighted F1 was 0.8500, that of version 1 0.8000" in told[1]
    assert "+0.0100 to +0.0900" in told[1]
    assert "Of version 1's answers 50.0% were right" in told[2]
    assert "Of version 2's answers 75.0% were right" in told[3]


def test_the_first_version_has_nobody_before_it(promoted: Database):
    found = effect(promoted, 1)
    assert (found.before, found.learnt, found.more, found.gold, found.live_before) == (None, 20, 20, None, None)
    assert (found.live.value, found.live.cases) == (None, 0)
    assert sentences(found) == ("Version 1 learnt 20 labels by people.",)


def test_one_that_was_refused_is_held_against_the_champion_of_its_day(promoted: Database):
    register(promoted, 3, 150)
    register(promoted, 4, 160)
    promote(promoted, 4, 2, EVIDENCE)
    refused, last = effect(promoted, 3), effect(promoted, 4)
    assert (refused.promoted, refused.before, refused.more, refused.gold) == (False, 2, 30, None)
    assert (last.promoted, last.before, last.more) == (True, 2, 40)


def test_a_rollback_changes_nothing_of_what_a_version_brought(promoted: Database):
    before = effect(promoted, 2)
    Ledger(promoted).rollback(actor="test", reason="It fell.")
    assert effect(promoted, 2) == before


def test_a_person_promotes_without_the_gates_figures(promoted: Database):
    register(promoted, 3, 150)
    promote(promoted, 3, 2, {"console": "r-1"})
    assert effect(promoted, 3).gold is None


def test_what_an_older_program_did_not_record_is_unknown(database: Database):
    register(database, 1)
    promote(database, 1, 0, {})
    register(database, 2, 7)
    promote(database, 2, 1, EVIDENCE)
    old, new = effect(database, 1), effect(database, 2)
    assert (old.learnt, old.more, sentences(old)) == (None, None, ())
    assert (new.learnt, new.learnt_before, new.more) == (7, None, None)
    assert sentences(new)[0] == "Version 2 learnt 7 labels by people."


def test_of_all_versions_the_newest_come_first(promoted: Database):
    register(promoted, 3, 150)
    assert effects(promoted) == tuple(effect(promoted, version) for version in (3, 2, 1))
    assert [one.version for one in effects(promoted, limit=2)] == [3, 2]


def test_there_must_be_such_a_version(database: Database):
    assert effects(database) == ()
    with pytest.raises(VersionNotFound):
        effect(database, 7)
