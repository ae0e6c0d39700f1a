"""One contract for every family: what it fits, what it learns, that it is the same twice, and what it refuses to load."""

import io
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from scipy.sparse import csr_matrix, issparse, vstack
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from xgboost import XGBClassifier

from aisle.errors import BundleError, ModelError, TrainingError
from aisle.models import forest_fit
from aisle.models.component import MODALITIES
from aisle.models.families import FAMILIES, family_named
from aisle.models.family import Labels, Matrix, Scorer
from aisle.models.options import BoostingOptions, ForestOptions, LogisticOptions, SvmOptions
from aisle.models.scorers import load_scorer
from aisle.models.weights import array_bytes
from tests.unit.models.problems import dense_problem, mixed_problem, rare_problem, shares, sparse_problem, text_problem

OPTIONS: dict[str, Any] = {
    "logistic": LogisticOptions(),
    "svm": SvmOptions(),
    "forest": ForestOptions(trees=40, tries=40),
    "boosting": BoostingOptions(rounds=12, depth=4, column_share=0.9),
}
"""Options that fit within a blink."""

ORACLES: dict[str, Any] = {
    "logistic": lambda: LogisticRegression(class_weight="balanced", max_iter=1_000),
    "svm": lambda: LinearSVC(class_weight="balanced", random_state=0),
    "forest": lambda: ExtraTreesClassifier(40, class_weight="balanced", random_state=0),
    "boosting": lambda: XGBClassifier(n_estimators=12, max_depth=4, tree_method="hist", n_jobs=1, random_state=0),
}
"""What others fit for the same purpose."""

PROBLEMS: dict[str, Any] = {
    "dense": lambda: dense_problem(600, classes=4),
    "texts": lambda: text_problem(600),
    "both": lambda: mixed_problem(600),
}

families = pytest.mark.parametrize("name", OPTIONS)
kinds = pytest.mark.parametrize("kind", ["dense", "texts"])


def fitted(
    name: str, matrix: Matrix, labels: Labels, classes: int, *, seed: int = 0, jobs: int = 1, **changes: Any
) -> Scorer:
    return FAMILIES[name].fit(matrix, labels, classes, replace(OPTIONS[name], **changes), seed=seed, jobs=jobs)


def again(scorer: Scorer, columns: int, classes: int) -> Scorer:
    settings, files = scorer.to_parts()
    return load_scorer(orjson.loads(orjson.dumps(settings)), files, columns, classes)


@pytest.fixture(scope="module")
def made() -> dict[tuple[str, str], tuple[Scorer, Matrix, Labels, int]]:
    """A classifier of each family on dense features and on texts, that no test may change."""
    found = {}
    for kind in ("dense", "texts"):
        matrix, labels = PROBLEMS[kind]()
        for name in OPTIONS:
            found[name, kind] = fitted(name, matrix[:300], labels[:300], 4), matrix, labels, matrix.shape[1]
    return found


@families
@pytest.mark.parametrize("kind", PROBLEMS)
def test_it_learns_about_as_well_as_what_others_made(name: str, kind: str) -> None:
    matrix, labels = PROBLEMS[kind]()
    classes = int(labels.max()) + 1
    ours = fitted(name, matrix[:400], labels[:400], classes).scores(matrix[400:]).argmax(axis=1)
    theirs = ORACLES[name]().fit(matrix[:400], labels[:400]).predict(matrix[400:])
    right, expected = (ours == labels[400:]).mean(), (theirs == labels[400:]).mean()
    # With 200 rows to judge by, three hundredths are one standard error.
    assert right > expected - 0.06
    assert right > np.bincount(labels[400:]).max() / 200 + 0.25


@families
@kinds
def test_scores_are_numbers_of_each_row_and_class(made: Any, name: str, kind: str) -> None:
    scorer, matrix, _, _ = made[name, kind]
    for rows in (0, 1, 7, 600):
        scores = scorer.scores(matrix[:rows])
        assert scores.shape == (rows, 4)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()


@families
@kinds
def test_a_row_alone_scores_as_among_others(made: Any, name: str, kind: str) -> None:
    scorer, matrix, _, _ = made[name, kind]
    whole = scorer.scores(matrix)
    for row in range(0, 600, 50):
        assert np.allclose(scorer.scores(matrix[row : row + 1]), whole[row], atol=1e-6)
    assert np.allclose(scorer.scores(matrix[::-1]), whole[::-1], atol=1e-6)


@families
def test_rows_beyond_a_block_are_scored_like_the_first(made: Any, name: str) -> None:
    scorer, matrix, _, _ = made[name, "texts"]
    many = vstack([matrix] * 8, format="csr")
    assert np.array_equal(scorer.scores(many), np.tile(scorer.scores(matrix), (8, 1)))


@families
@kinds
def test_the_features_are_left_alone(name: str, kind: str) -> None:
    matrix, labels = PROBLEMS[kind]()
    before, own = matrix.copy(), labels.copy()
    fitted(name, matrix, labels, 4).scores(matrix)
    assert np.array_equal(labels, own)
    if issparse(matrix):
        for part in ("data", "indices", "indptr"):
            assert np.array_equal(getattr(matrix, part), getattr(before, part))
    else:
        assert np.array_equal(matrix, before)


@families
@kinds
def test_the_same_twice(name: str, kind: str) -> None:
    matrix, labels = PROBLEMS[kind]()
    first = fitted(name, matrix, labels, 4, seed=5).to_parts()
    assert fitted(name, matrix, labels, 4, seed=5).to_parts() == first
    # Of each family something is random: the order of the rows, or the columns that are drawn.
    assert fitted(name, matrix, labels, 4, seed=6).to_parts() != first


@families
@kinds
def test_threads_do_not_change_the_outcome(name: str, kind: str) -> None:
    matrix, labels = PROBLEMS[kind]()
    one, two = (fitted(name, matrix, labels, 4, jobs=jobs) for jobs in (1, 2))
    if name != "boosting":
        assert one.to_parts() == two.to_parts()
    # XGBoost adds up in another order, and promises no more than this.
    assert np.allclose(one.scores(matrix), two.scores(matrix), atol=1e-4)


def test_boosting_by_two_threads_is_the_same_twice() -> None:
    matrix, labels = PROBLEMS["texts"]()
    first, second = (fitted("boosting", matrix, labels, 4, jobs=2).to_parts() for _ in range(2))
    assert first == second


@families
@kinds
def test_a_class_of_one_row_and_a_class_of_none(name: str, kind: str) -> None:
    matrix, labels = PROBLEMS[kind]()
    labels = np.where(labels == 3, 0, labels)
    labels[17] = 4
    scores = fitted(name, matrix, labels, 5).scores(matrix)
    assert np.isfinite(scores).all()
    assert set(scores.argmax(axis=1)) <= {0, 1, 2, 4}
    assert shares(matrix, labels, scores)[:3].min() > 0.5


@families
def test_two_classes(name: str) -> None:
    for matrix, labels in (dense_problem(classes=2), sparse_problem(classes=2)):
        scorer = fitted(name, matrix, labels, 2)
        assert scorer.scores(matrix).shape == (300, 2)
        assert shares(matrix, labels, scorer.scores(matrix)).min() > 0.8


@families
@pytest.mark.parametrize("dense", [True, False])
def test_sixty_classes(name: str, dense: bool) -> None:
    labels = np.tile(np.arange(60), 10)
    plain = np.eye(60, dtype=np.float32)[labels]
    plain[np.arange(600), np.random.default_rng(0).integers(0, 60, 600)] += 0.5
    matrix = plain if dense else csr_matrix(plain)
    changes = {"rounds": 3, "column_share": 1.0} if name == "boosting" else {}
    scorer = fitted(name, matrix, labels, 60, **changes)
    assert again(scorer, 60, 60).scores(matrix).shape == (600, 60)
    assert (scorer.scores(matrix).argmax(axis=1) == labels).mean() > 0.9


@families
@kinds
def test_rows_of_zeros_and_columns_that_tell_nothing(name: str, kind: str) -> None:
    matrix, labels = PROBLEMS[kind]()
    wide = np.zeros((600, matrix.shape[1] + 2), np.float32)
    wide[:, 1:-1] = matrix.toarray() if issparse(matrix) else matrix
    wide[300:320] = 0
    wide[:, -1] = 1
    taken = csr_matrix(wide) if kind == "texts" else wide
    scores = fitted(name, taken, labels, 4).scores(taken)
    assert np.isfinite(scores).all()
    assert np.array_equal(scores[300:320], np.tile(scores[300], (20, 1)))
    assert (scores.argmax(axis=1) == labels).mean() > 0.8


@families
def test_features_that_tell_nothing_at_all_leave_the_shares_of_the_classes(name: str) -> None:
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    changes: dict[str, Any] = {"balance": 0.0} | ({"smoothing": 0.0} if name == "logistic" else {})
    scores = fitted(name, np.ones((100, 3), np.float32), labels, 3, **changes).scores(np.ones((1, 3), np.float32))[0]
    if name == "svm":
        assert scores[0] > scores[1] > scores[2]
    else:
        assert np.exp(scores) / np.exp(scores).sum() == pytest.approx([0.6, 0.3, 0.1], abs=0.05)


@families
def test_balance_finds_more_of_the_rare(name: str) -> None:
    matrix, labels = rare_problem(0)
    others, truth = rare_problem(1)
    if name == "logistic":
        changes: dict[str, Any] = {"smoothing": 0.0}
    else:
        changes = {"leaf": 5} if name == "forest" else {}
    found = [shares(others, truth, fitted(name, matrix, labels, 3, balance=b, **changes).scores(others)) for b in (0.0, 1.0)]
    assert found[1][2] > found[0][2] + 0.1
    assert found[1][0] < found[0][0]


@families
@pytest.mark.parametrize(("rows", "classes"), [(0, 3), (5, 1), (5, 0)])
def test_too_little_to_learn_from_is_refused(name: str, rows: int, classes: int) -> None:
    with pytest.raises(TrainingError, match=f"{rows} rows of {classes} classes"):
        fitted(name, np.ones((rows, 2), np.float32), np.zeros(rows, np.intp), classes)


@families
@kinds
def test_nothing_is_lost_by_saving(made: Any, name: str, kind: str) -> None:
    scorer, matrix, _, columns = made[name, kind]
    loaded = again(scorer, columns, 4)
    assert type(loaded) is type(scorer)
    assert loaded.kind == scorer.kind == scorer.to_parts()[0]["kind"]
    assert loaded.to_parts() == scorer.to_parts()
    assert np.array_equal(loaded.scores(matrix), scorer.scores(matrix))


@families
@kinds
def test_parts_of_another_shape_are_refused(made: Any, name: str, kind: str) -> None:
    scorer, _, _, columns = made[name, kind]
    settings, files = scorer.to_parts()
    used = getattr(scorer, "columns", np.arange(columns)).max() + 1
    # A forest that never answers the last class fits one class less as well, so classes are told apart by one more.
    shapes = [(used - 1, 4), (columns, 2), (columns, 1)]
    if name != "forest":
        shapes += [(columns, 5), (columns, 3)]
    for wide, classes in shapes:
        with pytest.raises(BundleError):
            load_scorer(settings, files, wide, classes)


@families
def test_parts_that_are_missing_cut_short_or_foreign_are_refused(made: Any, name: str) -> None:
    scorer, _, _, columns = made[name, "dense"]
    settings, files = scorer.to_parts()
    assert load_scorer(settings, {**files, "more": b""}, columns, 4).kind == scorer.kind
    for file, data in files.items():
        with pytest.raises(BundleError, match=f"has no {file}"):
            load_scorer(settings, {own: files[own] for own in files if own != file}, columns, 4)
        for size in (0, 1, 2, 10, 60, len(data) // 2, len(data) - 1):
            with pytest.raises(BundleError, match=f"{file} cannot be read"):
                load_scorer(settings, {**files, file: data[:size]}, columns, 4)
        stream = io.BytesIO()
        np.save(stream, np.zeros(3))
        for foreign in (
            b"\0" * 100,
            b"cos\nsystem\n(S'exit 1'\ntR.",
            stream.getvalue(),
            array_bytes({"other": np.zeros(3)}),
        ):
            with pytest.raises(BundleError, match=file):
                load_scorer(settings, {**files, file: foreign}, columns, 4)
    for other in ({}, {"kind": "tree"}, {"kind": None}):
        with pytest.raises(BundleError, match="does not know"):
            load_scorer(other, files, columns, 4)
    with pytest.raises(BundleError, match="'other' is no"):
        type(scorer).from_parts({**settings, "kind": "other"}, files, columns, 4)


@families
def test_bytes_that_changed_never_do_more_than_refuse(made: Any, name: str) -> None:
    scorer, matrix, _, columns = made[name, "dense"]
    settings, files = scorer.to_parts()
    generator = np.random.default_rng(0)
    refused = 0
    for file, data in files.items():
        for _ in range(150):
            bad = bytearray(data)
            for place in generator.integers(0, len(data), generator.integers(1, 4)):
                bad[place] = generator.integers(0, 256)
            try:
                load_scorer(settings, {**files, file: bytes(bad)}, columns, 4).scores(matrix[:5])
            except BundleError:
                refused += 1
    assert refused > 50


@families
def test_no_file_needs_pickle(made: Any, name: str) -> None:
    _, files = made[name, "texts"][0].to_parts()
    for file, data in files.items():
        if file.endswith(".npz"):
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                assert all(archive[member].dtype.kind in "iuf" for member in archive.files)
        else:
            assert file.endswith(".ubj")


def test_what_answers_imports_nothing_that_fits(made: Any, tmp_path: Any) -> None:
    matrix, _ = dense_problem(600, classes=4)
    np.save(tmp_path / "rows.npy", matrix[:5])
    for name in OPTIONS:
        settings, files = made[name, "dense"][0].to_parts()
        (tmp_path / f"{name}.json").write_bytes(orjson.dumps([settings, sorted(files)]))
        for file, data in files.items():
            (tmp_path / f"{name}-{file}").write_bytes(data)
    code = f"""
import sys, pathlib, orjson, numpy
from aisle.models.scorers import load_scorer
import aisle.models.component, aisle.models.families, aisle.models.text_space
folder = pathlib.Path({str(tmp_path)!r})
rows = numpy.load(folder / "rows.npy")
for name in {list(OPTIONS)!r}:
    settings, names = orjson.loads((folder / f"{{name}}.json").read_bytes())
    scorer = load_scorer(settings, {{n: (folder / f"{{name}}-{{n}}").read_bytes() for n in names}}, rows.shape[1], 4)
    numpy.save(folder / f"{{name}}.npy", scorer.scores(rows))
print(sorted({{"sklearn", "xgboost", "scipy.optimize", "pickle5", "joblib", "pandas"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
    for name in OPTIONS:
        assert np.array_equal(np.load(tmp_path / f"{name}.npy"), made[name, "dense"][0].scores(matrix[:5]))


def test_a_forest_wider_than_it_can_name_is_refused() -> None:
    wide = np.zeros((2, 70_000), np.float32)
    with pytest.raises(TrainingError, match="cannot hold 70000 features"):
        forest_fit.fit(wide, np.arange(2), 2, ForestOptions(trees=1), seed=0, jobs=1)


def test_each_family_is_known_by_its_name() -> None:
    assert [family.name for family in FAMILIES.values()] == list(FAMILIES)
    for name, options in OPTIONS.items():
        family = family_named(name)
        assert family is FAMILIES[name]
        assert family.modalities == MODALITIES
        assert isinstance(options, family.options)
    with pytest.raises(ModelError, match="'forrest'") as caught:
        family_named("forrest")
    assert "Did you mean forest?" in caught.value.hint
    with pytest.raises(ModelError) as caught:
        family_named("x")
    assert "Did you mean" not in caught.value.hint
    assert "logistic, svm, forest, boosting" in caught.value.hint


@families
def test_a_family_asks_its_own_candidates_and_costs(name: str) -> None:
    family = FAMILIES[name]
    for options in family.candidates("text", 1_000, 5):
        assert isinstance(options, family.options)
        assert family.cost(1_000, 50_000, 5, options) > 0
        assert family.memory(1_000, 50_000, 3_000, 5, options) > 0
