from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix, hstack

from aisle.errors import ModelError, TrainingError
from aisle.models.deep.fit import fit
from aisle.models.deep.net import Hidden, Net
from aisle.models.deep.options import DeepOptions
from aisle.models.deep.scorer import NeuralScorer
from aisle.models.deep.start import save_checkpoint
from aisle.models.families import family_named
from tests.unit.models.deep.nets import both_problem, random_net
from tests.unit.models.problems import dense_problem, mixed_problem, shares, sparse_problem

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'aisle[deep]'")

QUICK = DeepOptions(heads=2, width=16, epochs=30, batch=32, rate=1e-2, dropout=0.1, gram_dropout=0.1)
PROBLEMS = {"text": sparse_problem, "image": dense_problem, "both": both_problem, "mixed": mixed_problem}


@pytest.mark.parametrize("kind", PROBLEMS)
def test_every_class_is_learnt(kind: str) -> None:
    matrix, labels = PROBLEMS[kind](share=1.0) if kind == "both" else PROBLEMS[kind]()
    scorer = family_named("deep").fit(matrix, labels, 3, QUICK, seed=1, jobs=1)
    assert (shares(matrix, labels, scorer.scores(matrix)) > 0.75).all()
    assert np.allclose(np.exp(scorer.scores(matrix)).sum(axis=1), 1, atol=0.2)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_torch_and_the_export_answer_alike(kind: str) -> None:
    matrix, labels = PROBLEMS[kind](rows=50)
    scorer = random_net(matrix, labels)
    net = Net(torch, scorer.sizes, scorer.arrays, "cpu", np.random.default_rng(0))
    outputs = net.outputs(net.batch(*scorer.inputs.split(matrix), Hidden()), Hidden())
    expected = torch.log_softmax(outputs, dim=2).mean(dim=0).detach().numpy()
    assert np.allclose(scorer.scores(matrix), expected, atol=1e-4)


def test_the_same_again_whatever_the_threads_and_another_with_another_seed() -> None:
    matrix, labels = both_problem()
    options = DeepOptions(heads=2, width=8, epochs=2)
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.manual_seed(1)
    first = fit(matrix, labels, 3, options, seed=5, jobs=1).to_parts()
    torch.manual_seed(2)
    assert fit(matrix, labels, 3, options, seed=5, jobs=2).to_parts() == first
    assert fit(matrix, labels, 3, options, seed=6, jobs=1).to_parts() != first
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_patience_keeps_the_best_and_ends_early() -> None:
    matrix, labels = sparse_problem()
    kept = fit(matrix, labels, 3, DeepOptions(heads=1, width=8, epochs=300, batch=32, patience=5), seed=1, jobs=1)
    assert (shares(matrix, labels, kept.scores(matrix)) > 0.5).all()


def test_a_lost_image_costs_little_where_the_text_says_the_same() -> None:
    pictures, labels = dense_problem()
    # Each class has ten words of its own, and each text one of them.
    words = csr_matrix((np.ones(300), (np.arange(300), 10 * labels + np.arange(300) % 10)), shape=(300, 30))
    whole = hstack([words, csr_matrix(pictures), csr_matrix(np.ones((300, 1)))], format="csr", dtype=np.float32)
    scorer = fit(whole, labels, 3, QUICK, seed=1, jobs=1)
    assert (scorer.sizes.grams, scorer.sizes.numbers) == (30, 8)
    blind = whole.toarray()
    blind[:, 30:] = 0
    assert (shares(whole, labels, scorer.scores(csr_matrix(blind))) > 0.9).all()
    mute = whole.toarray()
    mute[:, :30] = 0
    assert (shares(whole, labels, scorer.scores(csr_matrix(mute))) > 0.6).all()


def test_weights_that_run_away_are_said() -> None:
    matrix, labels = sparse_problem()
    matrix.data[:] = 3e38
    with pytest.raises(TrainingError, match="ran away") as caught:
        fit(matrix, labels, 3, DeepOptions(heads=1, width=4, epochs=1, gram_dropout=0), seed=1, jobs=1)
    assert "rate" in caught.value.hint


def fitted_from(folder: Path | None, seed: int = 3) -> NeuralScorer:
    matrix, labels = sparse_problem(rows=60, seed=0)
    options = DeepOptions(heads=1, width=4, epochs=1, batch=16, checkpoint=str(folder) if folder else "")
    return fit(matrix, labels, 3, options, seed=seed, jobs=1, names=np.arange(40))


def test_a_checkpoint_is_a_better_beginning(tmp_path: Path) -> None:
    matrix, labels = sparse_problem(rows=3_000, columns=200)
    names, order = np.arange(200) * 7 + 1, np.random.default_rng(3).permutation(200)
    teacher = fit(matrix[1_000:], labels[1_000:], 3, replace(QUICK, epochs=5), seed=1, jobs=1)
    save_checkpoint(teacher, names, tmp_path)
    few, judged = slice(0, 60), slice(60, 1_000)
    options = DeepOptions(heads=2, width=16, epochs=10, batch=16)
    cold = fit(matrix[few], labels[few], 3, options, seed=3, jobs=1)
    moved, begun = matrix[:, order], replace(options, heads=1, width=4).begun_with(str(tmp_path))
    warm = fit(moved[few], labels[few], 3, begun, seed=3, jobs=1, names=names[order])
    assert (warm.sizes.heads, warm.sizes.width) == (2, 16)
    right = (cold.scores(matrix[judged]).argmax(axis=1) == labels[judged]).mean()
    assert (warm.scores(moved[judged]).argmax(axis=1) == labels[judged]).mean() > right + 0.03


def test_what_looks_at_images_alone_begins_anew(tmp_path: Path) -> None:
    save_checkpoint(random_net(*sparse_problem()), np.arange(40), tmp_path)
    matrix, labels = dense_problem()
    options = DeepOptions(heads=1, width=4, epochs=1, checkpoint=str(tmp_path))
    assert fit(matrix, labels, 3, options, seed=1, jobs=1).sizes.width == 4


def test_a_damaged_checkpoint_is_refused_before_anything_is_fitted(tmp_path: Path) -> None:
    save_checkpoint(random_net(*sparse_problem()), np.arange(40), tmp_path)
    fitted_from(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="damaged, or was exchanged"):
        fitted_from(tmp_path)
