"""Scores of rows by models that have not learnt from them, and the last fit of all."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.settings import Training
from aisle.training.ensemble import OutOfFold, fit_all, fold_of, out_of_fold
from aisle.training.fit import silent
from aisle.training.layout import Layout, lay_out
from aisle.training.search.trial import Trial
from aisle.training.workbench import opened
from tests.unit.models.examples import SMALL
from tests.unit.training.frames import catalogue, frame
from tests.unit.training.pictures import drawn, pictured

TEXT, IMAGE, BOTH = (Trial("logistic", modality, {}) for modality in ("text", "image", "both"))
EAGER = Trial("logistic", "text", {"penalty": 1e-4, "smoothing": 0.0})
"""Learns by heart whatever it is shown."""


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=120),
    st.integers(2, 6),
    st.integers(0, 3),
)
def test_groups_stay_whole_and_folds_are_of_a_size(groups: list[int], folds: int, seed: int) -> None:
    numbers = np.array(groups, np.int64)
    fold = fold_of(numbers, folds, seed)
    assert fold.shape == numbers.shape
    for group in set(groups):
        assert len(set(fold[numbers == group].tolist())) == 1
    filled = np.bincount(fold, minlength=folds)
    assert filled.size == folds
    largest = max(np.bincount(numbers))
    assert filled.max() - filled.min() <= largest
    assert np.array_equal(fold, fold_of(numbers, folds, seed))


def test_folds_depend_on_the_seed_and_not_on_the_groups_numbers() -> None:
    groups = np.repeat(np.arange(50), 2)
    one, other = fold_of(groups, 5, 1), fold_of(groups, 5, 2)
    assert not np.array_equal(one, other)
    assert np.array_equal(fold_of(groups * 7 + 3, 5, 1), one)
    assert np.bincount(one).tolist() == np.bincount(other).tolist() == [20] * 5


@pytest.fixture(scope="module")
def by_heart(options: Training, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Layout]:
    """Titles of words of their own, each there twice, with labels drawn by lot."""
    generator = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    titles = [" ".join("".join(generator.choice(letters, 6)) for _ in range(3)) for _ in range(150)]
    labels = generator.integers(0, 2, len(titles))
    rows = frame([title for title in titles for _ in range(2)], [str(label) for label in labels for _ in range(2)])
    laid = lay_out(rows, options, SMALL, None, silent)
    folder = tmp_path_factory.mktemp("by-heart")
    laid.bench.save(folder)
    return folder, laid


def test_no_row_is_scored_by_a_model_that_has_learnt_from_it_or_its_duplicate(by_heart: tuple[Path, Layout]) -> None:
    folder, laid = by_heart
    every, labels = np.arange(laid.rows.height), laid.bench.labels
    fitted = laid.bench.fit(EAGER, every, seed=1)
    assert (laid.bench.scores(fitted, every).argmax(axis=1) == labels).mean() > 0.99, "it can learn them by heart"

    def accuracy(fold: np.ndarray) -> float:
        held = out_of_fold(folder, [EAGER], every, fold, seed=1, jobs=1, told=silent)
        return float((held.scores[0].argmax(axis=1) == labels).mean())

    # Chance is a half, and 150 independent labels are within 0.13 of it at 3 standard errors.
    assert abs(accuracy(fold_of(laid.groups, 3, 1)) - 0.5) < 0.13
    assert accuracy(np.arange(laid.rows.height) % 2) > 0.99, "were twins parted, the labels would be known"


def test_scores_are_those_of_copies_fitted_without_the_fold(laid: Layout, bench_folder: Path) -> None:
    rows = laid.learnable
    fold = fold_of(laid.groups[rows], 2, 1)
    told: list[tuple[str, int, int]] = []
    held = out_of_fold(bench_folder, [TEXT, IMAGE, BOTH], rows, fold, seed=1, jobs=1, told=lambda *call: told.append(call))
    assert told == [("scoring rows out of fold", 1, 6)] * 6
    for trial, scores, usable in zip((TEXT, IMAGE, BOTH), held.scores, held.usable, strict=True):
        assert np.array_equal(usable, laid.bench.usable(trial.modality)[rows])
        for part in (0, 1):
            copy = laid.bench.fit(trial, rows[fold != part], seed=1)
            assert np.array_equal(scores[fold == part], laid.bench.scores(copy, rows[fold == part]))


@pytest.mark.slow
def test_it_does_not_depend_on_how_many_processes_there_are(laid: Layout, bench_folder: Path) -> None:
    rows = laid.learnable
    fold = fold_of(laid.groups[rows], 2, 1)
    one, two = (out_of_fold(bench_folder, [TEXT, IMAGE], rows, fold, seed=1, jobs=jobs, told=silent) for jobs in (1, 2))
    assert [scores.tobytes() for scores in one.scores] == [scores.tobytes() for scores in two.scores]
    first, second = (fit_all(bench_folder, [TEXT, IMAGE], rows, seed=1, jobs=jobs) for jobs in (1, 2))
    assert [fitted.component.to_parts() for fitted in first] == [fitted.component.to_parts() for fitted in second]


def test_the_last_fit_is_one_on_all_rows_for_each_candidate_in_their_order(laid: Layout, bench_folder: Path) -> None:
    rows = laid.learnable
    found = fit_all(bench_folder, [IMAGE, TEXT], rows, seed=1, jobs=1)
    assert [fitted.component.name for fitted in found] == ["image-logistic", "text-logistic"]
    for trial, fitted in zip((IMAGE, TEXT), found, strict=True):
        own = opened(bench_folder).fit(trial, rows, seed=1)
        assert fitted.component.to_parts() == own.component.to_parts()


def test_a_fold_for_which_too_few_images_are_left_is_not_scored_by_them(options: Training, tmp_path: Path) -> None:
    rows = catalogue(60)
    first = {label: rows["label"].to_list().index(label) for label in ("10", "50")}
    made, read = pictured(rows, drawn(rows, list(first.values())))
    laid = lay_out(made, options.model_copy(update={"gold_share": 0.05}), SMALL, read, silent)
    assert laid.modalities == ("text", "image", "both"), "both are learnt from, and a copy may lack one of them"
    laid.bench.save(tmp_path)
    fold = np.arange(rows.height) % 2
    fold[list(first.values())] = (0, 1)
    held: OutOfFold = out_of_fold(tmp_path, [TEXT, IMAGE], np.arange(60), fold, seed=1, jobs=1, told=silent)
    assert held.usable[0].all()
    assert not held.usable[1].any()
    assert not held.scores[1].any()


def test_with_one_fold_there_is_nothing_to_learn_from(by_heart: tuple[Path, Layout]) -> None:
    held = out_of_fold(by_heart[0], [TEXT], np.arange(40), np.zeros(40, np.intp), seed=1, jobs=1, told=silent)
    assert not held.usable[0].any()
