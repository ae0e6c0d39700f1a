"""What speaks for a retraining, the same on SQLite and on PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from aisle.errors import ReviewError
from aisle.monitoring.records import MonitorRecords, MonitorRun
from aisle.registry.ledger import Ledger
from aisle.review.retraining import Need, Triggers, need
from aisle.storage.database import Database
from aisle.storage.schema import labels, models, review_items, snapshots

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TRIGGERS = Triggers(corrections=3, max_age=90 * DAY, max_fall=0.02)
RUN = MonitorRun(NOON, 0.1, "24h", None, None, 0, 1, "b" * 64, 10, "p" * 64, "act", ("title_chars drifted.",))


@pytest.fixture
def served(database: Database) -> Database:
    """A champion that learnt a snapshot of noon, and answers nine of ten gold rows right."""
    ledger = Ledger(database)
    ledger.add_model(1, "b" * 64, "s" * 64, "run", {"accuracy": 0.9})
    ledger.promote(1, actor="test", reason="First.", evidence={}, expected=0)
    with database.transaction() as connection:
        connection.execute(insert(snapshots).values(digest="s" * 64, rows=10, manifest="{}", created_at=NOON))
        connection.execute(update(models).values(created_at=NOON + HOUR))
    return database


def label(
    database: Database, seq: int, author: str, at: datetime, withdraws: int | None = None, product: str = "P-1"
) -> None:
    place = {"source": "shop", "split": "train", "product_id": product, "seq": seq, "code": "10"}
    with database.transaction() as connection:
        connection.execute(insert(labels).values(**place, author=author, created_at=at, withdraws=withdraws))


def asked(database: Database) -> Need:
    return need(database, TRIGGERS, now=NOON + DAY)


def test_nothing_asks_where_nothing_has_happened(served: Database):
    assert asked(served) == Need(1, 0, (), None)


def test_only_labels_by_people_that_hold_and_are_new_count(served: Database):
    label(served, 1, "zoe", NOON - HOUR)
    label(served, 2, "source", NOON + HOUR)
    label(served, 3, "zoe", NOON + HOUR)
    label(served, 4, "zoe", NOON + HOUR, withdraws=3)
    label(served, 5, "zoe", NOON + HOUR)
    # Of another product a row of the same number was taken back: that is not this one's.
    label(served, 3, "max", NOON + HOUR, product="P-2")
    assert asked(served) == Need(1, 2, (), None)
    # Given between the freezing and the end of the training: not learnt, and so not lost either.
    label(served, 1, "max", NOON + HOUR / 2, product="P-3")
    assert asked(served).reasons == ("People gave 3 labels since the champion's snapshot; 3 are enough.",)


def test_age_asks(served: Database):
    assert need(served, TRIGGERS, now=NOON + HOUR + 90 * DAY - timedelta(seconds=1)).reasons == ()
    assert need(served, TRIGGERS, now=NOON + HOUR + 90 * DAY).reasons == ("The champion is 90 days old; 90 are enough.",)


def test_drift_asks_as_long_as_the_newest_run_says_so_of_the_champion(served: Database):
    records = MonitorRecords(served)
    first = records.add(RUN, [])
    assert (asked(served).run_id, asked(served).reasons) == (first.id, RUN.reasons)
    calm = records.add(replace(RUN, state="watch"), [])
    assert (asked(served).run_id, asked(served).reasons) == (calm.id, ())
    # What drifted away from an earlier version may be what this one has learnt.
    other = records.add(replace(RUN, version=7), [])
    assert (asked(served).run_id, asked(served).reasons) == (other.id, ())


def test_answers_that_surely_got_worse_ask(served: Database):
    fixed = {"reason": "drawn", "value": 1.0, "kind": "10/40", "reviews_wanted": 1, "source": "shop", "split": "train"}
    common = {**fixed, "created_at": NOON, "changed_at": NOON, "predicted": "10", "version": 1}

    def add(name: str, code: str, *, drawn: bool = True, version: int = 1) -> dict[str, object]:
        told = {"name": name, "product_id": name, "code": code, "drawn": drawn, "state": "decided", "version": version}
        return {**common, **told}

    right = [add(f"right-{n}", "10") for n in range(60)]
    # Neither what was looked at because it was unsure, nor another version's answers, say how right these are.
    others = [
        *(add(f"unsure-{n}", "40", drawn=False) for n in range(50)),
        *(add(f"old-{n}", "40", version=7) for n in range(50)),
    ]
    with served.transaction() as connection:
        connection.execute(insert(review_items), [*right, *others])
    assert asked(served).reasons == ()
    with served.transaction() as connection:
        connection.execute(insert(review_items), [add(f"wrong-{n}", "40") for n in range(40)])
    (reason,) = asked(served).reasons
    assert reason.startswith("Of 100 drawn answers 60.0% were right, surely not ")
    assert reason.endswith("of the gold rows 90.0% were.")


def test_without_a_champion_there_is_nothing_to_train_anew(database: Database):
    with pytest.raises(ReviewError, match="no champion"):
        asked(database)
