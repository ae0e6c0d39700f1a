"""`aisle models` and `aisle train`: the ledger for people, and the alias that follows it."""

import getpass
import os
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.trained import opened


def _alias(home: Path) -> int | None:
    with opened(home) as application:
        return application.tracking().champion()


def test_versions_are_listed_with_their_figures_and_who_is_champion(trained: CommandLine, tmp_path: Path):
    text = trained.ok("models", "list").text
    with opened(tmp_path / ".aisle") as application:
        first, second = application.ledger.models()
    assert f"│ 1 │ champion │ {first.metrics['weighted_f1']:.4f} │ {first.bundle[:12]} │ {first.snapshot[:12]} │" in text
    assert f"│ 2 │ │ {second.metrics['weighted_f1']:.4f} │ {second.bundle[:12]} │" in text


def test_before_the_first_model_there_is_nothing_to_list_or_go_back_from(aisle: CommandLine):
    assert "Models" in aisle.ok("models", "list").out
    assert "Promotions" in aisle.ok("models", "history").out
    assert "There is no champion to go back from." in aisle.refused("models", "rollback", "--reason", "x")
    for command in (("show", 1), ("verify", 1), ("promote", 1, "--reason", "x")):
        assert "There is no version 1." in aisle.refused("models", *command)
    assert "There is no champion yet." in aisle.ok("models", "reconcile").out


def test_promotion_and_rollback_are_told_kept_and_projected(trained: CommandLine, tmp_path: Path):
    assert _alias(tmp_path / ".aisle") == 1
    text = trained.ok("models", "promote", 2, "--reason", "It is [better] for us.").text
    assert text == (
        "The alias named version 1; now it names version 2, as the ledger does. Version 2 is champion (row 2 of the ledger)."
    )
    assert _alias(tmp_path / ".aisle") == 2
    # What is so already is not written twice.
    assert "(row 2 of the ledger)" in trained.ok("models", "promote", 2, "--reason", "Again.").out
    text = trained.ok("models", "rollback", "--reason", "It was not.").text
    assert "Version 1 is champion again (row 3 of the ledger)." in text
    assert _alias(tmp_path / ".aisle") == 1
    history = trained.ok("models", "history").text
    assert f"│ 2 │ promote │ 2 │ 1 │ {getpass.getuser()} │" in history
    assert "│ It is [better] for us. │" in history
    assert f"│ 3 │ rollback │ 1 │ 2 │ {getpass.getuser()} │" in history
    assert "no version to go back to from version 1" in trained.refused("models", "rollback", "--reason", "More.")


def test_a_decision_without_a_reason_is_none(trained: CommandLine):
    assert "the reason" in trained.refused("models", "promote", 2, "--reason", "  ")
    assert "the reason" in trained.refused("models", "rollback", "--reason", "")
    assert len([line for line in trained.ok("models", "history").out.splitlines() if "promote" in line]) == 1


def test_a_user_without_a_name_decides_by_number(trained: CommandLine, monkeypatch: pytest.MonkeyPatch):
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nobody)
    trained.ok("models", "promote", 2, "--reason", "It is better.")
    assert f"│ user {os.getuid()} │" in trained.ok("models", "history").text


def test_an_alias_that_went_astray_is_mended(trained: CommandLine, tmp_path: Path):
    with opened(tmp_path / ".aisle") as application:
        application.tracking().project_champion(2)
    assert "now it names version 1" in trained.ok("models", "reconcile").text
    assert _alias(tmp_path / ".aisle") == 1
    assert "The alias names version 1, as the ledger does." in trained.ok("models", "reconcile").text


def test_a_card_is_shown_as_it_is(trained: CommandLine, tmp_path: Path):
    with opened(tmp_path / ".aisle") as application:
        card = application.context().bundle(application.bundle_digest(1)).card
    assert trained.ok("models", "show", 1).out.rstrip() == card.rstrip()


def test_a_whole_bundle_is_verified_and_a_damaged_one_refused(trained: CommandLine, tmp_path: Path):
    with opened(tmp_path / ".aisle") as application:
        digest = application.bundle_digest(2)
    assert trained.ok("models", "verify", 2).out == f"Version 2 is whole: bundle {digest}.\n"
    stored = tmp_path / ".aisle" / "objects" / "aisle" / "bundles" / digest
    kept = tmp_path / ".aisle" / "bundles" / digest
    for place in (stored, kept):
        card = place / "card.md"
        card.write_bytes(card.read_bytes() + b"!")
    assert "card.md" in trained.refused("models", "verify", 2)
    # The other version is not touched by it.
    trained.ok("models", "verify", 1)


def test_train_learns_from_the_newest_snapshot_or_a_named_one(trained: CommandLine, tmp_path: Path):
    with opened(tmp_path / ".aisle") as application:
        model = application.ledger.model(1)
    for arguments in ((), ("--snapshot", model.snapshot[:10])):
        out = trained.ok("train", *arguments).out
        assert out.splitlines()[0] == f"Bundle {model.bundle}"
        assert f"{model.metrics['weighted_f1']:.4f}" in out
        assert "rows_train" not in out
    assert "No snapshot begins with 'nonsense'" in trained.refused("train", "--snapshot", "nonsense")
    assert len(trained.ok("models", "list").out.splitlines()) == 7


def test_train_needs_something_to_learn_from(aisle: CommandLine):
    assert "There is no snapshot yet." in aisle.refused("train")
