"""`aisle models` and `aisle train`: the ledger for people, and the alias that follows it."""

import getpass
import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.trained import COMMIT, opened


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
    assert trained.ok("models", "show", 1, "--card").out.rstrip() == card.rstrip()
    assert "go not together" in trained.refused("models", "show", 1, "--card", "--json")


def test_a_version_is_shown_with_where_it_comes_from_and_every_category(trained: CommandLine, tmp_path: Path):
    with opened(tmp_path / ".aisle") as application:
        model = application.ledger.model(1)
        bundle = application.context().bundle(model.bundle)
    text = trained.ok("models", "show", 1).text
    for what in (model.bundle, model.snapshot, model.run_id, bundle.manifest["configuration"], COMMIT):
        assert what in text
    assert "│ role │ champion │" in text
    assert "Version 1 learnt 0 labels by people." in text
    assert "│ role │ registered │" in trained.ok("models", "show", 2).text
    figure = bundle.metrics["gold"]["weighted_f1"]
    assert f"│ weighted f1 │ {figure['value']:.4f} │ {figure['low']:.4f} │ {figure['high']:.4f} │" in text
    for code, f in bundle.metrics["gold"]["per_class"].items():
        assert f"│ {code} │ {bundle.categories[code]} │ {f['precision']:.4f} │ {f['recall']:.4f} │ {f['f1']:.4f} │" in text


def test_what_people_are_shown_programs_get_as_json(trained: CommandLine, tmp_path: Path):
    with opened(tmp_path / ".aisle") as application:
        known, (promotion,) = application.ledger.models(), application.ledger.history()
        bundle = application.context().bundle(known[0].bundle)
    listed = json.loads(trained.ok("models", "list", "--json").out)
    assert [(m["version"], m["bundle"], m["champion"], m["metrics"]) for m in listed] == [
        (m.version, m.bundle, m.version == 1, m.metrics) for m in known
    ]
    (row,) = json.loads(trained.ok("models", "history", "--json").out)
    assert (row["seq"], row["version"], row["previous"], row["evidence"]) == (1, 1, None, promotion.evidence)
    assert datetime.fromisoformat(row["created_at"]) == promotion.created_at
    shown = json.loads(trained.ok("models", "show", 1, "--json").out)
    assert (shown["champion"], shown["card"], shown["metrics"]) == (True, bundle.card, bundle.metrics)
    assert shown["effect"]["learnt"] == shown["metrics"]["rows_by_people"] == 0
    assert shown["files"] == bundle.manifest["files"]


def test_two_versions_are_compared_and_nothing_is_promoted(trained: CommandLine):
    text = trained.ok("models", "compare", 1, 2, "--classes", 3).text
    assert "│ weighted F1 │" in text
    assert "│ microseconds per product │" in text
    assert "The gate would not let version 2 pass against version 1. The challenger is not shown to be better" in text
    compared = json.loads(trained.ok("models", "compare", 2, 1, "--json").out)
    assert (compared["first"]["version"], compared["second"]["version"]) == (2, 1)
    assert compared["gate"]["promote"] is False
    low, high = (compared["f1"]["weighted_f1"][end] for end in ("low", "high"))
    assert low <= compared["f1"]["weighted_f1"]["difference"] <= high
    assert "Categories that differ most" not in trained.ok("models", "compare", 1, 2, "--classes", 0).text
    prefix = compared["snapshot"][:8]
    assert f"snapshot {prefix}" in trained.ok("models", "compare", 1, 2, "--snapshot", prefix).text
    assert len(json.loads(trained.ok("models", "history", "--json").out)) == 1
    assert "the same as itself" in trained.refused("models", "compare", 1, 1)
    assert "There is no version 9." in trained.refused("models", "compare", 1, 9)
    assert "No snapshot begins with 'nonsense'" in trained.refused("models", "compare", 1, 2, "--snapshot", "nonsense")


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
    assert "card.md" in trained.refused("models", "export", 2, "out.tar")
    assert not (tmp_path / "out.tar").exists()
    # The other version is not touched by it.
    trained.ok("models", "verify", 1)


def test_a_version_is_taken_along_and_verified_there(trained: CommandLine, tmp_path: Path):
    with opened(tmp_path / ".aisle") as application:
        digest = application.bundle_digest(1)
    for name in ("out.tar", "out"):
        assert trained.ok("models", "export", 1, name).text == f"Wrote version 1 to {name}: bundle {digest}."
        assert trained.ok("models", "verify", name).text == f"{name} is whole: bundle {digest}."
        assert "nothing is written over" in trained.refused("models", "export", 1, name)
    (tmp_path / "out" / "card.md").write_bytes(b"# Another\n")
    assert "card.md is not what the manifest says" in trained.refused("models", "verify", "out")
    assert "There is no bundle at nowhere." in trained.refused("models", "verify", "nowhere")
    assert "There is no version 9." in trained.refused("models", "export", 9, "nine")


def test_a_rollback_brings_the_very_same_answers_back(trained: CommandLine, tmp_path: Path):
    (tmp_path / "asked.csv").write_text("id,title\n1,Piscine gonflable\n2,Roman policier\n3,\n4,Jeu vidéo PS4 d'occasion\n")

    def answers(name: str) -> bytes:
        trained.ok("predict", "asked.csv", "--out", name, "--top", 5)
        return (tmp_path / name).read_bytes()

    first = answers("first.csv")
    trained.ok("models", "promote", 2, "--reason", "To see.")
    second = answers("second.csv")
    trained.ok("models", "rollback", "--reason", "Seen.")
    assert answers("again.csv") == first != second


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
