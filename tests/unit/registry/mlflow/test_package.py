import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version

import pytest
from packaging.requirements import Requirement

from aisle.registry.mlflow.package import DISTRIBUTIONS, example, note


def closure(names: set[str]) -> set[str]:
    """Return some distributions and everything that they need here."""
    found: set[str] = set()
    while names:
        name = names.pop()
        if name in found:
            continue
        try:
            needed = requires(name) or []
        except PackageNotFoundError:
            continue
        found.add(name)
        parsed = [Requirement(line) for line in needed]
        names |= {r.name.lower().replace("_", "-") for r in parsed if r.marker is None or r.marker.evaluate({"extra": ""})}
    return found


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """The distributions that a process imports in order to load the model."""
    program = "import aisle.registry.pyfunc, sys, json; print(json.dumps(list(sys.modules)))"
    modules = json.loads(subprocess.check_output([sys.executable, "-c", program], env={"PATH": os.environ["PATH"]}))
    owners = packages_distributions()
    names = {name for module in modules for name in owners.get(module.partition(".")[0], [])}
    # pandas and numba take these along where they are installed, and do without.
    return {name.lower().replace("_", "-") for name in names} - {"pyarrow", "coverage"}


def test_everything_that_scoring_imports_is_required(imported: set[str]) -> None:
    assert imported <= closure(set(DISTRIBUTIONS) - {"aisle"}) | {"aisle"}


def test_nothing_is_required_that_scoring_does_not_import(imported: set[str]) -> None:
    assert set(DISTRIBUTIONS) - {"aisle", "mlflow-skinny"} <= imported


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_requirement_is_installed_here(name: str) -> None:
    assert version(name)


def test_the_example_shows_that_a_description_may_be_missing() -> None:
    frame = example()
    assert frame["title"].notna().all()
    assert frame["description"].isna().any()


def test_a_short_card_is_the_note() -> None:
    assert note("# Card\n\nAll of it.\n") == "# Card\n\nAll of it.\n"


def test_a_long_card_is_cut_between_lines_and_says_so() -> None:
    card = "".join(f"line {number} of the card\n" for number in range(1_000))
    short = note(card)
    assert 4_800 < len(short) <= 5_000
    kept, _, ending = short.partition("\n\n")
    assert card.startswith(kept + "\n")
    assert ending == "(The whole card is `card.md` in the bundle.)"
