"""The schema's history: one line, each step there and back, and none that leans on today's code."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

import aisle.storage
from aisle.storage.database import Database
from aisle.storage.migrations import HEAD

FOLDER = Path(aisle.storage.__file__).with_name("migrations")


def history() -> list[Script]:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    return list(ScriptDirectory.from_config(config).walk_revisions())


SCRIPTS = history()


def test_the_history_is_one_line():
    assert [script.down_revision for script in SCRIPTS] == [*(script.revision for script in SCRIPTS[1:]), None]
    assert [script.revision for script in reversed(SCRIPTS)] == [f"{n:04}" for n in range(1, len(SCRIPTS) + 1)]


def test_the_newest_is_the_one_that_a_check_compares_with():
    assert SCRIPTS[0].revision == HEAD


def test_a_database_is_checked_without_alembic(tmp_path: Path):
    program = f"""
import sys
from aisle.storage.database import Database
Database("sqlite:///{tmp_path}/a.db").check()
assert "alembic" not in sys.modules
"""
    Database(f"sqlite:///{tmp_path}/a.db").migrate()
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.revision)
class TestEveryRevision:
    def test_is_found_by_its_number(self, script: Script):
        assert Path(script.path).name.startswith(f"r{script.revision}_")

    def test_goes_there_and_back(self, script: Script):
        module: ModuleType = script.module
        for step in (module.upgrade, module.downgrade):
            statements = ast.parse(inspect.getsource(step)).body[0].body
            assert any(not isinstance(statement, ast.Pass) for statement in statements[1:])

    def test_says_what_it_brings(self, script: Script):
        assert script.module.__doc__.strip().endswith(".")

    def test_leans_on_nothing_that_may_change(self, script: Script):
        imported = {
            name
            for node in ast.walk(ast.parse(Path(script.path).read_text(encoding="utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
        }
        assert not [name for name in imported if name.split(".")[0] == "aisle"]
