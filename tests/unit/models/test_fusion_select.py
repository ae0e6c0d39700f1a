import numpy as np
import pytest

from aisle.errors import TrainingError
from aisle.models.fusion_select import select_components
from tests.unit.models.stacks import Stack, stack


def select(made: Stack, **options):
    return select_components(made.scores, made.usable, made.labels, made.prior, **options)


def test_the_best_comes_first_and_noise_and_repeats_are_left_out() -> None:
    made = stack(1_500, 4, [0.6, 1.5, 0.0, 1.0])
    made.scores[2] = np.random.default_rng(3).normal(0, 1, (1_500, 4)).astype(np.float32)
    twice = Stack([*made.scores, made.scores[1] * 3], [*made.usable, made.usable[1]], made.labels, made.prior)
    taken = select(twice)
    assert [step.component for step in taken] in ([1, 3, 0], [4, 3, 0])
    assert [step.log_loss for step in taken] == sorted((step.log_loss for step in taken), reverse=True)
    assert taken[2].weighted_f1 > taken[0].weighted_f1 > 0.5


def test_the_figures_are_those_of_the_answers() -> None:
    made = stack(800, 3, [1.5])
    (step,) = select(made)
    answers = made.scores[0].argmax(axis=1)
    f1 = []
    for label in range(3):
        hits = ((answers == label) & (made.labels == label)).sum()
        f1.append(2 * hits / ((answers == label).sum() + (made.labels == label).sum()))
    assert step.weighted_f1 == pytest.approx(float(np.average(f1, weights=np.bincount(made.labels))))
    assert step.gain == pytest.approx(np.log(3) - step.log_loss, abs=1e-5)


def test_what_costs_more_than_it_brings_is_left_out() -> None:
    made = stack(1_500, 4, [1.5, 1.0])
    free = select(made)
    assert [step.component for step in free] == [0, 1]
    dear = select(made, costs=[1.0, 10.0], price=free[1].gain / 9)
    assert [(step.component, step.cost) for step in dear] == [(0, 1.0)]


def test_what_serves_rows_that_nothing_else_does_is_taken() -> None:
    made = stack(1_000, 4, [1.5, 0.7])
    made.usable[0][:300] = False
    made.usable[1][300:] = False
    made.scores[1][300:] = np.nan
    assert [step.component for step in select(made)] == [0, 1]


def test_no_more_are_taken_than_may_be() -> None:
    assert len(select(stack(500, 3, [1.0, 1.0, 1.0]), most=2)) == 2


def test_the_scores_are_left_alone_and_the_choice_is_the_same_again() -> None:
    made = stack(900, 3, [1.0, 0.5])
    before = [own.copy() for own in made.scores]
    first = select(made, rows=700)
    assert select(made, rows=700) == first
    assert select(made, rows=2_000) == select(made, rows=900)
    assert all(np.array_equal(own, old) for own, old in zip(made.scores, before, strict=True))


def test_a_useless_component_is_better_than_none() -> None:
    made = stack(10, 2, [0.0])
    assert [step.component for step in select(made)] == [0]


def test_nothing_to_select_from_is_refused() -> None:
    with pytest.raises(TrainingError, match="no component"):
        select(Stack([], [], np.zeros(3, np.intp), np.ones(2) / 2))
