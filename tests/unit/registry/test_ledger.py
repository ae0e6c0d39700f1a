from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import LedgerConflict, RegistryError
from aisle.registry.ledger import Ledger, _pile
from aisle.registry.records import Promotion
from aisle.storage.database import Database


def promote(ledger: Ledger, version: int) -> Promotion:
    champion = ledger.champion()
    return ledger.promote(
        version, actor="anna", reason="better", evidence={"low": 0.01}, expected=champion.seq if champion else None
    )


def rollback(ledger: Ledger) -> int:
    return ledger.rollback(actor="anna", reason="complaints").version


def champion_version(ledger: Ledger) -> int | None:
    champion = ledger.champion()
    return champion.version if champion else None


class TestModels:
    def test_a_version_comes_back_as_it_was_added(self, ledger: Ledger) -> None:
        model = ledger.model(3)
        assert (model.version, model.bundle, model.snapshot, model.run_id) == (3, "bundle-3", "snapshot", "run-3")
        assert model.metrics == {"weighted_f1": pytest.approx(0.73)}
        assert abs(datetime.now(UTC) - model.created_at) < timedelta(minutes=5)

    def test_all_are_listed_oldest_first(self, embedded: Database) -> None:
        ledger = Ledger(embedded)
        for version in (2, 1, 3):
            ledger.add_model(version, f"b{version}", "s", "r", {})
        assert [model.version for model in ledger.models()] == [1, 2, 3]

    def test_adding_twice_changes_nothing(self, ledger: Ledger) -> None:
        before = ledger.models()
        again = ledger.add_model(2, "bundle-2", "snapshot", "another-run", {"weighted_f1": 0.1})
        assert again == before[1]
        assert ledger.models() == before

    @pytest.mark.parametrize(("version", "bundle"), [(2, "other"), (9, "bundle-2"), (1, "bundle-2")])
    def test_a_version_is_one_bundle_and_a_bundle_one_version(self, ledger: Ledger, version: int, bundle: str) -> None:
        before = ledger.models()
        with pytest.raises(RegistryError, match=f"Version {version} cannot be bundle {bundle}"):
            ledger.add_model(version, bundle, "snapshot", "run", {})
        assert ledger.models() == before

    def test_an_unknown_version_is_named(self, ledger: Ledger) -> None:
        with pytest.raises(RegistryError, match="no version 77"):
            ledger.model(77)

    def test_a_figure_that_is_no_number_is_kept_as_null(self, embedded: Database) -> None:
        assert Ledger(embedded).add_model(1, "b", "s", "r", {"f1": float("nan")}).metrics == {"f1": None}


class TestPromote:
    def test_at_first_there_is_no_champion(self, ledger: Ledger) -> None:
        assert ledger.champion() is None
        assert ledger.history() == []

    def test_the_first_promotion_is_row_one(self, ledger: Ledger) -> None:
        row = promote(ledger, 2)
        assert (row.seq, row.version, row.previous, row.action) == (1, 2, None, "promote")
        assert (row.actor, row.reason, row.evidence) == ("anna", "better", {"low": 0.01})
        assert ledger.champion() == row

    def test_zero_and_nothing_both_mean_that_there_was_no_champion(self, ledger: Ledger) -> None:
        assert ledger.promote(1, actor="a", reason="r", evidence={}, expected=0).seq == 1

    def test_history_tells_all_of_it_in_order(self, ledger: Ledger) -> None:
        rows = [promote(ledger, version) for version in (1, 2, 1)]
        assert ledger.history() == rows
        assert [(row.seq, row.version, row.previous) for row in rows] == [(1, 1, None), (2, 2, 1), (3, 1, 2)]

    def test_a_stale_caller_is_told_who_won(self, ledger: Ledger) -> None:
        promote(ledger, 1)
        with pytest.raises(LedgerConflict, match=r"anna made version 1 champion \(promote, row 1\).*row 0"):
            ledger.promote(2, actor="ben", reason="better", evidence={}, expected=None)
        assert champion_version(ledger) == 1

    def test_a_row_that_never_was_is_a_conflict(self, ledger: Ledger) -> None:
        with pytest.raises(LedgerConflict, match="Row 4 is not in this ledger, which is empty"):
            ledger.promote(2, actor="ben", reason="better", evidence={}, expected=4)

    def test_promoting_the_champion_writes_nothing(self, ledger: Ledger) -> None:
        row = promote(ledger, 1)
        assert ledger.promote(1, actor="ben", reason="again", evidence={}, expected=row.seq) == row
        assert ledger.history() == [row]

    def test_an_unknown_version_is_refused(self, ledger: Ledger) -> None:
        with pytest.raises(RegistryError, match="no version 77"):
            promote(ledger, 77)
        assert ledger.history() == []

    @pytest.mark.parametrize(("actor", "reason"), [("", "r"), ("a", "  "), ("\n", "r"), ("a\0", "r")])
    def test_nobody_decides_for_no_reason(self, ledger: Ledger, actor: str, reason: str) -> None:
        with pytest.raises(RegistryError, match="blank"):
            ledger.promote(1, actor=actor, reason=reason, evidence={}, expected=None)
        with pytest.raises(RegistryError, match="blank"):
            ledger.rollback(actor=actor, reason=reason)
        assert ledger.history() == []

    def test_the_one_who_is_late_at_the_write_itself_loses(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
        """Between the look and the write somebody else promotes: the primary key decides."""
        append = ledger._append

        def overtaken(*arguments: object, **named: object) -> Promotion:
            monkeypatch.setattr(ledger, "_append", append)
            ledger.promote(5, actor="ben", reason="first", evidence={}, expected=None)
            return append(*arguments, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(ledger, "_append", overtaken)
        with pytest.raises(LedgerConflict, match="ben made version 5 champion"):
            ledger.promote(1, actor="anna", reason="late", evidence={}, expected=None)
        assert [row.version for row in ledger.history()] == [5]

    def test_an_extra_reader_sees_the_champion_of_another_ledger_object(self, ledger: Ledger, embedded: Database) -> None:
        promote(ledger, 4)
        assert champion_version(Ledger(embedded)) == 4


class TestRollback:
    def test_it_goes_to_the_champion_before(self, ledger: Ledger) -> None:
        promote(ledger, 1)
        promote(ledger, 3)
        row = ledger.rollback(actor="ben", reason="complaints")
        assert (row.seq, row.version, row.previous, row.action, row.actor) == (3, 1, 3, "rollback", "ben")
        assert row.evidence == {"rolled_back": 2}
        assert ledger.champion() == row

    def test_a_version_never_promoted_is_never_gone_back_to(self, ledger: Ledger) -> None:
        """Versions 2 to 4 are registered between the two champions, and no rollback picks one of them."""
        promote(ledger, 1)
        promote(ledger, 5)
        assert rollback(ledger) == 1

    def test_the_story_in_the_modules_docstring(self, ledger: Ledger) -> None:
        for version in (1, 2, 3):
            promote(ledger, version)
        assert rollback(ledger) == 2
        assert rollback(ledger) == 1
        with pytest.raises(RegistryError, match="no version to go back to from version 1"):
            rollback(ledger)
        promote(ledger, 4)
        assert rollback(ledger) == 1
        promote(ledger, 3)
        assert champion_version(ledger) == 3
        assert rollback(ledger) == 1

    def test_a_version_rolled_back_from_is_taken_out_wherever_it_lies(self, ledger: Ledger) -> None:
        for version in (1, 2, 3, 2):
            promote(ledger, version)
        assert [rollback(ledger), rollback(ledger)] == [3, 1]

    def test_without_a_champion_there_is_nothing_to_go_back_from(self, ledger: Ledger) -> None:
        with pytest.raises(RegistryError, match="no champion to go back from"):
            rollback(ledger)

    def test_a_stale_caller_goes_nowhere(self, ledger: Ledger) -> None:
        for version in (1, 2, 3):
            promote(ledger, version)
        with pytest.raises(LedgerConflict, match="row 2"):
            ledger.rollback(actor="ben", reason="complaints", expected=2)
        assert champion_version(ledger) == 3
        assert ledger.rollback(actor="ben", reason="complaints", expected=3).version == 2


@given(st.lists(st.one_of(st.integers(1, 4), st.none()), max_size=30))
def test_whatever_is_done_rollback_goes_to_a_former_champion_that_nobody_rolled_back_from(steps: list[int | None]) -> None:
    """Numbers promote, `None` rolls back; the ledger's rule is held against one told row by row."""
    history: list[Promotion] = []
    for step in steps:
        pile = _pile(history)
        current = history[-1].version if history else None
        assert pile[-1:] == [current] * bool(history), "the top of the pile is the champion"
        target = step
        if step is None:
            before = [version for version in pile if version != current]
            if not before:
                continue
            target = before[-1]
        elif step == current:
            continue
        assert target is not None
        row = Promotion(
            len(history) + 1,
            target,
            current,
            "rollback" if step is None else "promote",
            "actor",
            "reason",
            {},
            datetime.now(UTC),
        )
        if step is None:
            promoted = [past.seq for past in history if past.action == "promote" and past.version == target]
            rolled_back = [past.seq for past in history if past.action == "rollback" and past.previous == target]
            assert promoted
            assert max(promoted) > max(rolled_back, default=0)
        history.append(row)
