"""How much a training dares to take: fewer at once, then fewer candidates, then a refusal that says what would do."""

from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from aisle.errors import TrainingError
from aisle.models.component import Modality
from aisle.models.families import FAMILIES
from aisle.training import memory
from aisle.training.layout import Layout
from aisle.training.memory import Room, find_room, fit_bytes
from aisle.training.search.trial import Candidate, Trial

GB = 1e9
OWN = 400_000_000


class Machine:
    """A machine whose memory is what the test says."""

    def __init__(self, own: float, available: float) -> None:
        self.own, self.available = own, available

    def Process(self) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=self.own))

    def virtual_memory(self) -> SimpleNamespace:
        return SimpleNamespace(available=self.available)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(OWN, 8 * GB)
    monkeypatch.setattr(memory, "psutil", made)
    return made


def candidate(family: str, modality: Modality = "text", **options: object) -> Candidate:
    first = FAMILIES[family].candidates(modality, 100, 3)[0]
    return Candidate(Trial(family, modality, asdict(replace(first, **options))), 1.0)


SMALL, LARGE, HUGE = candidate("logistic"), candidate("forest", trees=3_000), candidate("boosting", depth=11)


def room(laid: Layout, gigabytes: float, *, jobs: int = 8, named: bool = False, candidates=(SMALL, LARGE, HUGE)) -> Room:  # type: ignore[no-untyped-def]
    return find_room(candidates, laid, jobs=jobs, gigabytes=gigabytes, named=named)


def needs(laid: Layout) -> list[float]:
    return [fit_bytes(each.trial, laid) / GB for each in (SMALL, LARGE, HUGE)]


def test_the_less_memory_the_fewer_at_once_and_then_the_fewer_candidates(laid: Layout, machine: Machine) -> None:
    small, large, huge = needs(laid)
    assert small < large < huge
    everybody = room(laid, 100)
    assert (everybody.jobs, everybody.candidates, everybody.crowded_out) == (8, (SMALL, LARGE, HUGE), ())
    two = room(laid, 0.4 + 2.01 * (0.26 + huge))
    assert (two.jobs, two.crowded_out) == (2, ())
    alone = room(laid, 0.4 + 1.01 * (0.26 + huge))
    assert (alone.jobs, alone.crowded_out) == (1, ())
    without = room(laid, 0.4 + 0.99 * (0.26 + huge))
    assert (without.candidates, without.crowded_out) == ((SMALL, LARGE), (HUGE,))
    assert without.jobs > 1, "with the largest out of the way, more of the others go side by side"
    tight = room(laid, 0.66 + (small + large) / 2)
    assert (tight.jobs, tight.candidates, tight.crowded_out) == (1, (SMALL,), (LARGE, HUGE))


def test_nothing_runs_beyond_the_limit(laid: Layout, machine: Machine) -> None:
    sizes = {each.trial: fit_bytes(each.trial, laid) for each in (SMALL, LARGE, HUGE)}
    before = 0
    for tenth in range(8, 120):
        found = room(laid, tenth / 10)
        taken = max(sizes[each.trial] for each in found.candidates)
        assert OWN + found.jobs * (260_000_000 + taken) <= tenth / 10 * GB
        assert len(found.candidates) >= before, "more memory never crowds anybody out"
        before = len(found.candidates)
    assert before == 3


def test_no_more_run_side_by_side_than_were_asked_for(laid: Layout, machine: Machine) -> None:
    assert room(laid, 100, jobs=3).jobs == 3


def test_without_a_limit_four_fifths_of_what_is_free_count(laid: Layout, machine: Machine) -> None:
    _, _, huge = needs(laid)
    machine.available = (0.26 + huge) * 3.05 / 0.8 * GB
    assert room(laid, 0).jobs == 3
    machine.available = (0.26 + huge) * 2.95 / 0.8 * GB
    assert room(laid, 0).jobs == 2
    # Given outright, what is free does not count.
    machine.available = 1
    assert room(laid, 100).jobs == 8


def test_the_same_memory_gives_the_same_room(laid: Layout, machine: Machine) -> None:
    assert room(laid, 0) == room(laid, 0)
    assert room(laid, 1.5) == room(laid, 1.5)
    machine.own, machine.available = machine.own + 1e6, machine.available - 2e6
    assert room(laid, 0).candidates == (SMALL, LARGE, HUGE)


@pytest.mark.parametrize("gigabytes", [0.1, 0.5, 0.66])
@pytest.mark.parametrize("named", [False, True])
def test_where_nothing_finds_room_an_amount_is_named_that_does(
    laid: Layout, machine: Machine, gigabytes: float, named: bool
) -> None:
    with pytest.raises(TrainingError, match=f"{gigabytes:.1f} GB of memory are too few: no fit finds room") as caught:
        room(laid, gigabytes, named=named)
    enough = float(caught.value.hint.split()[1])
    found = room(laid, enough, named=named)
    if named:
        assert found.crowded_out == (), "each of them has but one candidate"
    assert SMALL in found.candidates
    assert "--memory" in caught.value.hint


def test_a_family_that_was_named_is_not_left_out_in_silence(laid: Layout, machine: Machine) -> None:
    _, large, huge = needs(laid)
    tight = 0.66 + (large + huge) / 2
    assert room(laid, tight).crowded_out == (HUGE,)
    with pytest.raises(TrainingError, match="boosting on text finds no room in them") as caught:
        room(laid, tight, named=True)
    enough = float(caught.value.hint.split()[1])
    assert tight < enough < 0.66 + huge + 0.2
    assert room(laid, enough, named=True).candidates == (SMALL, LARGE, HUGE)


def test_of_a_named_family_one_candidate_is_enough(laid: Layout, machine: Machine) -> None:
    modest = candidate("boosting", depth=4)
    _, large, huge = needs(laid)
    found = room(laid, 0.66 + (large + huge) / 2, named=True, candidates=(SMALL, modest, HUGE))
    assert (found.candidates, found.crowded_out) == ((SMALL, modest), (HUGE,))


@pytest.mark.parametrize("family", ["logistic", "svm", "forest", "boosting"])
def test_every_family_says_what_it_takes_on_what_it_looks_at(laid: Layout, family: str) -> None:
    sizes = {modality: fit_bytes(candidate(family, modality).trial, laid) for modality in ("text", "image", "both")}
    assert min(sizes.values()) > 0
    assert sizes["both"] > sizes["image"]
    assert all(type(size) is int for size in sizes.values())


def test_options_of_the_workbench_itself_are_nothing_to_the_family(laid: Layout) -> None:
    plain = candidate("svm", "both").trial
    heavier = Trial("svm", "both", {**plain.options, "image_weight": 2.0})
    assert fit_bytes(heavier, laid) == fit_bytes(plain, laid)
