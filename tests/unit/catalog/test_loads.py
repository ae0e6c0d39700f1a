"""The load ledger on every database: who owns which rows, whatever the order of events."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import update

from aisle.catalog import loads as ledger
from aisle.catalog.loads import Counts, Load
from aisle.catalog.source import Source, open_source
from aisle.errors import IngestError, SourceError
from aisle.storage.database import Database
from aisle.storage.schema import loads
from tests.catalogues import write_challenge


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_challenge(tmp_path / "shop", train=50, test=10, images=False)


@pytest.fixture
def source(folder: Path) -> Source:
    return open_source(folder)


def _open(database: Database, source: Source, *, share: float = 1.0, next_rows: int | None = None) -> Load | None:
    ledger.register_source(database, source, "head")
    return ledger.open_load(database, source, "train", sample="head", share=share, next_rows=next_rows)


def _done(database: Database, source: Source, **options: object) -> Load:
    load = _open(database, source, **options)  # type: ignore[arg-type]
    assert load is not None
    return ledger.finish(database, load)


def test_a_new_load_is_the_stretch_that_is_missing(database: Database, source: Source):
    first = _done(database, source, share=0.5)
    assert (first.low, first.high, first.position, first.rows_expected, first.state) == (0, 25, 0, 25, "done")
    second = _done(database, source, next_rows=7)
    assert (second.low, second.high, second.position, second.rows_expected) == (25, 32, 25, 7)
    third = _done(database, source, next_rows=1_000)
    assert (third.low, third.high) == (32, 50)
    assert _open(database, source, next_rows=1) is None
    assert _open(database, source, share=1.0) is None
    assert ledger.rows_taken(database, source, "train") == 50
    assert ledger.rows_taken(database, source, "test") == 0


@pytest.mark.parametrize(("share", "rows"), [(0.2, 10), (0.99, 49), (0.019, None), (1e-9, None), (1.0, 50)])
def test_a_share_is_rounded_down_as_the_challenges_users_know_it(
    database: Database, source: Source, share: float, rows: int | None
):
    load = _open(database, source, share=share)
    assert (load.high if load else None) == rows


def test_a_load_under_way_is_joined_whatever_is_asked_for(database: Database, source: Source):
    first = _open(database, source, share=0.5)
    assert _open(database, source, share=1.0) == first
    assert _open(database, source, next_rows=3) == first


def test_a_position_is_moved_by_one_of_those_who_saw_it(database: Database, source: Source):
    load = _open(database, source)
    assert load is not None
    with database.transaction() as connection:
        assert ledger.claim(connection, load, expected=0, position=20)
        assert not ledger.claim(connection, load, expected=0, position=20)
        ledger.count(connection, load, Counts(15, 2, 3, 10, 1))
        assert ledger.claim(connection, load, expected=20, position=50)
        ledger.count(connection, load, Counts(30, 0, 0, 5, 0))
    assert ledger.current_position(database, load) == (50, "running")
    done = ledger.finish(database, load)
    assert (done.rows_loaded, done.rows_unchanged, done.rows_rejected) == (45, 2, 3)
    assert (done.images_loaded, done.images_rejected, done.state) == (15, 1, "done")
    with database.transaction() as connection:
        # Nobody adds to what is done.
        assert not ledger.claim(connection, load, expected=50, position=60)


def test_a_position_that_was_moved_is_moved_back_with_its_batch(database: Database, source: Source):
    load = _open(database, source)
    assert load is not None
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        assert ledger.claim(connection, load, expected=0, position=20)
        raise ZeroDivisionError
    assert ledger.current_position(database, load) == (0, "running")


def test_changed_files_put_an_end_to_a_load_under_way_and_begin_anew(database: Database, folder: Path):
    old = _open(database, open_source(folder), share=0.5)
    path = folder / "X_train_update.csv"
    path.write_text(path.read_text() + "50,more,,1,2\n")
    changed = open_source(folder)
    new = _open(database, changed, share=0.5)
    assert old is not None
    assert new is not None
    assert (new.id > old.id, new.generation, new.low, new.high) == (True, old.id, 0, 25)
    assert [load.state for load in ledger.list_loads(database)] == ["superseded", "running"]
    # Who still works on the old one is told at the next batch, and finishing it changes nothing.
    with database.transaction() as connection:
        assert not ledger.claim(connection, old, expected=0, position=20)
    assert ledger.finish(database, old).state == "superseded"
    assert ledger.rows_taken(database, changed, "train") == 0


def test_changed_files_are_taken_as_far_as_they_were_before(database: Database, folder: Path):
    _done(database, open_source(folder), share=0.6)
    path = folder / "X_train_update.csv"
    path.write_text(path.read_text() + "50,more,,1,2\n")
    load = _open(database, open_source(folder), share=0.1)
    assert load is not None
    assert (load.low, load.high) == (0, 30)


def test_shorter_files_are_taken_to_their_end(database: Database, folder: Path):
    _done(database, open_source(folder), share=1.0)
    path = folder / "X_train_update.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:11]))
    shorter = open_source(folder)
    load = _done(database, shorter, share=0.2)
    assert (load.low, load.high, load.rows_in_source) == (0, 10, 10)
    assert ledger.rows_taken(database, shorter, "train") == 10
    assert _open(database, shorter, next_rows=5) is None


def test_files_that_are_as_they_once_were_are_of_a_new_generation(database: Database, folder: Path):
    first = _done(database, open_source(folder))
    path = folder / "X_train_update.csv"
    original = path.read_text()
    path.write_text(original + "50,more,,1,2\n")
    second = _done(database, open_source(folder))
    path.write_text(original)
    third = _done(database, open_source(folder))
    assert (first.generation, second.generation, third.generation) == (0, first.id, second.id)
    assert first.digest == third.digest != second.digest


def test_one_load_is_opened_by_many_at_once(database: Database, source: Source):
    ledger.register_source(database, source, "head")
    opened: list[Load | None] = []
    start = threading.Barrier(6)

    def work() -> None:
        start.wait()
        opened.append(ledger.open_load(database, source, "train", sample="head", share=1.0, next_rows=None))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 6
    assert {load.id for load in opened if load} == {ledger.list_loads(database)[0].id}
    assert len(ledger.list_loads(database)) == 1


def test_the_first_of_the_challenges_layout_has_its_keys_even_among_many_at_once(database: Database, folder: Path):
    found: dict[str, str] = {}
    names = [f"shop{number}" for number in range(6)]
    start = threading.Barrier(len(names))

    def work(name: str) -> None:
        start.wait()
        found[name] = ledger.register_source(database, open_source(folder, name=name), "head")

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == names
    (first,) = (name for name, prefix in found.items() if prefix == "")
    assert {name: prefix for name, prefix in found.items() if name != first} == {
        name: f"{name}/" for name in names if name != first
    }
    # It stays what it is.
    assert {name: ledger.register_source(database, open_source(folder, name=name), "head") for name in names} == found


def test_a_source_keeps_the_order_that_it_was_begun_in(database: Database, source: Source):
    ledger.register_source(database, source, "stratified")
    with pytest.raises(IngestError, match="begun with --sample stratified, not head") as caught:
        ledger.register_source(database, source, "head")
    assert "--name" in caught.value.hint


def test_loads_are_listed_oldest_first_and_by_source(database: Database, folder: Path):
    for name in ("one", "two", "one"):
        source = open_source(folder, name=name)
        _done(database, source, next_rows=5)
    assert [load.source for load in ledger.list_loads(database)] == ["one", "two", "one"]
    assert [load.low for load in ledger.list_loads(database, source="one")] == [0, 5]
    assert ledger.list_loads(database, source="three") == []


def test_a_source_that_is_none_is_told_the_others(database: Database, folder: Path):
    ledger.require_source(database, None)
    with pytest.raises(SourceError, match="no catalogue 'shoe'") as caught:
        ledger.require_source(database, "shoe")
    assert caught.value.hint == "There are: none yet."
    for name in ("two", "one"):
        ledger.register_source(database, open_source(folder, name=name), "head")
    ledger.require_source(database, "one")
    with pytest.raises(SourceError) as caught:
        ledger.require_source(database, "shoe")
    assert caught.value.hint == "There are: one, two."


def test_the_database_itself_allows_one_load_under_way_for_each_split(database: Database, source: Source):
    first = _done(database, source, share=0.5)
    running = _open(database, source)
    assert running is not None
    with pytest.raises(Exception, match=r"(?i)unique"), database.transaction() as connection:
        connection.execute(update(loads).where(loads.c.id == first.id).values(state="running"))
