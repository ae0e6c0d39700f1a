import io

import numpy as np
import pytest

from aisle.errors import BundleError
from aisle.models.deep.scorer import WEIGHTS, NeuralScorer
from aisle.models.scorers import load_scorer
from aisle.models.weights import array_bytes
from tests.unit.models.deep.nets import both_problem, plain_scores, random_net
from tests.unit.models.problems import dense_problem, mixed_problem, sparse_problem

PROBLEMS = {"text": sparse_problem, "image": dense_problem, "both": both_problem, "mixed": mixed_problem}


@pytest.fixture
def scorer() -> NeuralScorer:
    return random_net(*both_problem())


@pytest.mark.parametrize("kind", PROBLEMS)
def test_scores_are_those_of_the_plain_sums(kind: str) -> None:
    matrix, labels = PROBLEMS[kind](rows=60)
    scorer = random_net(matrix, labels)
    scores = scorer.scores(matrix)
    assert scores.dtype == np.float32
    assert np.allclose(scores, plain_scores(scorer, matrix), atol=1e-4)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_a_row_scores_the_same_alone_and_among_others(kind: str) -> None:
    matrix, labels = PROBLEMS[kind](rows=40)
    scorer = random_net(matrix, labels)
    alone = np.concatenate([scorer.scores(matrix[row : row + 1]) for row in range(40)])
    assert np.array_equal(alone, scorer.scores(matrix))


def test_no_rows_and_empty_rows_are_scored(scorer: NeuralScorer) -> None:
    matrix, _ = both_problem(rows=5)
    assert scorer.scores(matrix[:0]).shape == (0, 3)
    matrix.data[:] = 0
    matrix.eliminate_zeros()
    assert np.isfinite(scorer.scores(matrix)).all()


def test_without_an_image_its_numbers_count_nothing(scorer: NeuralScorer) -> None:
    matrix, _ = both_problem(rows=20)
    whole = matrix.toarray()
    whole[:, -1] = 0
    before = scorer.scores(type(matrix)(whole))
    whole[:, 40:-1] = 7
    assert np.array_equal(before, scorer.scores(type(matrix)(whole)))


@pytest.mark.parametrize("kind", PROBLEMS)
def test_nothing_is_lost_by_saving(kind: str) -> None:
    matrix, labels = PROBLEMS[kind](rows=40)
    scorer = random_net(matrix, labels)
    settings, files = scorer.to_parts()
    again = load_scorer(settings, files, matrix.shape[1], 3)
    assert again.kind == settings["kind"] == "neural"
    assert np.array_equal(again.scores(matrix), scorer.scores(matrix))
    assert again.to_parts() == (settings, files)


def test_weights_beyond_half_precision_stay_numbers() -> None:
    scorer = random_net(*sparse_problem())
    wild = NeuralScorer.of(scorer.inputs, {**scorer.arrays, "out_weights": scorer.arrays["out_weights"] * 1e9})
    assert np.isfinite(wild.arrays["out_weights"]).all()
    load_scorer(*wild.to_parts(), 40, 3)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"text_weights": np.zeros((1, 10), np.float16)}, "text_weights of shape"),
        ({"text_weights": np.zeros((30, 10), np.float32)}, "other kinds of numbers"),
        ({"out_bias": np.full((2, 3), np.nan, np.float32)}, "are no numbers"),
        ({"columns": np.arange(10, 50, dtype=np.int32)}, "columns that are none among 49"),
        ({"columns": np.zeros(30, np.int32)}, "columns that are none"),
        ({"dense": np.array([[1]], np.int32)}, "dense that are none"),
        ({"columns": np.empty(0, np.int32), "dense": np.empty(0, np.int32)}, "names no columns"),
        ({"presence": np.array(49, np.int32)}, "presence of images"),
        ({"presence": np.array([1], np.int32)}, "presence of images"),
        ({"mean": np.zeros(2, np.float32)}, "a mean that is none"),
        ({"scale": np.full(8, np.inf, np.float32)}, "a scale that is none"),
        ({"more": np.zeros(1)}, "instead of"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(scorer: NeuralScorer, arrays: dict[str, np.ndarray], words: str) -> None:
    settings, files = scorer.to_parts()
    with np.load(io.BytesIO(files[WEIGHTS])) as archive:
        whole = {name: archive[name] for name in archive.files}
    with pytest.raises(BundleError, match=words):
        NeuralScorer.from_parts(settings, {WEIGHTS: array_bytes({**whole, **arrays})}, 49, 3)


def test_what_is_damaged_or_foreign_is_refused(scorer: NeuralScorer) -> None:
    settings, files = scorer.to_parts()
    with pytest.raises(BundleError, match=f"has no {WEIGHTS}"):
        NeuralScorer.from_parts(settings, {}, 49, 3)
    with pytest.raises(BundleError, match="'linear' is no 'neural'"):
        NeuralScorer.from_parts({"kind": "linear"}, files, 49, 3)
    with pytest.raises(BundleError, match="out_weights of shape"):
        NeuralScorer.from_parts(settings, files, 49, 4)
    for heads in (0, 3, "2", True, None):
        with pytest.raises(BundleError):
            NeuralScorer.from_parts({**settings, "heads": heads}, files, 49, 3)
    for bad in (b"", b"PK", files[WEIGHTS][:200]):
        with pytest.raises(BundleError, match="cannot be read"):
            NeuralScorer.from_parts(settings, {WEIGHTS: bad}, 49, 3)
