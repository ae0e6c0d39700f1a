import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.errors import TrainingError
from aisle.training.audit import audit_labels
from aisle.training.noise import plant_noise

CODES = ("a", "b", "c", "d")


def drawn(rows: int, seed: int, strength: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Return honest probabilities of four classes, and the correct labels."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, rows)
    scores = generator.normal(0, 1, (rows, 4))
    scores[np.arange(rows), labels] += strength
    chances = np.exp(scores * strength)
    return (chances / chances.sum(axis=1, keepdims=True)).astype(np.float32), labels


def plainly(probabilities, labels, classes):
    """Return thresholds and the confident joint as the paper writes them down."""
    members = [[row for row, label in zip(probabilities, labels, strict=True) if label == own] for own in range(classes)]
    thresholds = [sum(float(row[own]) for row in rows) / len(rows) if rows else 1.0 for own, rows in enumerate(members)]
    counts = [[0] * classes for _ in range(classes)]
    for row, label in zip(probabilities, labels, strict=True):
        over = [(float(row[own]), -own) for own in range(classes) if float(row[own]) >= thresholds[own]]
        if over:
            counts[label][-max(over)[1]] += 1
    joint = []
    for own in range(classes):
        if not sum(counts[own]):
            counts[own][own] = 1
        joint.append([count / sum(counts[own]) * len(members[own]) / len(labels) for count in counts[own]])
    return thresholds, joint


@given(st.integers(1, 40), st.integers(0, 999))
def test_the_confident_joint_is_the_papers(rows, seed) -> None:
    probabilities, labels = drawn(rows, seed, 0.7)
    found = audit_labels(probabilities, labels, CODES)
    thresholds, joint = plainly(probabilities, labels, 4)
    assert found.thresholds == pytest.approx(thresholds)
    assert np.allclose(found.joint, joint)
    assert found.joint.sum() == pytest.approx(1)
    assert found.noise_rate == pytest.approx(1 - sum(joint[own][own] for own in range(4)))


def test_planted_labels_are_found_and_mended() -> None:
    probabilities, labels = drawn(3_000, 1)
    noisy = plant_noise(labels, 4, 0.1, seed=2)
    found = audit_labels(probabilities, noisy, CODES)
    wrong = noisy != labels
    assert found.noise_rate == pytest.approx(0.1, abs=0.02)
    top = found.ranking.head(wrong.sum())
    rows = top["row"].to_numpy()
    assert wrong[rows].mean() > 0.9
    mended = [CODES[label] for label in labels[rows[wrong[rows]]]]
    suggested = top["suggested"].to_numpy()[wrong[rows]]
    assert np.mean(suggested == mended) > 0.95
    likely = found.likely_wrong
    assert likely.height == pytest.approx(wrong.sum(), rel=0.1)
    assert (likely["label"] != likely["suggested"]).all()


def test_the_pair_that_is_mixed_up_is_named_first() -> None:
    probabilities, labels = drawn(3_000, 1)
    likeness = np.zeros((4, 4))
    likeness[2, 0] = 1
    noisy = plant_noise(labels, 4, 0.1, seed=2, likeness=likeness + np.eye(4) * 9)
    # Only class 2 has somewhere in particular to go; the three others are spread.
    found = audit_labels(probabilities, noisy, CODES)
    first = found.pairs.row(0, named=True)
    assert (first["label"], first["likely"]) == ("a", "c")
    assert first["rows"] == pytest.approx(((noisy == 0) & (labels == 2)).sum(), rel=0.15)
    assert first["rate"] == pytest.approx(((noisy == 0) & (labels == 2)).sum() / (noisy == 0).sum(), rel=0.15)


def test_the_ranking_holds_every_row_once_with_its_figures() -> None:
    probabilities = np.float32([[0.7, 0.2, 0.1, 0], [0.1, 0.6, 0.3, 0], [0, 0, 0.02, 0.98]])
    found = audit_labels(probabilities, np.array([0, 0, 2]), CODES).ranking
    assert found["row"].to_list() == [2, 1, 0]
    assert found["label"].to_list() == ["c", "a", "a"]
    assert found["suggested"].to_list() == ["d", "b", "b"]
    assert found["self_confidence"].to_list() == pytest.approx([0.02, 0.1, 0.7])
    assert found["suggested_confidence"].to_list() == pytest.approx([0.98, 0.6, 0.2])
    assert found["margin"].to_list() == pytest.approx([-0.96, -0.5, 0.5])
    assert found["suspicion"][0] == pytest.approx(0.5 * np.log(0.98) - np.log(0.02), abs=1e-5)


def test_equal_rows_keep_their_order() -> None:
    found = audit_labels(np.full((5, 4), 0.25, np.float32), np.zeros(5, np.intp), CODES)
    assert found.ranking["row"].to_list() == [0, 1, 2, 3, 4]


def test_probabilities_of_0_are_no_trouble_and_one_class_has_no_rival() -> None:
    found = audit_labels(np.float32([[0, 1], [1, 0]]), np.array([0, 0]), ("a", "b"))
    assert np.isfinite(found.ranking["suspicion"].to_numpy()).all()
    alone = audit_labels(np.ones((3, 1), np.float32), np.zeros(3, np.intp), ("a",))
    assert alone.noise_rate == 0
    assert alone.likely_wrong.height == 0
    assert alone.pairs.height == 0


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(TrainingError, match="do not belong"):
        audit_labels(np.ones((2, 3), np.float32), np.zeros(2, np.intp), CODES)
    with pytest.raises(TrainingError, match="do not belong"):
        audit_labels(np.ones((0, 4), np.float32), np.zeros(0, np.intp), CODES)
