"""The house's own rules that no linter knows: importing does nothing, files are short, names say what a thing is."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import aisle

PACKAGE = Path(aisle.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
EMPTY_NAMES = {"utils", "util", "common", "core", "helpers", "helper", "manager", "misc", "base"}

IMPORT_ALL = """
import importlib, json, logging, os, pkgutil, sys
import polars, sklearn  # set variables for their allocator and for OpenMP, as their own business

def seen(event, arguments):
    if event in {"socket.connect", "socket.bind", "sqlite3.connect", "subprocess.Popen", "os.fork"}:
        acts.append([event, str(arguments)])
    elif event in {"os.putenv", "os.unsetenv"}:
        acts.append([event, str(arguments[0])])

import aisle
names = [m.name for m in pkgutil.walk_packages(aisle.__path__, "aisle.") if not m.name.endswith((".env", "__main__"))]
acts = []
before = dict(os.environ)
sys.addaudithook(seen)
for name in names:
    importlib.import_module(name)
print(json.dumps({
    "modules": len(names),
    "acts": acts,
    "handlers": len(logging.getLogger().handlers),
    "environment": sorted(set(before.items()) ^ set(os.environ.items())),
}))
"""


def test_importing_has_no_effects(tmp_path: Path):
    """Nothing is written, connected to, started or set up by importing every module in a fresh interpreter."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALL],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["modules"] > 20
    assert found["acts"] == []
    assert (found["handlers"], found["environment"]) == (0, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
class TestEveryFile:
    def test_is_short_enough_to_read_in_one_sitting(self, path: Path):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400

    def test_has_a_name_that_says_what_it_is(self, path: Path):
        assert not EMPTY_NAMES & set(path.relative_to(PACKAGE).with_suffix("").parts)


def test_a_server_carries_nothing_that_it_does_not_use():
    """Each of these costs every server its memory and its start."""
    # Of SciPy itself only the version: Numba asks for that where it finds it.
    spared = ("alembic", "mlflow", "pandas", "polars", "pyarrow", "scipy.sparse", "scipy.special", "sklearn", "xgboost")
    program = f"import sys, aisle.serving.app; print([name for name in {spared} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


COMPILED = ("compiled", "spliced", "summing", "njit")
PRODUCTS = ("dot", "vdot", "matmul", "linalg")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_kernel_multiplies_matrices(path: Path):
    """Compiled code takes its matrix products from SciPy, which no server has: it would be aborted at its first image."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    kernels = [one for one in functions if any(name in ast.unparse(how) for how in one.decorator_list for name in COMPILED)]
    for node in (node for kernel in kernels for node in ast.walk(kernel)):
        assert not isinstance(node, ast.MatMult), kernels
        assert not (isinstance(node, ast.Attribute) and node.attr in PRODUCTS), ast.unparse(node)


def test_most_files_are_short():
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES)
    assert lengths[int(len(lengths) * 0.9)] <= 250
