"""The workbench: fits and scores on some of the rows, from memory as from a folder."""

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from aisle.errors import TrainingError
from aisle.features.sparse import SparseRows
from aisle.models.component import Modality
from aisle.training.layout import Layout
from aisle.training.search.trial import Trial
from aisle.training.workbench import Workbench, opened

TRIALS = tuple(Trial("logistic", modality, {}) for modality in ("text", "image", "both"))


@pytest.fixture(scope="module")
def train(laid: Layout) -> np.ndarray:
    return laid.places["train"]


@pytest.fixture(scope="module")
def held(laid: Layout) -> np.ndarray:
    return laid.places["validation"]


def test_what_was_saved_is_opened_as_it_was(laid: Layout, bench_folder: Path) -> None:
    bench, again = laid.bench, opened(bench_folder)
    assert again.options == bench.options
    assert again.classes == bench.classes == 3
    assert (again.counts != bench.counts).nnz == 0
    for name in ("labels", "pictures", "seen", "written"):
        assert np.array_equal(getattr(again, name), getattr(bench, name)), name
    assert isinstance(again.pictures.base, np.memmap) or isinstance(again.pictures, np.memmap)
    assert opened(bench_folder) is again


def test_what_was_saved_can_be_read_and_not_written(bench_folder: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        opened(bench_folder).pictures[0, 0] = 1
    assert {path.suffix for path in bench_folder.iterdir() if path.is_file()} == {".npy", ".json"}


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.modality)
def test_opened_it_answers_as_in_memory(
    laid: Layout, bench_folder: Path, train: np.ndarray, held: np.ndarray, trial: Trial
) -> None:
    scores = [bench.scores(bench.fit(trial, train, seed=1), held) for bench in (laid.bench, opened(bench_folder))]
    assert scores[0].tobytes() == scores[1].tobytes()
    assert scores[0].shape == (held.size, 3)
    usable = laid.bench.usable(trial.modality)[held]
    hits = scores[0].argmax(axis=1) == laid.bench.labels[held]
    assert hits[usable].mean() > 0.8


def test_rows_that_a_fit_cannot_use_change_nothing_in_it(laid: Layout, train: np.ndarray, held: np.ndarray) -> None:
    bench = laid.bench
    with_image = train[bench.seen[train]]
    assert with_image.size < train.size
    alike = [bench.scores(bench.fit(TRIALS[1], rows, seed=1), held) for rows in (train, with_image)]
    assert np.array_equal(*alike)


def test_a_fit_on_rows_that_lack_a_class_knows_which_it_has(laid: Layout, train: np.ndarray, held: np.ndarray) -> None:
    bench = laid.bench
    some = train[bench.labels[train] != 1]
    fitted = bench.fit(TRIALS[0], some, seed=1)
    assert fitted.component.known is not None
    assert fitted.component.known.tolist() == [0, 2]
    scores = bench.scores(fitted, held)
    assert scores.shape == (held.size, 3)
    assert np.array_equal(scores[:, 1], scores[:, [0, 2]].min(axis=1)), "the class that it does not know comes last"
    known = bench.labels[held] != 1
    assert (scores.argmax(axis=1) == bench.labels[held])[known].mean() > 0.8
    assert bench.fit(TRIALS[0], train, seed=1).component.known is None


def test_rows_of_one_class_are_refused(laid: Layout, train: np.ndarray) -> None:
    with pytest.raises(TrainingError, match="of 1 classes"):
        laid.bench.fit(TRIALS[1], train[laid.bench.labels[train] == 0], seed=1)


def test_a_component_says_what_it_is_made_of(laid: Layout, train: np.ndarray) -> None:
    fitted = {trial.modality: laid.bench.fit(trial, train, seed=1) for trial in TRIALS}
    assert {name: own.component.name for name, own in fitted.items()} == {
        "text": "text-logistic",
        "image": "image-logistic",
        "both": "both-logistic",
    }
    assert fitted["image"].space is None
    assert fitted["text"].space is not None
    columns = {name: own.component.scorer.weights.shape[0] for name, own in fitted.items()}  # type: ignore[attr-defined]
    assert columns["both"] == columns["text"] + columns["image"] + 1
    assert columns["image"] == laid.bench.pictures.shape[1]


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_both_puts_the_image_beside_the_text_and_whether_there_is_one(
    laid: Layout, train: np.ndarray, held: np.ndarray, weight: float
) -> None:
    bench = laid.bench
    fitted = bench.fit(Trial("logistic", "both", {"image_weight": weight}), train, seed=1)
    space, component = fitted.space, fitted.component
    assert space is not None
    assert component.image_weight == weight
    text = SparseRows.of(space.matrix(bench.counts[held]))
    matrix = component.matrix(lambda: text, bench.pictures[held], bench.seen[held])
    assert isinstance(matrix, SparseRows)
    dense = matrix.filled()
    seen, width = bench.seen[held], bench.pictures.shape[1]
    assert not seen.all()
    assert np.array_equal(dense[:, -1], seen)
    assert not dense[~seen, -width - 1 :].any()
    assert np.array_equal(dense[seen, -width - 1 : -1], bench.pictures[held][seen] * np.float32(weight))
    assert np.array_equal(dense[:, : -width - 1], text.filled())
    # What a bundle does with a product is what the workbench did with its row.
    np.testing.assert_allclose(bench.scores(fitted, held), component.scorer.scores(matrix), rtol=1e-5, atol=1e-6)
    assert bench.pictures.max() < 3, "the features of other fits are as they were"


def test_the_weight_of_images_beside_texts_makes_another_classifier(
    laid: Layout, train: np.ndarray, held: np.ndarray
) -> None:
    plain, heavy = (
        laid.bench.scores(laid.bench.fit(Trial("logistic", "both", options), train, seed=1), held)
        for options in ({}, {"image_weight": 3.0})
    )
    assert not np.allclose(plain, heavy)


def test_the_latest_texts_are_those_of_the_rows_asked_for(laid: Layout, train: np.ndarray) -> None:
    bench = laid.bench
    whole, half = bench.space(train).width, bench.space(train[::2]).width
    assert half < whole == bench.space(train).width


def _bench(laid: Layout, written: list[int], seen: list[int]) -> Workbench:
    """Return the first six rows, of which only some have a text and an image."""
    counts = laid.bench.counts[:6].tolil()
    pictures = laid.bench.pictures[6:12].copy()
    there = np.isin(np.arange(6), seen)
    pictures[~there] = 0
    for row in set(range(6)) - set(written):
        counts[row] = 0
    made = csr_matrix(counts, dtype=np.float32)
    made.eliminate_zeros()
    return Workbench(laid.bench.options, 3, laid.bench.labels[:6], made, pictures, there)


@pytest.mark.parametrize(
    ("modality", "usable"), [("text", [0, 1, 2]), ("image", [2, 3]), ("both", [0, 1, 2, 3])], ids=["text", "image", "both"]
)
def test_what_a_fit_will_take_follows_from_the_rows_that_it_can_use(
    laid: Layout, modality: Modality, usable: list[int]
) -> None:
    bench, every = _bench(laid, [0, 1, 2], [2, 3]), np.arange(6)
    assert np.flatnonzero(bench.usable(modality)).tolist() == usable
    text = {row: int(bench.counts[row].nnz) for row in range(6)}
    width = bench.pictures.shape[1]
    wanted = {"text": sum(text.values()), "image": 2 * width, "both": sum(text.values()) + 2 * width}[modality]
    assert bench.entries(modality, every) == wanted > 0
    assert bench.entries(modality, np.array([4, 5])) == 0
    often = int((bench.counts.getnnz(axis=0) >= 2).sum())
    assert bench.columns(modality) == {"text": often, "image": width, "both": often + width + 1}[modality]


def test_the_columns_are_about_as_many_as_a_fit_has(laid: Layout, train: np.ndarray) -> None:
    estimated, true = laid.bench.columns("text"), laid.bench.space(train).width
    assert true <= estimated < 2 * true
