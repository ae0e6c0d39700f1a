from dataclasses import replace

import numpy as np
import pytest

from aisle.errors import TrainingError
from aisle.models.calibration import softmax
from aisle.models.fusion_choice import FusionOptions, clearly_less, drawn
from aisle.models.fusion_fit import fit_fusion
from aisle.models.fusion_forms import Targets, fit_rich, fit_scalars, fit_scale
from tests.unit.models.stacks import Stack, log_loss, stack

BOTH = ("text", "image")
FAST = FusionOptions(form="scalar", folds=2)


def fuse(made: Stack, modalities=BOTH, options=FAST):
    return fit_fusion(made.scores, made.usable, made.labels, made.prior, modalities=modalities, options=options)


@pytest.mark.parametrize("size", [0.02, 1.0, 50.0])
def test_the_scale_that_was_hidden_in_the_scores_is_found(size: float) -> None:
    made = stack(3_000, 4, [1.5], sizes=[size])
    assert fit_scale(made.scores[0], Targets(made.labels, made.prior)) == pytest.approx(1 / size, rel=0.08)


def test_independent_evidence_is_added_up_whatever_its_scale() -> None:
    made = stack(4_000, 4, [1.5, 0.8], sizes=[3.0, 0.2])
    fusion = fuse(made)
    own = fusion.pattern([True, True])
    assert own.scales * own.weights == pytest.approx([1 / 3, 5], rel=0.1)
    fresh = stack(4_000, 4, [1.5, 0.8], sizes=[3.0, 0.2], seed=1)
    perfect = softmax(fresh.scores[0] / 3 + fresh.scores[1] * 5)
    assert log_loss(fusion.probabilities(fresh.scores, fresh.usable), fresh.labels) < log_loss(perfect, fresh.labels) + 0.01


def test_noise_weighs_nothing_and_is_told() -> None:
    made = stack(2_000, 3, [2.0, 0.0])
    made.scores[1][:] = np.random.default_rng(5).normal(0, 1, made.scores[1].shape)
    made.scores[1][np.arange(2_000), made.labels] -= 0.5  # worse than noise: it must not be turned round
    fusion = fuse(made, ("text", "text"))
    assert fusion.weights_by_pattern[True, True][1] == 0
    assert fusion.active == (0,)
    alone = fusion.keep([0])
    assert np.array_equal(
        alone.probabilities(made.scores[:1], made.usable[:1]), fusion.probabilities(made.scores, made.usable)
    )


def test_each_modality_alone_is_learnt_though_every_row_has_both() -> None:
    made = stack(2_000, 4, [1.5, 1.0], sizes=[4.0, 0.5])
    fusion = fuse(made)
    assert set(fusion.weights_by_pattern) == {(True, False), (False, True), (True, True)}
    nowhere = np.zeros(2_000, np.bool_)
    for place, scale in ((0, 1 / 4), (1, 2.0)):
        usable = [nowhere, nowhere]
        usable[place] = ~nowhere
        perfect = log_loss(softmax(made.scores[place] * scale), made.labels)
        assert log_loss(fusion.probabilities(made.scores, usable), made.labels) < perfect + 0.01


def test_rows_of_one_pattern_teach_the_patterns_within_them() -> None:
    made = stack(300, 3, [1.5, 1.0])
    made.usable[1][:290] = False
    fusion = fuse(made)
    rows = {own.usable: own.rows for own in fusion.patterns}
    assert rows == {(True, False): 300, (False, True): 10, (True, True): 10}


def test_a_component_on_both_counts_only_where_it_was_seen_so() -> None:
    made = stack(400, 3, [1.5, 1.0, 1.5])
    fusion = fuse(made, ("text", "image", "both"))
    weights = fusion.weights_by_pattern
    assert weights[True, True, True][2] > 0
    assert weights[True, False, True][2] == 0
    assert weights[False, True, True][2] == 0
    # Rows scored with the image hidden teach it.
    made.usable[1][:200] = False
    assert fuse(made, ("text", "image", "both")).weights_by_pattern[True, False, True][2] > 0


def test_a_pattern_of_few_rows_is_left_to_the_patterns_within() -> None:
    made = stack(100, 3, [1.5, 1.0])
    made.usable[1][:95] = False
    made.usable[0][95:] = False
    fusion = fuse(made)
    assert {own.usable: own.rows for own in fusion.patterns} == {(True, False): 95}
    usable = [np.ones(100, np.bool_)] * 2
    alone = [usable[0], ~usable[1]]
    assert np.array_equal(fusion.probabilities(made.scores, usable), fusion.probabilities(made.scores, alone))


def test_what_stands_in_unusable_rows_is_not_read() -> None:
    made = stack(500, 3, [1.5, 1.0])
    made.usable[1][::2] = False
    other = Stack([s.copy() for s in made.scores], made.usable, made.labels, made.prior)
    other.scores[1][::2] = np.nan
    first, second = fuse(made), fuse(other)
    assert first.to_parts() == second.to_parts()
    assert np.isfinite(second.probabilities(other.scores, other.usable)).all()


def _confused(rows: int, seed: int) -> Stack:
    """Classes 0 and 1 look alike to the first component, 2 and 3 to the second; class 3 is scored too high."""
    made = stack(rows, 4, [3.0, 3.0], seed=seed)
    for place, pair in ((0, [0, 1]), (1, [2, 3])):
        made.scores[place][:, pair] = np.random.default_rng(seed + 9).permuted(made.scores[place][:, pair], axis=1)
    made.scores[0][:, 3] += 3
    return made


def test_a_richer_form_is_taken_where_classes_differ_and_only_there() -> None:
    options = FusionOptions(folds=3, vector_penalties=(10.0,), matrix_penalties=(100.0,))
    fresh = _confused(2_000, 50)
    made = _confused(2_000, 1)
    chosen, plain = fuse(made, options=options), fuse(made)
    assert chosen.pattern([True, True]).form != "scalar"
    found = [log_loss(own.probabilities(fresh.scores, fresh.usable), fresh.labels) for own in (chosen, plain)]
    assert found[0] < found[1] - 0.02
    assert fuse(stack(2_000, 4, [1.5, 1.0]), options=options).pattern([True, True]).form == "scalar"


def test_few_rows_of_a_class_keep_to_the_scalar_form() -> None:
    options = FusionOptions(folds=2)
    assert {own.form for own in fuse(_confused(70, 1), options=options).patterns} == {"scalar"}


@pytest.mark.parametrize("form", ["vector", "matrix"])
def test_an_endless_penalty_leaves_the_scalars(form) -> None:
    made = stack(300, 3, [1.5, 1.0])
    logs = [np.log(softmax(own)) for own in made.scores]
    targets = Targets(made.labels, made.prior)
    scalars = fit_scalars(logs, targets)
    weights, offsets = fit_rich(logs, targets, scalars, form, 1e9)
    expected = np.tile(scalars[:, np.newaxis], 3) if form == "vector" else scalars[:, np.newaxis, np.newaxis] * np.eye(3)
    assert np.allclose(weights, expected, atol=1e-3)
    assert np.allclose(offsets, 0, atol=1e-3)


def test_the_slope_is_the_losses_slope() -> None:
    made = stack(7, 3, [1.0])
    targets = Targets(made.labels, np.array([0.5, 0.3, 0.2], np.float32))
    _, slope = targets.loss(made.scores[0].copy())
    for row, column in ((0, 0), (3, 2), (6, 1)):
        near = [made.scores[0].copy() for _ in range(2)]
        near[0][row, column] += 0.02
        near[1][row, column] -= 0.02
        assert slope[row, column] == pytest.approx((targets.loss(near[0])[0] - targets.loss(near[1])[0]) / 0.04, abs=1e-3)


@pytest.mark.parametrize(("rows", "classes"), [(1, 2), (2, 2), (30, 2), (30, 27), (60, 405)])
def test_few_rows_without_a_mistake_end_in_no_certainty(rows: int, classes: int) -> None:
    made = stack(rows, classes, [9.0, 9.0])  # no mistake anywhere: the likelihood alone would be certain
    fusion = fuse(made, options=FusionOptions())
    probabilities = fusion.probabilities(made.scores, made.usable)
    assert np.isfinite(probabilities).all()
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert probabilities.max() < 1 - 0.01 / (rows + 2)


def test_the_same_rows_give_the_same_bytes() -> None:
    made = _confused(400, 3)
    options = FusionOptions(folds=2, tuning_rows=300, vector_penalties=(10.0,), matrix_penalties=(100.0,))
    assert fuse(made, options=options).to_parts() == fuse(made, options=options).to_parts()
    assert fuse(made, options=replace(options, seed=2)).to_parts() != fuse(made, options=options).to_parts()


def test_rows_are_drawn_without_repeats_in_order() -> None:
    assert drawn(5, 9, 1).tolist() == [0, 1, 2, 3, 4]
    found = drawn(1_000, 10, 1)
    assert len(found) == 10
    assert (np.diff(found) > 0).all()


def test_clearly_less_is_two_standard_errors() -> None:
    noise = np.random.default_rng(0).normal(0, 1, 10_000)
    assert clearly_less(np.zeros(10_000), noise + 0.05)
    assert not clearly_less(np.zeros(10_000), noise * 5 + 0.05)
    assert not clearly_less(np.zeros(3), np.zeros(3))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scores": []}, "nothing to learn"),
        ({"labels": np.array([], np.intp)}, "nothing to learn"),
        ({"modalities": ["text"]}, "1 modalities"),
        ({"modalities": ["text", "sound"]}, "sound"),
        ({"usable": [np.ones(3, np.bool_)] * 2}, "mask"),
    ],
)
def test_what_does_not_fit_together_is_refused(change, words) -> None:
    made = stack(20, 3, [1.0, 1.0])
    given = {"scores": made.scores, "usable": made.usable, "labels": made.labels, "prior": made.prior, "modalities": BOTH}
    given |= change
    with pytest.raises(TrainingError, match=words):
        fit_fusion(
            given["scores"], given["usable"], given["labels"], given["prior"], modalities=given["modalities"], options=FAST
        )
