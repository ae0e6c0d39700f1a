import subprocess
import sys
from pathlib import Path

import pytest

from aisle.errors import ModelError, TrainingError
from aisle.models.component import MODALITIES
from aisle.models.deep.options import DeepOptions
from aisle.models.families import FAMILIES, family_named
from tests.unit.models.problems import sparse_problem

DEEP = family_named("deep")


def test_deep_is_only_tried_where_it_is_named() -> None:
    assert [name for name, family in FAMILIES.items() if family.optional] == ["deep"]
    assert DEEP.options is DeepOptions


@pytest.mark.parametrize(
    "options",
    [{"columns": 0}, {"heads": 65}, {"width": 2.5}, {"rate": 0}, {"dropout": 0.99}, {"epochs": True}, {"smoothing": 1}],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ModelError, match=f"The option {next(iter(options))} is") as caught:
        DeepOptions(**options)  # type: ignore[arg-type]
    assert "between" in caught.value.hint


@pytest.mark.parametrize("modality", MODALITIES)
def test_candidates_differ_and_make_enough_steps(modality: str) -> None:
    for rows in (20, 500, 8_000, 100_000):
        found = DEEP.candidates(modality, rows, 27)  # type: ignore[arg-type]
        assert len(set(found)) == len(found)
        assert found[0].epochs <= 30
    assert DEEP.candidates("text", 8_000, 27)[0] == DeepOptions()


def test_what_begins_with_a_checkpoint_takes_shorter_steps() -> None:
    begun = DeepOptions().begun_with("some/where")
    assert begun.checkpoint == "some/where"
    assert begun.rate < DeepOptions().rate


def test_more_of_anything_costs_more() -> None:
    options = DeepOptions()
    cost = DEEP.cost(10_000, 1_800_000, 27, options)
    assert 2 < cost < 60
    assert DEEP.cost(20_000, 3_600_000, 27, options) > 1.5 * cost
    assert DEEP.cost(10_000, 1_800_000, 27, DeepOptions(epochs=8)) > 1.5 * cost
    room = DEEP.memory(10_000, 1_800_000, 60_000, 27, options)
    assert 3e8 < room < 1e9
    assert DEEP.memory(10_000, 1_800_000, 60_000, 27, DeepOptions(columns=60_000)) > room


def test_without_torch_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    matrix, labels = sparse_problem()
    for ask in (
        DEEP.refuse_missing,
        lambda: DEEP.fit(matrix, labels, 3, DeepOptions(), seed=0, jobs=1),
    ):
        with pytest.raises(TrainingError, match="needs torch") as caught:
            ask()
        assert "pip install 'aisle[deep]'" in caught.value.hint
    for family in FAMILIES.values():
        if not family.optional:
            family.refuse_missing()


def test_a_torch_that_cannot_be_loaded_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libgomp.so.1: cannot open shared object file')")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    matrix, labels = sparse_problem()
    with pytest.raises(TrainingError, match="libgomp"):
        DEEP.fit(matrix, labels, 3, DeepOptions(), seed=0, jobs=1)


def test_answering_imports_no_torch() -> None:
    code = "import sys, aisle.models.families, aisle.models.deep.fit; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
