import io
from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import BundleError, ModelError
from aisle.models.confidence import ConfidenceMap
from aisle.models.fusion import ARRAYS, FLOOR, Fusion, PatternWeights, log_probabilities

CLASSES = 3
PRIOR = np.array([0.5, 0.3, 0.2], np.float32)


def pattern(usable, form="scalar", *, members=None, log_loss=1.0, confidence=ConfidenceMap(), seed=0) -> PatternWeights:  # noqa: B008
    generator = np.random.default_rng(seed)
    members = members if members is not None else tuple(place for place, there in enumerate(usable) if there)
    shape = {"scalar": (), "vector": (CLASSES,), "matrix": (CLASSES, CLASSES)}[form]
    return PatternWeights(
        usable=tuple(usable),
        members=members,
        form=form,
        scales=generator.uniform(0.5, 2, len(members)).astype(np.float32),
        weights=generator.uniform(0.1, 1, (len(members), *shape)).astype(np.float32),
        offsets=np.zeros(CLASSES, np.float32) if form == "scalar" else generator.normal(0, 1, CLASSES).astype(np.float32),
        confidence=confidence,
        rows=10,
        log_loss=log_loss,
    )


TEXT, IMAGE = pattern((True, False), log_loss=0.5), pattern((False, True), "vector", log_loss=2.0, seed=1)
TOGETHER = pattern((True, True), "matrix", confidence=ConfidenceMap(0.8, 0.7, 0.2), seed=2)
FUSION = Fusion(PRIOR, (TEXT, IMAGE, TOGETHER))


def some(rows: int, components: int = 2, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.normal(0, 4, (rows, CLASSES)).astype(np.float32) for _ in range(components)]


def plainly(own: PatternWeights, scores: list[list[float]]) -> list[float]:
    """Fuse one row in plain Python, each component's scores by class."""
    fused = [float(offset) for offset in own.offsets]
    for place, member in enumerate(own.members):
        scaled = [float(score) * float(own.scales[place]) for score in scores[member]]
        total = log(sum(exp(score) for score in scaled))
        logs = [max(score - total, float(FLOOR)) for score in scaled]
        for column in range(CLASSES):
            if own.form == "scalar":
                fused[column] += scaled[column] * float(own.weights[place])
            elif own.form == "vector":
                fused[column] += logs[column] * float(own.weights[place][column])
            else:
                fused[column] += sum(logs[row] * float(own.weights[place][row][column]) for row in range(CLASSES))
    total = sum(exp(value) for value in fused)
    chances = [exp(value) / total for value in fused]
    top = max(range(CLASSES), key=chances.__getitem__)
    rest = max(1 - chances[top], 1e-7)
    odds = own.confidence.sure * log(chances[top]) - own.confidence.doubt * log(rest) + own.confidence.shift
    mapped = 1 / (1 + exp(-odds))
    return [mapped if place == top else chance * (1 - mapped) / rest for place, chance in enumerate(chances)]


@given(
    st.lists(st.sampled_from([(False, False), (True, False), (False, True), (True, True)]), max_size=12), st.integers(0, 99)
)
def test_every_row_is_answered_by_its_pattern(there, seed) -> None:
    scores = some(len(there), seed=seed)
    usable = [np.array([row[place] for row in there], np.bool_) for place in range(2)]
    found = FUSION.probabilities(scores, usable)
    assert found.dtype == np.float32
    assert found.shape == (len(there), CLASSES)
    by_pattern = {own.usable: own for own in FUSION.patterns}
    for row, own in enumerate(there):
        rows = [part[row].tolist() for part in scores]
        expected = plainly(by_pattern[own], rows) if any(own) else PRIOR
        assert np.allclose(found[row], expected, atol=2e-4)


def test_rows_do_not_depend_on_the_block_that_they_come_in() -> None:
    scores = some(50)
    usable = [np.arange(50) % 2 == 0, np.arange(50) % 3 == 0]
    whole = FUSION.probabilities(scores, usable)
    for row in range(50):
        alone = FUSION.probabilities([s[row : row + 1] for s in scores], [u[row : row + 1] for u in usable])
        assert np.allclose(alone, whole[row], atol=1e-6)


def test_the_scores_are_left_alone() -> None:
    scores = some(20)
    before = [own.copy() for own in scores]
    for there in ([True, True], [True, False], [False, True]):
        FUSION.probabilities(scores, [np.full(20, value) for value in there])
    assert all(np.array_equal(own, old) for own, old in zip(scores, before, strict=True))


def test_a_pattern_that_was_not_learnt_is_answered_by_the_best_within() -> None:
    fusion = Fusion(PRIOR, (pattern((True, False, False), log_loss=0.5), pattern((False, True, False), log_loss=0.4)))
    assert fusion.pattern([True, True, True]).usable == (False, True, False)
    assert fusion.pattern([True, False, True]).usable == (True, False, False)
    assert fusion.pattern([False, False, True]) is None
    alone = [np.zeros(2, np.bool_), np.zeros(2, np.bool_), np.ones(2, np.bool_)]
    assert np.array_equal(fusion.probabilities(some(2, 3), alone), np.tile(PRIOR, (2, 1)))


def test_log_probabilities_end_at_the_floor() -> None:
    found = log_probabilities(np.array([[0, -1, -500], [1e4, 0, 0]], np.float32), 1.0)
    assert found.min() == FLOOR
    assert found[0, :2] == pytest.approx([-log(1 + exp(-1)), -1 - log(1 + exp(-1))], abs=1e-5)


@given(st.floats(0, 3), st.floats(0, 3), st.floats(-3, 3), st.integers(0, 999))
def test_calibration_keeps_the_answer_and_the_sum(sure, doubt, shift, seed) -> None:
    raw = np.random.default_rng(seed).dirichlet(np.full(4, 0.5), 30).astype(np.float32)
    found = raw.copy()
    ConfidenceMap(sure, doubt, shift).apply(found)
    assert np.array_equal(found.argmax(axis=1), raw.argmax(axis=1))
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    assert (found >= 0).all()


def test_a_map_that_would_take_the_answer_away_stops_before() -> None:
    found = np.array([[0.45, 0.44, 0.11]], np.float32)
    ConfidenceMap(1, 1, -3).apply(found)
    assert found.argmax() == 0
    assert found[0, 0] == pytest.approx(found[0, 1], rel=1e-3)
    assert found.sum() == pytest.approx(1, abs=1e-6)


def test_keeping_needs_every_active_component() -> None:
    fusion = Fusion(PRIOR, (pattern((True, True, True), members=(0, 2)), pattern((True, False, False))))
    assert fusion.active == (0, 2)
    kept = fusion.keep([0, 2])
    assert kept.components == 2
    scores = some(9, 3)
    usable = [np.ones(9, np.bool_)] * 3
    expected = fusion.probabilities(scores, usable)
    assert np.array_equal(kept.probabilities([scores[0], scores[2]], usable[:2]), expected)
    with pytest.raises(ModelError, match=r"\[2\]"):
        fusion.keep([0, 1])


def test_what_counts_is_told_by_pattern() -> None:
    told = FUSION.weights_by_pattern
    assert told[True, False] == (pytest.approx(float(TEXT.weights[0])), 0.0)
    assert told[True, True][1] == pytest.approx(float(np.trace(TOGETHER.weights[1]) / CLASSES))


def test_nothing_is_lost_by_saving() -> None:
    settings, files = FUSION.to_parts()
    loaded = Fusion.from_parts(settings, files, 2, CLASSES)
    scores, usable = some(40), [np.arange(40) % 2 == 0, np.arange(40) % 3 == 0]
    assert np.array_equal(loaded.probabilities(scores, usable), FUSION.probabilities(scores, usable))
    assert loaded.to_parts() == (settings, files)


def test_the_error_of_calibration_is_kept_and_not_asked_of_older_bundles() -> None:
    fusion = Fusion(PRIOR, (replace(TEXT, calibration_error=0.01),))
    settings, files = fusion.to_parts()
    assert Fusion.from_parts(settings, files, 2, CLASSES).patterns[0].calibration_error == 0.01
    del settings["patterns"][0]["calibration_error"]
    assert Fusion.from_parts(settings, files, 2, CLASSES).patterns[0].calibration_error is None


def test_a_fusion_without_patterns_answers_the_prior() -> None:
    settings, files = Fusion(PRIOR, ()).to_parts()
    loaded = Fusion.from_parts(settings, files, 1, CLASSES)
    assert np.array_equal(loaded.probabilities(some(2, 1), [np.ones(2, np.bool_)]), np.tile(PRIOR, (2, 1)))


@pytest.mark.parametrize(("scores", "usable"), [(1, 2), (2, 1), (3, 3)])
def test_another_number_of_components_is_refused(scores, usable) -> None:
    with pytest.raises(ModelError, match="fusion of 2"):
        FUSION.probabilities(some(4, scores), [np.ones(4, np.bool_)] * usable)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ModelError, match="shape"):
        FUSION.probabilities([np.zeros((4, 2), np.float32)] * 2, [np.ones(4, np.bool_)] * 2)
    with pytest.raises(ModelError, match="shape"):
        FUSION.probabilities(some(4), [np.ones(4, np.bool_), np.ones(5, np.bool_)])


def changed(place: int = 0, **entries):
    settings, files = FUSION.to_parts()
    settings["patterns"][place] |= entries
    return settings, files


def with_arrays(**arrays):
    settings, files = FUSION.to_parts()
    with np.load(io.BytesIO(files[ARRAYS])) as archive:
        every = {name: archive[name] for name in archive.files}
    stream = io.BytesIO()
    np.savez(stream, **{name: array for name, array in {**every, **arrays}.items() if array is not None})
    return settings, {ARRAYS: stream.getvalue()}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (({"kind": "other"}, {}), "kind 'other'"),
        ((FUSION.to_parts()[0], {}), f"no {ARRAYS}"),
        ((FUSION.to_parts()[0], {ARRAYS: b"PK\3\4nothing"}), "cannot be read"),
        (({"kind": "late-fusion"}, FUSION.to_parts()[1]), "does not say"),
        (({"kind": "late-fusion", "patterns": [3]}, FUSION.to_parts()[1]), "does not say"),
        (changed(form="cube"), "cube"),
        (changed(usable=[True]), "not known"),
        (changed(usable=[1, 0]), "not known"),
        (changed(members=[1]), "members"),
        (changed(members=[0, 0]), "members"),
        (changed(members=[]), "members"),
        (changed(confidence=[1.0, 1.0]), "four numbers"),
        (changed(log_loss=float("nan")), "four numbers"),
        (changed(log_loss="low"), "four numbers"),
        (changed(calibration_error="low"), "from 0 to 1"),
        (changed(calibration_error=1.5), "from 0 to 1"),
        (changed(calibration_error=float("nan")), "from 0 to 1"),
        (changed(1, usable=[True, False], members=[0]), "twice"),
        (with_arrays(prior=None), "prior is missing"),
        (with_arrays(prior=np.ones(CLASSES, np.float32)), "no distribution"),
        (with_arrays(prior=np.array([1.5, -0.5, 0], np.float32)), "no distribution"),
        (with_arrays(weights0=np.ones(2, np.float32)), "weights0"),
        (with_arrays(offsets1=np.full(CLASSES, np.nan, np.float32)), "no number"),
        (with_arrays(scales2=np.ones(2, np.float64)), "scales2"),
        (with_arrays(prior=np.array([print, 1, 2], dtype=object)), "cannot be read"),
    ],
)
def test_damage_is_told(parts, words) -> None:
    with pytest.raises(BundleError, match=words):
        Fusion.from_parts(*parts, 2, CLASSES)


def test_a_component_more_is_foreign() -> None:
    with pytest.raises(BundleError, match="not known"):
        Fusion.from_parts(*FUSION.to_parts(), 3, CLASSES)


def test_patterns_that_become_one_by_keeping_leave_the_one_of_more_rows() -> None:
    many = replace(pattern((True, True), members=(0,)), rows=90)
    fusion = Fusion(PRIOR, (pattern((True, False), seed=7), many))
    assert [own.rows for own in fusion.keep([0]).patterns] == [90]
