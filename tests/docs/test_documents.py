"""The documents, held against the program: whatever they name is there, and whatever is there they name."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from typer.core import TyperGroup

from aisle import __version__
from aisle.catalog.mapping import Mapping, read_mapping
from aisle.catalog.source import open_source
from aisle.cli import app
from aisle.configuration import load_settings
from aisle.pipeline.plan import step_named
from aisle.pipeline.scoring import SPELLINGS
from aisle.settings import CONCERNS, variable
from tests.docs.markdown import ROOT, Document, documents

CLI = typer.main.get_command(app)
DOCUMENTS = documents()
README = Document(ROOT / "README.md")
HOW_TO = ROOT / "docs" / "how-to"
BESIDES = {
    *("AISLE_BASE", "AISLE_BUILD", "AISLE_STAND_IN_BASE"),
    *("AISLE_CONFIG", "AISLE_SCREENSHOTS", "AISLE_SECRETS_DIR", "AISLE_TEST_DATA"),
}
"""Variables that are no settings: where settings are read from, what images are built on, what tests find and leave."""

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=str)


def commands(path: str, command: Any) -> dict[str, Any]:
    """Return every command and group below one, by its full name."""
    found = {path: command}
    for name, child in getattr(command, "commands", {}).items():
        found |= commands(f"{path} {name}", child)
    return found


def resolve(words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that some words begin with, and the words after it; `AssertionError` where there is none."""
    command, rest = CLI, words[1:]
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"`{' '.join(words)}`: there is no command {rest[0]!r}"
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def options(command: Any) -> set[str]:
    return {"--help", "-h"} | {name for p in command.params for name in (*p.opts, *p.secondary_opts)}


def is_ours(words: list[str]) -> bool:
    return words[0] in {"aisle", ".venv/bin/aisle"}


def make_targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    plain = set(re.findall(r"(?m)^([a-z][a-z-]*):", text))
    return plain | {f"bench-{path.stem.removeprefix('bench_')}" for path in (ROOT / "benchmarks").glob("bench_*.py")}


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "scripts" / "generate_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@every_document
def test_links_lead_somewhere(document: Document) -> None:
    for target in document.links():
        name, _, anchor = target.partition("#")
        path = (document.path.parent / name).resolve() if name else document.path
        assert path.exists(), f"{document} links to {target}"
        assert not anchor or anchor in Document(path).anchors(), f"{document} links to {target}: no such heading"


# The reference's usage lines are no commands to run, and are made from the commands themselves.
@pytest.mark.parametrize("document", [entry for entry in DOCUMENTS if entry.path.parent.name != "reference"], ids=str)
def test_command_lines_are_understood(document: Document) -> None:
    for words in filter(is_ours, document.shell_lines()):
        command, rest = resolve(words)
        if not isinstance(command, TyperGroup):
            # Parses and converts every argument as a run would, and does nothing.
            command.make_context(" ".join(words), list(rest))


@every_document
def test_commands_named_in_a_sentence_exist_with_their_options(document: Document) -> None:
    named = (code.split() for code in document.inline() if code.startswith("aisle "))
    for words in named:
        command, rest = resolve(words)
        given = {word.partition("=")[0] for word in rest if word.startswith("-") and len(word) > 1}
        assert given <= options(command), f"{document}: `{' '.join(words)}`"


@every_document
def test_options_named_alone_are_some_commands(document: Document) -> None:
    known = set().union(*(options(command) for command in commands("aisle", CLI).values()))
    named = {code.split()[0] for code in document.inline() if code.startswith("--")}
    assert named <= known, document


@every_document
def test_make_targets_exist(document: Document) -> None:
    named = {words[1] for words in document.shell_lines() if words[0] == "make" and len(words) > 1}
    named |= {code.split()[1] for code in document.inline() if re.match(r"make [a-z]", code)}
    assert named <= make_targets(), document


@every_document
def test_settings_exist(document: Document) -> None:
    known = {variable(concern, field) for concern in CONCERNS for field in concern.model_fields}
    assert set(re.findall(r"AISLE_[A-Z_]*[A-Z]", document.text)) <= known | BESIDES, document


@every_document
def test_files_named_in_a_sentence_exist(document: Document) -> None:
    named = {
        code for code in document.inline() if re.fullmatch(r"(src|tests|docs|scripts|benchmarks|requirements)/\S*", code)
    }
    for name in named:
        assert list(ROOT.glob(name.rstrip("/"))), f"{document} names {name}"


def test_inputs_of_steps_fit() -> None:
    shown = [words for words in Document(HOW_TO / "run-a-step.md").shell_lines() if words[1:3] == ["pipeline", "step"]]
    given = [(words[3], words[4]) for words in shown if len(words) > 4 and words[4].startswith("{")]
    assert given
    for name, text in given:
        step_named(name).takes.model_validate(json.loads(text))


def test_every_command_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    assert set(re.findall(r"(?m)^## `(.+)`$", page)) == set(commands("aisle", CLI))


def test_the_reference_is_what_the_code_gives_on_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("AISLE_HOME", "/elsewhere")
    for name, text in load_generator().pages().items():
        assert (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8") == text, f"{name} is stale: run `make docs`"


def test_the_readme_begins_with_the_two_commands() -> None:
    first = README.text.split("\n## ")[0]
    assert "\n    make demo " in first
    assert "\n    make test " in first
    assert len(README.text.splitlines()) < 220


def test_the_readme_draws_what_is_there() -> None:
    drawn = README.text.split("## Where things are")[1].split("```")[1].strip("\n").splitlines()
    parents: list[str] = []
    for line in drawn:
        depth = (len(line) - len(line.lstrip())) // 2
        parents = [*parents[:depth], line.split()[0]]
        path = ROOT.joinpath(*parents)
        assert path.is_dir() if line.split()[0].endswith("/") else path.is_file(), f"{path} is drawn in README.md"
    packages = {path.name for path in (ROOT / "src" / "aisle").iterdir() if (path / "__init__.py").is_file()}
    assert packages <= {line.split()[0].rstrip("/") for line in drawn}


def test_every_decision_is_in_the_index() -> None:
    runbooks = ROOT / "docs" / "runbooks"
    linked = set(Document(ROOT / "docs" / "index.md").links())
    linked |= {f"runbooks/{page}" for page in Document(runbooks / "index.md").links()}
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")} - {"index.md"}
    assert pages <= linked


def test_decisions_are_one_screen_and_numbered_as_their_files() -> None:
    for path in (ROOT / "docs" / "decisions").glob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        assert len(text.splitlines()) <= 50, path.name


def test_the_changelog_is_at_this_version() -> None:
    versions = re.findall(r"(?m)^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert versions[0] == __version__


def test_mappings_shown_are_mappings(tmp_path: Path) -> None:
    blocks = Document(HOW_TO / "another-catalogue.md").blocks("toml")
    assert blocks
    for block in blocks:
        path = tmp_path / "catalog.toml"
        path.write_text(block, encoding="utf-8")
        assert read_mapping(path).columns.id


def test_every_entry_of_a_mapping_is_explained() -> None:
    text = (HOW_TO / "another-catalogue.md").read_text(encoding="utf-8")
    for section, field in Mapping.model_fields.items():
        kind = field.annotation
        fields = (
            [] if section == "layout" else ["path", "name"] if section == "images" else getattr(kind, "model_fields", [])
        )
        for name in fields:
            entry = f"[{section}.{name}]" if (section, name) == ("label", "files") else f"`{name}`"
            assert any(line.startswith("|") and f"[{section}" in line and entry in line for line in text.splitlines()), entry


def test_settings_shown_in_a_file_are_read(tmp_path: Path) -> None:
    blocks = Document(HOW_TO / "full-size-storage.md").blocks("toml")
    assert blocks
    for block in blocks:
        (tmp_path / "aisle.toml").write_text(block, encoding="utf-8")
        assert "aisle.toml" in load_settings({}, folder=tmp_path).origins.values()


def test_every_spelling_of_a_column_is_told() -> None:
    text = (HOW_TO / "predict-files.md").read_text(encoding="utf-8")
    for field, names in SPELLINGS.items():
        line = next(line for line in text.splitlines() if line.startswith(f"| {field} |"))
        assert all(f"`{name}`" in line for name in names if name), field


def test_every_step_tells_the_meaning_of_its_fields() -> None:
    page = load_generator().pages()["steps.md"]
    for step in ("ingest", "snapshot", "train", "evaluate", "register", "promote"):
        takes: type[BaseModel] = step_named(step).takes
        section = page.split(f"## {step}\n")[1].split("\n## ")[0]
        assert all(re.search(rf"(?m)^\| `{name}` \| \S", section) for name in takes.model_fields), step


def test_the_example_of_another_shop_fits_its_file(shared_data: Path) -> None:
    example = ROOT / "examples" / "cdiscount" / "catalog.toml"
    with_files = open_source(shared_data / "cdiscount-50k", name="cdiscount", mapping=example)
    with_files.check()
    first = next(with_files.products("train", batch_rows=100)).frame
    assert first["label"].str.count_matches(" > ").max() == 2
    assert first["title"].null_count() == 0
    assert "AUCUNE" not in first["brand"].to_list()
