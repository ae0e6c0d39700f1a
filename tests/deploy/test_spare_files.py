"""What is taken out of the serving image's libraries, and that the rest still works."""

import ctypes
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "bin" / "spare-files"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Where the libraries of a small environment lie."""
    folder = tmp_path / "lib" / "python3.11" / "site-packages"
    for name in ("a/__init__.py", "a/tests/test_a.py", "a/stub.pyi", "a/include/a.h", "a/fast.pyx", "numpy/f2py/main.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x = 1\n")
    return folder


def spare(packages: Path) -> None:
    subprocess.run([sys.executable, SCRIPT, packages.parents[2]], check=True)


def test_what_runs_stays(packages: Path) -> None:
    spare(packages)
    left = {str(path.relative_to(packages)) for path in packages.rglob("*") if path.is_file()}
    assert left == {"a/__init__.py"}


def test_a_library_is_cut_and_can_be_loaded(packages: Path) -> None:
    found = importlib.util.find_spec("uvloop.loop")
    assert found is not None
    assert found.origin is not None
    library = packages / "a" / Path(found.origin).name
    shutil.copyfile(found.origin, library)
    spare(packages)
    assert library.stat().st_size < Path(found.origin).stat().st_size
    assert hasattr(ctypes.PyDLL(str(library)), "PyInit_loop")
    whole = library.read_bytes()
    spare(packages)
    assert library.read_bytes() == whole


def test_what_is_no_library_is_left_alone(packages: Path) -> None:
    for name, data in {
        "empty.so": b"",
        "text.so": b"INPUT(libc.so.6)\n",
        "other.so.1": b"\x7fELF\x01\x01" + bytes(60),
    }.items():
        (packages / name).write_bytes(data)
        spare(packages)
        assert (packages / name).read_bytes() == data
