"""The ledger on every database: what it keeps, and that of any number who decide at once one wins."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from aisle.errors import LedgerConflict, RegistryError, VersionNotFound
from aisle.registry.ledger import Ledger
from aisle.registry.records import Promotion
from aisle.storage.database import Database
from tests.unit.serving.fakes import FakeLedger

CROWD = 50


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """A ledger with a version for each of a crowd and one more, and no champion."""
    ledger = Ledger(database)
    for version in range(1, CROWD + 2):
        ledger.add_model(version, f"bundle-{version}", "snapshot", "run", {"weighted_f1": 0.8})
    return ledger


def at_once(ledger: Ledger, champion: Promotion | None) -> list[Promotion | LedgerConflict]:
    """Let a crowd promote, each a version of its own that is not champion, all having seen the same champion."""
    versions = [model.version for model in ledger.models() if champion is None or model.version != champion.version]
    expected = champion.seq if champion else None
    start = Barrier(CROWD)

    def decide(version: int) -> Promotion | LedgerConflict:
        start.wait()
        try:
            return ledger.promote(version, actor=f"actor-{version}", reason="r", evidence={}, expected=expected)
        except LedgerConflict as conflict:
            return conflict

    with ThreadPoolExecutor(CROWD) as threads:
        return list(threads.map(decide, versions[:CROWD]))


def test_of_fifty_who_promote_at_once_one_wins_and_the_others_learn_who(ledger: Ledger) -> None:
    for turn in (1, 2, 3):
        outcomes = at_once(ledger, ledger.champion())
        (winner,) = (outcome for outcome in outcomes if isinstance(outcome, Promotion))
        losers = [outcome for outcome in outcomes if isinstance(outcome, LedgerConflict)]
        assert winner.seq == turn
        assert ledger.champion() == winner
        assert len(losers) == CROWD - 1
        assert all(f"{winner.actor} made version {winner.version} champion" in str(loser) for loser in losers)
    assert [row.seq for row in ledger.history()] == [1, 2, 3]


def test_those_who_look_again_all_get_their_turn(ledger: Ledger) -> None:
    conflicts: Counter[int] = Counter()

    def insist(version: int) -> Promotion:
        while True:
            champion = ledger.champion()
            try:
                return ledger.promote(
                    version, actor="a", reason="r", evidence={}, expected=champion.seq if champion else None
                )
            except LedgerConflict:
                conflicts[version] += 1

    with ThreadPoolExecutor(8) as threads:
        rows = list(threads.map(insist, range(1, 9)))
    assert sorted(row.seq for row in rows) == list(range(1, 9))
    history = ledger.history()
    assert sorted(row.version for row in history) == list(range(1, 9))
    assert [row.previous for row in history] == [None, *(row.version for row in history[:-1])]


def test_rollbacks_at_once_go_back_one_step_for_one_of_them(ledger: Ledger) -> None:
    for version in (1, 2, 3):
        ledger.promote(version, actor="a", reason="r", evidence={}, expected=version - 1)

    def back(actor: int) -> int | None:
        try:
            return ledger.rollback(actor=f"actor-{actor}", reason="complaints", expected=3).version
        except LedgerConflict:
            return None

    with ThreadPoolExecutor(10) as threads:
        outcomes = Counter(threads.map(back, range(10)))
    assert outcomes == {2: 1, None: 9}


def test_one_version_added_by_many_at_once_is_added_once(database: Database) -> None:
    ledger = Ledger(database)
    start = Barrier(10)

    def add(_: int) -> str:
        start.wait()
        return ledger.add_model(1, "bundle", "snapshot", "run", {}).bundle

    with ThreadPoolExecutor(10) as threads:
        assert list(threads.map(add, range(10))) == ["bundle"] * 10
    assert len(ledger.models()) == 1


def test_one_version_claimed_by_many_bundles_at_once_is_one_bundle(database: Database) -> None:
    ledger = Ledger(database)
    start = Barrier(10)

    def add(number: int) -> str:
        start.wait()
        try:
            return ledger.add_model(1, f"bundle-{number}", "snapshot", "run", {}).bundle
        except RegistryError:
            return "refused"

    with ThreadPoolExecutor(10) as threads:
        outcomes = Counter(threads.map(add, range(10)))
    assert outcomes.pop("refused") == 9
    assert list(outcomes) == [ledger.model(1).bundle]


def test_what_was_decided_comes_back_as_it_was_written(ledger: Ledger) -> None:
    evidence = {"difference": {"low": 0.0123, "high": 0.02}, "falls": [], "rows": 8_500, "note": "é \u2028 'quoted' --"}
    written = ledger.promote(7, actor="Zoë", reason="Better; DROP TABLE promotions", evidence=evidence, expected=None)
    (read,) = ledger.history()
    assert read == written
    assert (read.actor, read.reason, read.evidence) == ("Zoë", "Better; DROP TABLE promotions", evidence)
    assert read.created_at.utcoffset() is not None


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger | FakeLedger]:
    """The ledger as a server's routes ask it, and the fake that stands for it in their tests; with versions 1 to 3."""
    database = None
    made: Ledger | FakeLedger = FakeLedger()
    if request.param != "fake":
        sqlite = request.param == "sqlite"
        database = Database(f"sqlite:///{tmp_path / 'desk.db'}" if sqlite else request.getfixturevalue("postgres_url"))
        database.migrate()
        made = Ledger(database)
    for version in (1, 2, 3):
        made.add_model(version, f"bundle-{version}", "snapshot", "run", {"weighted_f1": 0.8})
    yield made
    if database is not None:
        database.close()


def test_a_desk_keeps_decisions_in_the_order_in_which_they_were_made(desk: Ledger | FakeLedger) -> None:
    assert desk.champion() is None
    assert [(model.version, model.bundle) for model in desk.models()] == [(n, f"bundle-{n}") for n in (1, 2, 3)]
    first = desk.promote(1, actor="a", reason="r", evidence={"request_id": "x"}, expected=0)
    assert (first.seq, first.version, first.previous, first.action, first.actor) == (1, 1, None, "promote", "a")
    second = desk.promote(3, actor="b", reason="s", evidence={}, expected=1)
    assert (second.seq, second.previous) == (2, 1)
    assert desk.promote(3, actor="c", reason="again", evidence={}, expected=2) == second
    back = desk.rollback(actor="d", reason="t", expected=2)
    assert (back.seq, back.version, back.previous, back.action) == (3, 1, 3, "rollback")
    assert desk.champion() == back


def test_a_desk_refuses_what_cannot_be(desk: Ledger | FakeLedger) -> None:
    with pytest.raises(RegistryError):
        desk.rollback(actor="a", reason="r", expected=0)
    with pytest.raises(VersionNotFound, match="There is no version 9"):
        desk.promote(9, actor="a", reason="r", evidence={}, expected=0)
    desk.promote(1, actor="a", reason="r", evidence={}, expected=0)
    for stale in (0, 2, 2_147_483_647):
        with pytest.raises(LedgerConflict):
            desk.promote(2, actor="b", reason="r", evidence={}, expected=stale)
        with pytest.raises(LedgerConflict):
            desk.rollback(actor="b", reason="r", expected=stale)
    with pytest.raises(RegistryError, match="no version to go back to"):
        desk.rollback(actor="b", reason="r", expected=1)
    assert desk.champion().version == 1
