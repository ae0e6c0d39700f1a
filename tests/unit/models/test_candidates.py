from dataclasses import replace

import pytest

from aisle.models import candidates
from aisle.models.component import MODALITIES, Modality
from aisle.models.options import BoostingOptions, ForestOptions, LogisticOptions, SvmOptions

KINDS = {
    candidates.logistic: LogisticOptions,
    candidates.svm: SvmOptions,
    candidates.forest: ForestOptions,
    candidates.boosting: BoostingOptions,
}

each = pytest.mark.parametrize("offer", KINDS)
modalities = pytest.mark.parametrize("modality", MODALITIES)
sizes = pytest.mark.parametrize(("rows", "classes"), [(10, 2), (85_000, 27), (1_000_000, 405)])


@each
@modalities
@sizes
def test_candidates_are_valid_distinct_and_several(offer, modality: Modality, rows: int, classes: int) -> None:
    found = offer(modality, rows, classes)
    assert len(found) >= 5
    assert len(set(found)) == len(found)
    for options in found:
        assert type(options) is KINDS[offer]
        assert replace(options) == options  # Made anew, so all its numbers are within their limits.
    assert offer(modality, rows, classes) == found


@each
def test_the_first_of_texts_is_the_default(offer) -> None:
    assert offer("text", 1_000, 27)[0] == KINDS[offer]()


@each
@modalities
def test_one_step_from_the_first_at_most_a_few_things_change(offer, modality: Modality) -> None:
    first, *others = (vars_of(options) for options in offer(modality, 1_000, 27))
    for own in others:
        assert 1 <= sum(own[name] != first[name] for name in first) <= 2


def test_of_images_leaves_are_larger_and_trees_shallower() -> None:
    assert min(options.leaf for options in candidates.forest("image", 1, 2)) > 1
    assert candidates.boosting("image", 1, 2)[0].depth < candidates.boosting("text", 1, 2)[0].depth
    # No candidate for images differs in how many sparse columns are chosen: there are none.
    for offer in (candidates.forest, candidates.boosting):
        assert len({options.columns for options in offer("image", 1, 2)}) == 1


def test_many_classes_ask_for_fewer_rounds() -> None:
    few, many = candidates.boosting("text", 1, 50), candidates.boosting("text", 1, 51)
    assert all(one.rounds > other.rounds for one, other in zip(few, many, strict=True))


def vars_of(options) -> dict[str, float]:
    return {name: getattr(options, name) for name in options.__slots__}
